"""R38: `giftcard terms` shows what holds on a day, and docs/terms.md what is built in."""

import json
from datetime import date
from typing import Any, Final

import pytest
from typer import Typer
from typer.testing import CliRunner, Result

from giftcard_client.cli.amounts import MINOR_DIGITS
from giftcard_server.commands import tables
from giftcard_server.commands import terms as command
from given.house import ROOT

pytestmark = pytest.mark.one_database
MARKETS: Final = '{"fr": {"versions": [{"in_force_from": "2027-01-01", "return_days": 60}]}}'


@pytest.fixture(autouse=True)
def two_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIFTCARD_MARKETS", MARKETS)


def run(*arguments: str) -> Result:
    app = Typer()
    app.command()(command.terms)
    return CliRunner().invoke(app, arguments)


def shown(*arguments: str) -> Any:
    return json.loads(run("-o", "json", *arguments).stdout)


@pytest.mark.parametrize(
    ("on", "since", "days"), [("2026-12-31", None, 30), ("2027-01-01", "2027-01-01", 60)]
)
def test_r38_the_terms_of_a_day_are_shown(on: str, since: str | None, days: int) -> None:
    (french,) = shown("--market", "fr", "--on", on)
    assert (french["in_force_from"], french["return_days"]) == (since, days)
    text = run("--on", on).stdout
    assert f"within {days} days of its delivery (R21)" in text


def test_without_a_day_the_terms_of_today_are_shown() -> None:
    (french,) = shown()
    days = 60 if date.today() >= date(2027, 1, 1) else 30  # noqa: DTZ011 - as the command, which reads the clock
    assert french["return_days"] == days


def test_amounts_have_the_digits_of_their_currency(monkeypatch: pytest.MonkeyPatch) -> None:
    japan = {
        "currency": "JPY",
        "time_zone": "Asia/Tokyo",
        "holiday_calendar": "JP",
        "min_amount_minor": 1000,
        "max_amount_minor": 50000,
    }
    monkeypatch.setenv("GIFTCARD_MARKETS", json.dumps({"jp": japan}))
    assert "any amount from 1000 to 50000 JPY" in run("--market", "jp").stdout
    assert tables.MINOR_DIGITS == MINOR_DIGITS


@pytest.mark.parametrize(
    ("arguments", "mistake"),
    [
        (("--market", "xx"), "there is no market xx; there are fr"),
        (("--on", "soon"), "must be a day, such as 2027-01-01"),
    ],
)
def test_what_cannot_be_shown_is_refused(arguments: tuple[str, ...], mistake: str) -> None:
    refused = run(*arguments)
    assert refused.exit_code == 2
    assert mistake in refused.output


def test_the_page_of_terms_is_the_one_that_is_made_today() -> None:
    page = (ROOT / "docs" / "terms.md").read_text(encoding="utf-8")
    assert page == command.page()
