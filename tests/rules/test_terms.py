"""The French market's terms are those of the source, and a test names every rule."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from giftcard_rules.terms import FRENCH_TERMS, GIFT_CARD_CATEGORY, MESSAGE_MAX_CHARACTERS
from given.made_facts import FRANCE

RULES_WITH_TESTS = [*range(1, 8), *range(10, 30), *range(33, 40)]
# Where the others are, or will be.
ELSEWHERE = {
    8: "sending e-mail: a later issue",
    9: "sending e-mail: a later issue",
    30: "tests/storage/test_people.py",
    31: "a retention job: a later issue",
    32: "PrivacyService: a later issue",
}


def named_rules() -> set[int]:
    """Return the rules' numbers in the names of all tests of this folder."""
    folder = Path(__file__).parent
    sources = [path.read_text(encoding="utf-8") for path in folder.glob("test_*.py")]
    names = [name for source in sources for name in re.findall(r"def (test_\w+)", source)]
    return {int(number) for name in names for number in re.findall(r"_r(\d+)", name)}


@pytest.mark.parametrize("rule", RULES_WITH_TESTS, ids=lambda rule: f"R{rule}")
def test_every_rule_is_named_by_a_test(rule: int) -> None:
    assert rule in named_rules()


def test_every_rule_is_enforced_or_has_its_place() -> None:
    assert sorted([*RULES_WITH_TESTS, *ELSEWHERE]) == [*range(1, 40)]


def test_r2_a_french_card_is_worth_20_to_500_euros() -> None:
    assert FRANCE.currency == "EUR"
    assert (FRENCH_TERMS.min_amount_minor, FRENCH_TERMS.max_amount_minor) == (20_00, 500_00)


def test_r2_every_preset_is_an_amount_that_can_be_bought() -> None:
    for preset_minor in FRENCH_TERMS.preset_amounts_minor:
        assert FRENCH_TERMS.min_amount_minor <= preset_minor <= FRENCH_TERMS.max_amount_minor


def test_r4_there_is_a_default_design_and_each_design_is_listed_once() -> None:
    assert FRENCH_TERMS.designs
    assert len(set(FRENCH_TERMS.designs)) == len(FRENCH_TERMS.designs)


def test_r5_a_message_has_at_most_500_characters() -> None:
    assert MESSAGE_MAX_CHARACTERS == 500


def test_r12_r21_r25_the_french_periods_are_6_months_30_days_and_14_days() -> None:
    assert FRENCH_TERMS.validity_months == 6
    assert FRENCH_TERMS.return_days == 30
    assert FRENCH_TERMS.cancellation_days == 14
    assert FRANCE.time_zone.key == "Europe/Paris"
    assert FRANCE.holiday_calendar == "FR"


def test_r18_gift_cards_have_a_category_of_their_own() -> None:
    assert GIFT_CARD_CATEGORY == "gift_card"
    assert GIFT_CARD_CATEGORY not in FRENCH_TERMS.ineligible_categories


def test_r34_a_hold_lasts_a_day_by_default_and_a_week_at_most() -> None:
    assert FRANCE.default_hold == timedelta(days=1)
    assert FRANCE.longest_hold == timedelta(days=7)
