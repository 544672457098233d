"""Letters in Debian's chromium: on a phone and on a desk, light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from giftcard_rules.deliveries import DeliveryKind
from giftcard_rules.terms import FRENCH_TERMS
from giftcard_server.mail.made_up import CODE, made_up
from given.browser.chromium import ASKED_FOR, MISSING, OVERFLOWING, WHY_SKIPPED, Chromium
from given.browser.letters_shown import Window

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=WHY_SKIPPED),
    pytest.mark.xdist_group("browser"),
]

WIDTHS: Final = (360, 1200)  # A phone, and a desk.
LANGUAGES: Final = ("fr", "en")
LONG: Final = "W" * 64
HOSTILE: Final[dict[str, Any]] = {
    "message": "W" * 500,
    "addressee_name": LONG,
    "purchaser_name": LONG,
    "recipient_name": LONG,
    "named_by_name": LONG,
    "purchase_order_id": "9" * 64,
    "order_id": "9" * 64,
    "amount_minor": 123_456_789_00,
}
# The code as it is marked by a click, and copied: in one piece.
CLICKED: Final = """
const code = document.querySelector('.code');
getSelection().removeAllRanges();
getSelection().selectAllChildren(code);
return getSelection().toString();
"""
CODE_LINES: Final = """
const code = document.querySelector('.code');
const range = document.createRange();
range.selectNodeContents(code);
return [code.childNodes.length, range.getClientRects().length, getComputedStyle(code).userSelect];
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    with Chromium() as started:
        yield started


@pytest.fixture(scope="module")
def window(browser: Chromium, tmp_path_factory: pytest.TempPathFactory) -> Window:
    return Window(browser, tmp_path_factory.mktemp("pages"))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", DeliveryKind)
def test_nothing_overflows_and_everything_can_be_read(
    window: Window, kind: DeliveryKind, language: str
) -> None:
    for width in WIDTHS:
        for dark in (False, True):
            window.show(made_up(kind, locale=language), width=width, dark=dark)
            shown = window.judged()
            assert (shown.overflowing, shown.violations) == ([], []), (width, dark)


@pytest.mark.parametrize("design", [*FRENCH_TERMS.designs, "unknown"])
def test_r4_every_design_can_be_read(window: Window, design: str) -> None:
    for dark in (False, True):
        window.show(made_up(DeliveryKind.CARD, design=design), width=WIDTHS[0], dark=dark)
        assert window.judged() == ([], []), dark


@pytest.mark.parametrize("kind", DeliveryKind)
def test_r5_what_does_not_want_to_wrap_wraps(
    browser: Chromium, window: Window, kind: DeliveryKind
) -> None:
    for width in WIDTHS:
        window.show(made_up(kind, **HOSTILE), width=width, dark=False)
        assert browser.run(OVERFLOWING) == [], width


def test_the_code_is_marked_in_one_piece(browser: Chromium, window: Window) -> None:
    for width in (320, 360, 1200):
        window.show(made_up(DeliveryKind.CARD), width=width, dark=False)
        assert browser.run(CODE_LINES) == [1, 1, "all"]
        assert browser.run(CLICKED) == CODE
        assert browser.run(ASKED_FOR) == []


def test_a_page_that_overflows_and_cannot_be_read_is_noticed(
    browser: Chromium, window: Window, tmp_path: Path
) -> None:
    page = tmp_path / "bad.html"
    page.write_text(
        "<!DOCTYPE html><html lang=en><title>x</title><body style='background:#fff'>"
        f"<p style='color:#ccc'>{'W' * 500}</p>",
        encoding="utf-8",
    )
    browser.show(page, width=360, dark=False)
    shown = window.judged()
    assert shown.overflowing
    assert any(each.startswith("color-contrast: ") for each in shown.violations)
