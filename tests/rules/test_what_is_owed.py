"""What customers are owed: the day that counts, other tenders, restored value (R21-R27, R39)."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from giftcard_rules.cards import AuthorizationState, Card
from giftcard_rules.commands import Declined, Money, Reversed, ReverseReason
from giftcard_rules.ledger import Posting, PostingKind
from giftcard_rules.reasons import Reason
from giftcard_rules.tender import is_gift_card
from giftcard_rules.terms import FRENCH_TERMS, Market
from given.made_facts import (
    FRANCE,
    MARKETS,
    NOW,
    Books,
    authorize,
    cancel,
    capture,
    euros,
    issue,
    order,
    reverse,
)

DELIVERED = date(2026, 11, 25)
MIND: dict[str, Any] = {"reason": ReverseReason.CHANGE_OF_MIND, "delivered_on": DELIVERED}
DAY = timedelta(days=1)


def reason_of(outcome: object) -> Reason | None:
    return outcome.reason if isinstance(outcome, Declined) else None


# R21: delivered on 25 November 2026, accepted through Monday 28 December.
@pytest.mark.parametrize(
    ("exercised_on", "arrives", "outcome"),
    [
        (date(2026, 12, 24), datetime(2026, 12, 28, 10, 0, tzinfo=UTC), None),
        (date(2026, 12, 24), datetime(2027, 1, 20, 10, 0, tzinfo=UTC), None),
        (date(2026, 12, 28), datetime(2027, 1, 20, 10, 0, tzinfo=UTC), None),
        (date(2026, 12, 29), datetime(2027, 1, 20, 10, 0, tzinfo=UTC), Reason.RETURN_WINDOW_CLOSED),
        (None, datetime(2026, 12, 28, 22, 59, tzinfo=UTC), None),
        (None, datetime(2026, 12, 28, 23, 0, tzinfo=UTC), Reason.RETURN_WINDOW_CLOSED),
        (date(2026, 11, 24), datetime(2026, 11, 26, 10, 0, tzinfo=UTC), None),  # Before delivery.
        (
            date(2026, 9, 13),
            datetime(2026, 11, 26, 10, 0, tzinfo=UTC),
            Reason.EXERCISE_DAY_OUT_OF_RANGE,
        ),
        # It is already the 27th in Paris, and still the 26th in UTC.
        (date(2026, 11, 27), datetime(2026, 11, 26, 23, 30, tzinfo=UTC), None),
        (
            date(2026, 11, 28),
            datetime(2026, 11, 26, 23, 30, tzinfo=UTC),
            Reason.EXERCISE_DAY_OUT_OF_RANGE,
        ),
    ],
)
def test_r21_the_day_on_which_a_return_is_declared_counts(
    exercised_on: date | None, arrives: datetime, outcome: Reason | None
) -> None:
    books = Books()
    paid = books.paid(books.bought(), order())
    books.now = arrives
    command = reverse(paid.authorization_id, exercised_on=exercised_on, **MIND)
    assert reason_of(books.decide(command).outcome) is outcome


def test_r21_before_delivery_no_window_closes() -> None:
    books = Books()
    paid = books.paid(books.bought(), order())
    books.wait(timedelta(days=150))
    books.reversed(paid, reason=ReverseReason.CHANGE_OF_MIND, before_delivery=True)


@pytest.mark.parametrize("state", [AuthorizationState.OPEN, AuthorizationState.CAPTURED])
@pytest.mark.parametrize("days", [-1, 1])
def test_r21_a_day_that_cannot_be_is_declined_whatever_the_reason(
    state: AuthorizationState, days: int
) -> None:
    books = Books()
    hold = books.authorized(books.bought(), order())
    if state is AuthorizationState.CAPTURED:
        books.captured(hold)
    command = reverse(hold.authorization_id, exercised_on=NOW.date() + days * DAY)
    outcome = books.decide(command).outcome
    assert outcome == Declined(
        Reason.EXERCISE_DAY_OUT_OF_RANGE, {"earliest_day": "2026-09-14", "latest_day": "2026-09-14"}
    )


# R25: bought Monday 14 September 2026, cancelled through Monday 28 September.
@pytest.mark.parametrize(
    ("exercised_on", "outcome"),
    [
        (date(2026, 9, 28), None),
        (date(2026, 9, 29), Reason.CANCELLATION_WINDOW_CLOSED),
        (date(2026, 9, 13), Reason.EXERCISE_DAY_OUT_OF_RANGE),
    ],
)
def test_r25_the_day_on_which_a_cancellation_is_declared_counts(
    exercised_on: date, outcome: Reason | None
) -> None:
    books = Books()
    card = books.bought()
    books.wait(timedelta(days=40))
    assert reason_of(books.decide(cancel(card, exercised_on=exercised_on)).outcome) is outcome


def test_r25_a_card_that_was_used_meanwhile_is_not_cancelled_whatever_the_day() -> None:
    books = Books()
    card = books.bought()
    books.paid(card, order())
    outcome = books.decide(cancel(card, exercised_on=NOW.date())).outcome
    assert reason_of(outcome) is Reason.CARD_REDEEMED


def test_r22_a_part_of_an_open_hold_is_not_refunded_and_nothing_is_released() -> None:
    books = Books()
    hold = books.authorized(books.bought(), order())
    outcome = books.decide(reverse(hold.authorization_id, 10_00)).outcome
    assert reason_of(outcome) is Reason.AUTHORIZATION_NOT_CAPTURED
    assert books.facts.authorizations[hold.authorization_id] == hold


@pytest.mark.parametrize(("took_minor", "refunded"), [(0, (50_00, 0)), (12_00, (50_00, 12_00))])
def test_r24_r27_a_refund_names_no_money_that_the_other_tender_did_not_take(
    took_minor: int, refunded: tuple[int, int]
) -> None:
    books = Books()
    hold = books.authorized(books.bought(50_00), order(80_00))
    books.decide(capture(hold.authorization_id, other_tender_amount=euros(took_minor)))
    outcome = books.reversed(hold)
    assert (outcome.gift_card_minor, outcome.other_tender_minor) == refunded


def test_r24_other_tenders_took_no_more_than_remained_due() -> None:
    books = Books()
    hold = books.authorized(books.bought(50_00), order(80_00))
    command = capture(hold.authorization_id, other_tender_amount=euros(30_01))
    assert books.decide(command).outcome == Declined(
        Reason.AMOUNT_EXCEEDS_AUTHORIZED, {"remaining_due_minor": "3000", "currency_code": "EUR"}
    )
    command = capture(hold.authorization_id, other_tender_amount=Money(1, "CHF"))
    assert reason_of(books.decide(command).outcome) is Reason.CURRENCY_MISMATCH


def test_r10_a_payment_reference_buys_one_card() -> None:
    books = Books()
    books.bought(payment_reference="payment-1")
    again = issue(payment_reference="payment-1")
    assert reason_of(books.decide(again).outcome) is Reason.PURCHASE_HAS_ANOTHER_CARD
    books.bought(payment_reference="payment-1", market="be")


@pytest.mark.parametrize(
    ("category", "outcome"),
    [
        ("gift_card", True),
        ("Gift Card", True),
        ("GIFT-CARD", True),
        (" gift__card ", True),
        ("GiftCard", True),
        ("gift_cards", False),
        ("card", False),
    ],
)
def test_r18_a_gift_card_is_one_in_every_spelling(*, category: str, outcome: bool) -> None:
    assert is_gift_card(category) is outcome
    books = Books()
    wanted = order(lines=[("smartphone", 30_00), (category, 0)])
    told = books.decide(authorize(books.bought().card_id, wanted)).outcome
    assert (reason_of(told) is Reason.ORDER_HAS_GIFT_CARD_LINE) is outcome


def test_r35_the_longest_hold_counts_from_the_first_of_the_chain() -> None:
    books = Books()
    card = books.bought()
    longest = {"hold_for": timedelta(days=365)}
    first = books.authorized(card, order(), **longest)
    books.wait(timedelta(days=5))
    second = books.authorized(card, order(40_00), **longest)
    assert second.expires_at == first.created_at + FRANCE.longest_hold
    books.reversed(second)
    third = books.authorized(card, order(40_00), **longest)  # A release ends the chain.
    assert third.expires_at == books.now + FRANCE.longest_hold


def lossy(books: Books) -> tuple[Card, str]:
    """Return a card of 50 € that paid 45 € of an order, and lost 5 €."""
    card = books.bought(50_00)
    return card, books.paid(card, order(45_00)).authorization_id


T, D, N = ReverseReason.TECHNICAL, ReverseReason.DEFECTIVE, ReverseReason.NOT_DELIVERED
C = ReverseReason.ORDER_CANCELLED
CHOOSING = replace(FRENCH_TERMS, restores_when_not_performed=True)
CHOOSES = {"fr": replace(FRANCE, versions=(CHOOSING,))}


@pytest.mark.parametrize(
    ("markets", "parts", "wait", "restored_minor"),
    [
        (MARKETS, [(T, None)], timedelta(0), 5_00),
        (MARKETS, [(T, None)], FRANCE.longest_hold - timedelta(seconds=1), 5_00),
        (MARKETS, [(T, None)], FRANCE.longest_hold, 0),
        (MARKETS, [(T, 10_00), (T, None)], DAY, 5_00),
        (MARKETS, [(T, 10_00)], DAY, 0),
        (MARKETS, [(D, 10_00), (T, None)], DAY, 0),
        (MARKETS, [(T, 10_00), (D, None)], DAY, 0),
        (MARKETS, [(N, None)], DAY, 0),
        (CHOOSES, [(N, None)], timedelta(days=100), 5_00),
        (CHOOSES, [(N, 10_00), (C, None)], DAY, 5_00),
        (CHOOSES, [(D, None)], DAY, 0),
        (CHOOSES, [(N, 10_00), (T, None)], DAY, 0),
    ],
)
def test_r39_what_was_lost_comes_back_where_the_card_was_not_really_used(
    markets: dict[str, Market],
    parts: list[tuple[ReverseReason, int | None]],
    wait: timedelta,
    restored_minor: int,
) -> None:
    books = Books(markets)
    card, paid_id = lossy(books)
    books.wait(wait)
    *before, (reason, amount_minor) = parts
    for earlier, part_minor in before:
        books.decide(reverse(paid_id, part_minor, reason=earlier))
    decision = books.decide(reverse(paid_id, amount_minor, reason=reason))
    outcome = decision.outcome
    assert isinstance(outcome, Reversed)
    assert outcome.replacement is not None
    assert outcome.replacement.initial_minor == outcome.gift_card_minor + restored_minor
    paid = books.facts.authorizations[paid_id]
    assert paid.restored_minor == restored_minor
    restored = [each for each in decision.postings if each.kind is PostingKind.RESTORE]
    new_id = outcome.replacement.card_id
    assert restored == [
        Posting(PostingKind.RESTORE, card.card_id, restored_minor, paid_id, new_id)
    ] * (restored_minor > 0)


def test_r39_what_was_restored_gets_a_card_of_its_own_where_the_refund_gives_none() -> None:
    books = Books()
    card = books.bought(50_00)
    wanted = order(lines=[("smartphone", 45_00), ("insurance", 20_00)])
    paid = books.paid(card, wanted)
    books.reversed(paid, 45_00, reason=T)
    last = books.reversed(paid, reason=T)
    assert (last.gift_card_minor, last.other_tender_minor) == (0, 20_00)
    assert last.replacement is not None
    assert last.replacement.initial_minor == 5_00


def test_r39_a_former_servers_part_counts_as_another_reason_and_its_hold_as_the_capture() -> None:
    books = Books()
    _, paid_id = lossy(books)
    books.reversed(books.facts.authorizations[paid_id], 10_00, reason=T)
    former = books.facts.authorizations[paid_id]._replace(refunded_for=None, captured_at=None)
    books.facts.add_authorization(former)
    books.reversed(former, reason=T)
    assert books.facts.authorizations[paid_id].restored_minor == 0
