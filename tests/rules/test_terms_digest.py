"""R38: the digest of a version of terms, which databases keep for good."""

from dataclasses import replace
from datetime import date
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest

from giftcard_rules.commands import Declined, Issued
from giftcard_rules.decisions import TermsVersion
from giftcard_rules.facts import Facts
from giftcard_rules.terms import FRENCH_TERMS, Terms, UnknownTermsError
from giftcard_rules.terms_digest import differences, version_of
from given.made_facts import FRANCE, MARKETS, NOW, Books, issue

# Databases hold these bytes: neither may ever change.
GOLDEN: Final = {
    FRENCH_TERMS: TermsVersion(
        "fr",
        "",
        '{"cancellation_days":14,"currency":"EUR","designs":["classic","birthday","christmas",'
        '"congratulations","thank_you","wedding"],"ineligible_categories":["insurance",'
        '"mobile_plan"],"max_amount_minor":50000,"min_amount_minor":2000,'
        '"restores_when_not_performed":false,"return_days":30,"time_zone":"Europe/Paris",'
        '"validity_months":6}',
    ),
    Terms(
        min_amount_minor=1,
        max_amount_minor=2**40,
        preset_amounts_minor=(5,),
        designs=("z", "été", '"a"'),
        validity_months=1200,
        cancellation_days=20,
        return_days=60,
        ineligible_categories=frozenset({"b", "a", "C"}),
        restores_when_not_performed=True,
        in_force_from=date(2027, 1, 1),
    ): TermsVersion(
        "fr",
        "2027-01-01",
        '{"cancellation_days":20,"currency":"EUR","designs":["z","\\u00e9t\\u00e9","\\"a\\""],'
        '"ineligible_categories":["C","a","b"],"max_amount_minor":1099511627776,'
        '"min_amount_minor":1,"restores_when_not_performed":true,"return_days":60,'
        '"time_zone":"Europe/Paris","validity_months":1200}',
    ),
}


@pytest.mark.parametrize("terms", GOLDEN)
def test_r38_a_digest_never_changes(terms: Terms) -> None:
    assert version_of(FRANCE, terms) == GOLDEN[terms]


def digest(**changes: Any) -> str:
    of_market = {name: changes.pop(name) for name in ("currency", "time_zone") if name in changes}
    market, terms = replace(FRANCE, **of_market), replace(FRENCH_TERMS, **changes)
    return version_of(market, terms).digest


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"min_amount_minor": 1}, ["min_amount_minor was 2000 and is 1"]),
        ({"max_amount_minor": 1}, ["max_amount_minor was 50000 and is 1"]),
        ({"validity_months": 7}, ["validity_months was 6 and is 7"]),
        ({"return_days": 31}, ["return_days was 30 and is 31"]),
        ({"cancellation_days": 15}, ["cancellation_days was 14 and is 15"]),
        (
            {"ineligible_categories": frozenset({"insurance"})},
            ['ineligible_categories was ["insurance", "mobile_plan"] and is ["insurance"]'],
        ),
        (
            {"restores_when_not_performed": True},
            ["restores_when_not_performed was false and is true"],
        ),
        ({"time_zone": ZoneInfo("UTC")}, ['time_zone was "Europe/Paris" and is "UTC"']),
        ({"currency": "CHF"}, ['currency was "EUR" and is "CHF"']),
        (
            {"return_days": 31, "cancellation_days": 15},
            ["cancellation_days was 14 and is 15", "return_days was 30 and is 31"],
        ),
        ({"preset_amounts_minor": ()}, []),
        ({}, []),
    ],
)
def test_r38_differences_are_named(changes: dict[str, Any], named: list[str]) -> None:
    assert differences(digest(), digest(**changes)) == named


def test_the_order_of_designs_counts_as_the_first_is_the_default() -> None:
    turned = tuple(reversed(FRENCH_TERMS.designs))
    assert len(differences(digest(), digest(designs=turned))) == 1


def test_a_term_that_was_not_noted_is_no_difference_and_one_that_was_forgotten_is() -> None:
    assert differences('{"return_days":30}', digest()) == []
    assert differences('{"cooling":3}', digest()) == ["cooling was 3 and is null"]


def test_r38_the_first_sale_under_a_version_notes_it() -> None:
    books = Books()
    first, second = books.decide(issue()), books.decide(issue())
    assert first.first_sold == version_of(FRANCE, FRENCH_TERMS)
    assert second.first_sold is None
    assert isinstance(second.outcome, Issued)


def test_r38_a_sale_that_is_declined_notes_nothing() -> None:
    decision = Books().decide(issue(1))
    assert isinstance(decision.outcome, Declined)
    assert decision.first_sold is None


def test_r38_nothing_is_sold_under_other_terms_than_those_noted() -> None:
    facts = Facts()
    facts.add_terms_version(TermsVersion("fr", "", digest(return_days=60)))
    books = Books(MARKETS)
    books.facts = facts
    with pytest.raises(UnknownTermsError, match=r"of fr were .* return_days was 60 and is 30"):
        books.decide(issue())
    assert books.now == NOW
    assert not facts.cards
