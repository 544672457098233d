"""R38: the versions of a market's terms, from a TOML file."""

import tomllib
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Final

import pytest

from giftcard_rules.terms import FRENCH_TERMS, Market, Terms
from giftcard_server.errors import SettingsError
from giftcard_server.settings_reading import CONFIG, read_settings
from given.servers.running import settings

pytestmark = pytest.mark.one_database
NEW_YEAR: Final = date(2027, 1, 1)
SUMMER: Final = date(2027, 7, 1)

DEARER: Final = """
[[markets.fr.versions]]
in_force_from = 2027-01-01
max_amount_minor = 60000
return_days = 60

[[markets.fr.versions]]
in_force_from = "2027-07-01"
ineligible_categories = ["books"]
restores_when_not_performed = true
"""
ALWAYS_OTHER: Final = """
[markets.fr]
longest_hold_seconds = 172800

[[markets.fr.versions]]
max_amount_minor = 60000

[[markets.fr.versions]]
in_force_from = 2027-01-01
validity_months = 12
"""
NEW_MARKET: Final = """
[markets.uk]
currency = "GBP"
time_zone = "Europe/London"
holiday_calendar = "GB-ENG"

[[markets.uk.versions]]
min_amount_minor = 1000
max_amount_minor = 50000

[[markets.uk.versions]]
in_force_from = 2027-01-01
designs = ["plain"]
"""


NEW_MARKET_TABLE: Final = """
[markets.uk]
currency = "GBP"
time_zone = "Europe/London"
min_amount_minor = 1000
max_amount_minor = 50000
holiday_calendar = "GB-ENG"
"""
FROM_2027: Final = "[[markets.fr.versions]]\nin_force_from = 2027-01-01\n"
# Settings that do not fit, and how the mistake begins.
MISTAKES: Final = (
    (NEW_MARKET_TABLE + "return_days = 13", "markets.uk.return_days: must be at least 14 days"),
    (
        NEW_MARKET_TABLE + "cancellation_days = 0",
        "markets.uk.cancellation_days: must be at least 14",
    ),
    (FROM_2027 + "return_days = 13", "markets.fr.versions.0.return_days: must be at least 14"),
    (FROM_2027 + "currency = 'USD'", "markets.fr.versions.0.currency: "),
    (FROM_2027 + "time_zone = 'Europe/London'", "markets.fr.versions.0.time_zone: "),
    (FROM_2027 + "default_hold_seconds = 5", "markets.fr.versions.0.default_hold_seconds: "),
    (
        FROM_2027 + "max_amount_minor = 100",
        "markets: fr: min_amount_minor must not exceed max_amount_minor (from 2027-01-01 on)",
    ),
    (
        FROM_2027 + "min_amount_minor = 3000",
        "markets: fr: preset_amounts_minor must lie within the range of amounts (from 2027-01-01",
    ),
    (FROM_2027 + FROM_2027, "markets: fr: two versions are in force from 2027-01-01 on"),
    (
        FROM_2027 + FROM_2027.replace("2027", "2026"),
        "markets: fr: versions must be in the order of their days: 2026-01-01 follows 2027-01-01",
    ),
    (
        FROM_2027 + "[[markets.fr.versions]]\n",
        "markets: fr: each version after the first needs an in_force_from",
    ),
    ("[markets.fr]\nreturn_days = 30\n" + FROM_2027, "markets: fr: return_days must stand in"),
    (
        FROM_2027.replace("-01\n", "-01T00:00:00Z\n"),
        "markets.fr.versions.0.in_force_from: must be a day",
    ),
    (
        FROM_2027.replace("2027-01-01", "0"),
        "markets.fr.versions.0.in_force_from: must be a day",
    ),
    (
        FROM_2027.replace("2027-01-01", "'soon'"),
        "markets.fr.versions.0.in_force_from: must be a day",
    ),
    (
        NEW_MARKET_TABLE + FROM_2027.replace(".fr.", ".uk."),
        "markets: uk: the first version of a new market has always held",
    ),
)


def market(folder: Path, name: str, config: str) -> Market:
    return settings(folder, **tomllib.loads(config)).known_markets[name]


def test_r38_a_version_differs_from_the_one_before_in_what_it_sets(tmp_path: Path) -> None:
    dearer = replace(FRENCH_TERMS, in_force_from=NEW_YEAR, max_amount_minor=600_00, return_days=60)
    later = replace(
        dearer,
        in_force_from=SUMMER,
        ineligible_categories=frozenset({"books"}),
        restores_when_not_performed=True,
    )
    assert market(tmp_path, "fr", DEARER).versions == (FRENCH_TERMS, dearer, later)


def test_r38_what_has_always_held_may_be_a_version_of_its_own(tmp_path: Path) -> None:
    always: Terms = replace(FRENCH_TERMS, max_amount_minor=600_00)
    later = replace(always, in_force_from=NEW_YEAR, validity_months=12)
    french = market(tmp_path, "fr", ALWAYS_OTHER)
    assert french.versions == (always, later)
    assert french.longest_hold.days == 2


def test_r38_a_new_market_has_its_terms_in_its_first_version(tmp_path: Path) -> None:
    british = market(tmp_path, "uk", NEW_MARKET)
    first, later = british.versions
    assert (first.in_force_from, first.min_amount_minor, first.preset_amounts_minor) == (
        None,
        10_00,
        (),
    )
    assert later == replace(first, in_force_from=NEW_YEAR, designs=("plain",))
    # Good Friday is a holiday there, and none in France.
    assert not british.is_working_day(date(2027, 3, 26))


def test_a_market_without_versions_has_one_that_has_always_held(tmp_path: Path) -> None:
    french = market(tmp_path, "fr", "[markets.fr]\nmax_amount_minor = 60000\n")
    assert french.versions == (replace(FRENCH_TERMS, max_amount_minor=600_00),)
    assert french.is_working_day(date(2027, 3, 26))


@pytest.mark.parametrize(("config", "mistake"), MISTAKES)
def test_r38_a_mistake_in_dated_settings_begins_with_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: str, mistake: str
) -> None:
    file = tmp_path / "giftcard.toml"
    file.write_text(config, encoding="utf-8")
    monkeypatch.setenv(CONFIG, str(file))
    with pytest.raises(SettingsError) as refused:
        read_settings()
    (only,) = str(refused.value).splitlines()
    assert only.startswith(mistake)
