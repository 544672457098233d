"""R38: a card lives under the terms that were in force when it was bought."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Final

import pytest

from giftcard_rules.cards import Authorization, Card, timestamp
from giftcard_rules.commands import Cancelled, Captured, Declined, PaymentMethod, ReverseReason
from giftcard_rules.reasons import MalformedError, Reason
from giftcard_rules.terms import FRENCH_TERMS, Terms, UnknownTermsError
from given.made_facts import (
    FRANCE,
    Books,
    authorize,
    cancel,
    capture,
    euros,
    issue,
    order,
    reverse,
)

FROM: Final = date(2027, 1, 1)
# Midnight of New Year in Paris.
MIDNIGHT: Final = datetime(2026, 12, 31, 23, 0, tzinfo=UTC)
EVE: Final = MIDNIGHT - timedelta(microseconds=1)

NEW: Final = Terms(
    min_amount_minor=10_00,
    max_amount_minor=300_00,
    preset_amounts_minor=(50_00,),
    designs=("plain", "birthday"),
    validity_months=12,
    cancellation_days=20,
    return_days=60,
    ineligible_categories=frozenset({"books"}),
    restores_when_not_performed=True,
    in_force_from=FROM,
)
MARKETS: Final = {"fr": replace(FRANCE, versions=(FRENCH_TERMS, NEW))}


@pytest.fixture
def books() -> Books:
    """Books that open on the eve of the new terms."""
    books = Books(MARKETS)
    books.now = EVE
    return books


def old_and_new(books: Books, amount_minor: int = 50_00) -> tuple[Card, Card]:
    """A card of each version, bought within two microseconds."""
    old = books.bought(amount_minor)
    books.now = MIDNIGHT
    return old, books.bought(amount_minor, design="plain")


@pytest.mark.parametrize(
    ("now", "terms"),
    [
        (datetime(1970, 1, 1, tzinfo=UTC), FRENCH_TERMS),
        (EVE, FRENCH_TERMS),
        (MIDNIGHT, NEW),
        (datetime(2027, 1, 1, tzinfo=UTC), NEW),
        (datetime(2127, 1, 1, tzinfo=UTC), NEW),
    ],
)
def test_r38_a_version_begins_at_midnight_in_the_market(now: datetime, terms: Terms) -> None:
    assert MARKETS["fr"].terms_at(now) == terms


def test_r38_a_card_keeps_the_version_of_its_purchase(books: Books) -> None:
    old, new = old_and_new(books)
    assert (old.terms_from, new.terms_from) == (None, FROM)
    assert MARKETS["fr"].terms_of(books.card(old)) == FRENCH_TERMS
    assert MARKETS["fr"].terms_of(books.card(new)) == NEW


def test_r38_r12_validity_is_that_of_the_purchase(books: Books) -> None:
    old, new = old_and_new(books)
    assert timestamp(old.expires_at) == "2027-06-30T22:00:00Z"
    assert timestamp(new.expires_at) == "2028-01-01T23:00:00Z"


@pytest.mark.parametrize(
    ("now", "amount_minor", "reason"),
    [
        (EVE, 10_00, Reason.AMOUNT_OUT_OF_RANGE),
        (EVE, 500_00, None),
        (MIDNIGHT, 10_00, None),
        (MIDNIGHT, 300_01, Reason.AMOUNT_OUT_OF_RANGE),
    ],
)
def test_r38_r2_the_range_is_that_of_the_day(
    books: Books, now: datetime, amount_minor: int, reason: Reason | None
) -> None:
    books.now = now
    outcome = books.decide(issue(amount_minor, design="birthday")).outcome
    assert (outcome.reason if isinstance(outcome, Declined) else None) is reason


@pytest.mark.parametrize(
    ("now", "design", "sold"),
    [
        (EVE, "", "classic"),
        (EVE, "wedding", "wedding"),
        (EVE, "plain", None),
        (MIDNIGHT, "", "plain"),
        (MIDNIGHT, "birthday", "birthday"),
        (MIDNIGHT, "wedding", None),
    ],
)
def test_r38_r4_the_designs_are_those_of_the_day(
    books: Books, now: datetime, design: str, sold: str | None
) -> None:
    books.now = now
    command = issue(design=design)
    if sold is not None:
        purchase = books.decide(command).purchase
        assert purchase is not None
        assert purchase.design == sold
        return
    with pytest.raises(MalformedError) as malformed:
        books.decide(command)
    assert malformed.value.field == "design"


def test_r38_r4_an_unknown_design_is_malformed_whatever_else_a_rule_says(books: Books) -> None:
    command = issue(1, design="plain")
    bought = replace(command.purchase, payment_method=PaymentMethod.PAY_LATER)
    with pytest.raises(MalformedError):
        books.decide(replace(command, purchase=bought))


def test_r38_r1_what_cannot_be_bought_is_that_of_the_purchase(books: Books) -> None:
    for card, category in zip(old_and_new(books), ("insurance", "books"), strict=True):
        ineligible = order(order_id=category, lines=[(category, 10_00)])
        assert books.decide(authorize(card.card_id, ineligible)).outcome == Declined(
            Reason.NOTHING_ELIGIBLE
        )
    old, new = (each.card_id for each in books.facts.cards.values())
    for card_id, category in ((old, "books"), (new, "insurance")):
        eligible = order(order_id=f"other {category}", lines=[(category, 10_00)])
        assert not isinstance(books.decide(authorize(card_id, eligible)).outcome, Declined)


@pytest.mark.parametrize(
    ("exercised_on", "cancelled"),
    [
        (date(2027, 1, 14), [True, True]),
        (date(2027, 1, 15), [False, True]),
        (date(2027, 1, 21), [False, True]),
        (date(2027, 1, 22), [False, False]),
    ],
)
def test_r38_r25_the_time_to_cancel_is_that_of_the_purchase(
    books: Books, exercised_on: date, cancelled: list[bool]
) -> None:
    cards = old_and_new(books)
    books.now = MIDNIGHT + timedelta(days=40)
    outcomes = [books.decide(cancel(card, exercised_on=exercised_on)).outcome for card in cards]
    assert [isinstance(outcome, Cancelled) for outcome in outcomes] == cancelled


def test_r38_r21_the_time_to_return_is_that_of_the_purchase(books: Books) -> None:
    old, new = (books.paid(card, order(order_id=card.card_id)) for card in old_and_new(books))
    books.now = MIDNIGHT + timedelta(days=45)

    def returned(authorization: Authorization) -> object:
        return books.decide(
            reverse(
                authorization.authorization_id,
                reason=ReverseReason.CHANGE_OF_MIND,
                delivered_on=date(2027, 1, 2),
            )
        ).outcome

    declined = returned(old)
    assert isinstance(declined, Declined)
    assert declined.reason is Reason.RETURN_WINDOW_CLOSED
    assert declined.details == {"deadline": "2027-02-01T23:00:00Z"}
    assert not isinstance(returned(new), Declined)


def test_r38_r39_what_comes_back_if_the_seller_fails_is_that_of_the_purchase(books: Books) -> None:
    old, new = (
        books.paid(card, order(40_00, order_id=card.card_id)) for card in old_and_new(books)
    )
    books.now = MIDNIGHT + timedelta(days=30)
    why = ReverseReason.NOT_DELIVERED
    restored = [books.reversed(each, reason=why).authorization for each in (old, new)]
    assert [each and each.restored_minor for each in restored] == [0, 10_00]


def test_r38_a_replacement_lives_under_the_terms_of_the_purchase_it_goes_back_to(
    books: Books,
) -> None:
    old = books.bought()
    hold = books.authorized(old, order())
    books.now = MIDNIGHT
    part = books.decide(capture(hold.authorization_id, 30_00)).outcome
    assert isinstance(part, Captured)
    assert part.replacement is not None
    assert part.replacement.terms_from is None
    assert timestamp(part.replacement.expires_at) == "2027-07-01T22:00:00Z"
    refunded = books.reversed(part.authorization, refund_amount=euros(10_00)).replacement
    assert refunded is not None
    assert refunded.terms_from is None
    # And so does the replacement of the replacement.
    again = books.paid(part.replacement, order(20_00, order_id="order-2"))
    third = books.reversed(again).replacement
    assert third is not None
    assert third.terms_from is None


def test_r38_a_card_whose_terms_this_server_lacks_is_not_decided() -> None:
    books = Books(MARKETS)
    books.now = MIDNIGHT
    card = books.bought(design="plain")
    books.markets = {"fr": FRANCE}
    with pytest.raises(UnknownTermsError, match="fr has no terms from 2027-01-01 on"):
        books.decide(authorize(card.card_id, order()))


def test_r38_a_server_that_lacks_terms_that_are_sold_sells_nothing_under_former_ones() -> None:
    books = Books(MARKETS)
    books.now = MIDNIGHT
    books.decide(issue(design="plain"))
    books.markets = {"fr": FRANCE}
    with pytest.raises(UnknownTermsError, match="fr were sold under later terms"):
        books.decide(issue())
    books.now = EVE  # A clock that is behind sells what held then.
    assert books.bought().terms_from is None
