"""Giving money back after a capture: R21-R24, R26 and R27."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from giftcard_rules.cards import Authorization, CardOrigin, CardState
from giftcard_rules.commands import (
    Declined,
    Money,
    Reversed,
    ReverseOutcome,
    ReverseReason,
)
from giftcard_rules.decisions import Person, PersonRole
from giftcard_rules.ledger import Posting, PostingKind
from giftcard_rules.reasons import Reason
from given.made_facts import FRIEND, Books, capture, order, reverse

MICROSECOND = timedelta(microseconds=1)


def paid_order(
    books: Books, *, card_minor: int, order_minor: int, captured_minor: int | None = None
) -> Authorization:
    """Return the captured authorization of an order that a card paid, alone or in part."""
    hold = books.authorized(books.bought(card_minor), order(order_minor))
    return books.captured(hold, captured_minor).authorization


def test_r22_the_whole_order_is_refunded_unless_a_part_is_named() -> None:
    books = Books()
    paid = paid_order(books, card_minor=50_00, order_minor=80_00)
    outcome = books.reversed(paid)
    assert outcome.outcome is ReverseOutcome.REFUNDED
    assert (outcome.gift_card_minor, outcome.other_tender_minor) == (50_00, 30_00)


def test_r23_money_that_a_card_paid_comes_back_as_a_new_card_and_the_old_one_stays_used() -> None:
    books = Books()
    card = books.bought(50_00, order_id="purchase-1")
    paid = books.paid(card, order(30_00, order_id="order-7"))
    books.wait(timedelta(days=60))
    command = reverse(paid.authorization_id)
    decision = books.decide(command)
    assert isinstance(decision.outcome, Reversed)
    back = decision.outcome.replacement
    assert back is not None

    assert back.card_id == command.new_card.card_id != card.card_id
    assert back.last4 == command.new_card.last4
    assert (back.state, back.origin) == (CardState.ACTIVE, CardOrigin.REFUND)
    assert back.initial_minor == back.balance_minor == 30_00
    assert (back.market, back.currency) == (card.market, card.currency)
    assert back.replaces_card_id == card.card_id
    assert back.authorization_id == paid.authorization_id
    assert (back.purchase_order_id, back.refund_order_id) == ("purchase-1", "order-7")
    assert (back.caller, back.request_id) == (command.key.caller, command.key.request_id)
    assert books.card(card).state is CardState.REDEEMED
    assert decision.postings == (
        Posting(PostingKind.REFUND, card.card_id, 30_00, paid.authorization_id, back.card_id),
    )


def test_r12_r23_the_validity_of_a_new_card_starts_when_it_is_issued() -> None:
    books = Books()
    paid = paid_order(books, card_minor=50_00, order_minor=50_00)
    books.now = datetime(2027, 8, 31, 8, 0, tzinfo=UTC)
    back = books.reversed(paid).replacement
    assert back is not None
    assert back.issued_at == books.now
    assert back.expires_at == datetime(2028, 2, 29, 23, 0, tzinfo=UTC)


def test_r23_a_new_card_is_a_card_like_any_other_and_comes_back_as_one_again() -> None:
    books = Books()
    first = books.bought(50_00)
    second = books.reversed(books.paid(first, order(order_id="order-1"))).replacement
    assert second is not None
    third = books.reversed(books.paid(second, order(order_id="order-2"))).replacement
    assert third is not None
    assert third.replaces_card_id == second.card_id
    assert third.purchase_order_id == first.purchase_order_id
    assert third.refund_order_id == "order-2"


# The amounts that the card and the order come to; the parts refunded one after the other; and
# for each part the amounts that go to a new card and to the other tender.
@pytest.mark.parametrize(
    ("card_minor", "order_minor", "parts", "given"),
    [
        pytest.param(50_00, 80_00, [80_00], [(50_00, 30_00)], id="all at once"),
        pytest.param(50_00, 80_00, [20_00, 60_00], [(20_00, 0), (30_00, 30_00)], id="two parts"),
        pytest.param(50_00, 80_00, [50_00, 30_00], [(50_00, 0), (0, 30_00)], id="to the cent"),
        pytest.param(50_00, 80_00, [60_00, 20_00], [(50_00, 10_00), (0, 20_00)], id="both, other"),
        pytest.param(
            50_00, 80_00, [1, 49_99, 1, 29_99], [(1, 0), (49_99, 0), (0, 1), (0, 29_99)], id="four"
        ),
        pytest.param(80_00, 50_00, [30_00, 20_00], [(30_00, 0), (20_00, 0)], id="card alone"),
        pytest.param(50_00, 80_00, [30_00, None], [(30_00, 0), (20_00, 30_00)], id="the rest"),
    ],
)
def test_r22_r24_refunds_fill_the_card_first_however_they_are_split(
    card_minor: int, order_minor: int, parts: list[int | None], given: list[tuple[int, int]]
) -> None:
    books = Books()
    paid = paid_order(books, card_minor=card_minor, order_minor=order_minor)
    answers = [books.reversed(paid, part) for part in parts]
    assert [(a.gift_card_minor, a.other_tender_minor) for a in answers] == given
    for answer in answers:
        back = answer.replacement
        assert (back.initial_minor if back else 0) == answer.gift_card_minor
    too_much = books.decide(reverse(paid.authorization_id, 1)).outcome
    assert too_much == Declined(
        Reason.AMOUNT_EXCEEDS_REFUNDABLE,
        {"refundable_amount_minor": "0", "currency_code": "EUR"},
    )


@given(st.data())
def test_r22_r24_parts_add_up_to_the_order_at_most_and_the_card_never_gets_more_than_it_paid(
    data: st.DataObject,
) -> None:
    books = Books()
    card_minor = data.draw(st.integers(20_00, 500_00))
    order_minor = data.draw(st.integers(1, 800_00))
    set_aside_minor = min(card_minor, order_minor)
    captured_minor = data.draw(st.integers(1, set_aside_minor))
    paid = paid_order(
        books, card_minor=card_minor, order_minor=order_minor, captured_minor=captured_minor
    )
    other_minor = order_minor - set_aside_minor
    to_card = to_other = 0
    while left := captured_minor + other_minor - to_card - to_other:
        answer = books.reversed(paid, data.draw(st.integers(1, left)))
        to_card += answer.gift_card_minor
        to_other += answer.other_tender_minor
        assert to_other == 0 or to_card == captured_minor
    assert (to_card, to_other) == (captured_minor, other_minor)
    assert isinstance(books.decide(reverse(paid.authorization_id)).outcome, Declined)


@pytest.mark.parametrize(
    ("amount_minor", "refundable"),
    [(80_01, "8000"), (2**63 - 1, "8000"), (0, "8000"), (-1, "8000")],
)
def test_r22_no_more_is_refunded_than_was_paid_and_no_less_than_a_cent(
    amount_minor: int, refundable: str
) -> None:
    books = Books()
    paid = paid_order(books, card_minor=50_00, order_minor=80_00)
    outcome = books.decide(reverse(paid.authorization_id, amount_minor)).outcome
    assert outcome == Declined(
        Reason.AMOUNT_EXCEEDS_REFUNDABLE,
        {"refundable_amount_minor": refundable, "currency_code": "EUR"},
    )


def test_a_refund_in_another_currency_is_declined() -> None:
    books = Books()
    paid = paid_order(books, card_minor=50_00, order_minor=80_00)
    outcome = books.decide(
        reverse(paid.authorization_id, refund_amount=Money(10_00, "CHF"))
    ).outcome
    assert outcome == Declined(Reason.CURRENCY_MISMATCH, {"currency_code": "EUR"})


@pytest.mark.parametrize(
    ("beneficiary", "people"),
    [(None, 0), (FRIEND, 1)],
    ids=["the customer of the order", "another person"],
)
def test_r8_r23_the_new_card_goes_to_the_named_beneficiary_if_there_is_one(
    beneficiary: object, people: int
) -> None:
    books = Books()
    paid = paid_order(books, card_minor=50_00, order_minor=50_00)
    decision = books.decide(reverse(paid.authorization_id, beneficiary=beneficiary))
    back = decision.cards[-1]
    friend = Person(card_id=back.card_id, role=PersonRole.RECIPIENT, contact=FRIEND)
    assert decision.people == (friend,)[:people]


# Delivered on 25 November 2026: through Monday 28 December, last hour, in Paris.
DELIVERED = date(2026, 11, 25)
TOO_LATE = datetime(2026, 12, 28, 23, 0, tzinfo=UTC)
A_YEAR_LATER = TOO_LATE + timedelta(days=365)


@pytest.mark.parametrize(
    ("reason", "now", "declined"),
    [
        (ReverseReason.CHANGE_OF_MIND, TOO_LATE - MICROSECOND, None),
        (ReverseReason.CHANGE_OF_MIND, TOO_LATE, Reason.RETURN_WINDOW_CLOSED),
        (ReverseReason.CHANGE_OF_MIND, A_YEAR_LATER, Reason.RETURN_WINDOW_CLOSED),
        (ReverseReason.NOT_DELIVERED, A_YEAR_LATER, None),
        (ReverseReason.DEFECTIVE, A_YEAR_LATER, None),
        (ReverseReason.ORDER_CANCELLED, A_YEAR_LATER, None),
        (ReverseReason.TECHNICAL, A_YEAR_LATER, None),
    ],
)
def test_r21_r26_only_a_change_of_mind_has_a_limit(
    reason: ReverseReason, now: datetime, declined: Reason | None
) -> None:
    books = Books()
    paid = paid_order(books, card_minor=50_00, order_minor=50_00)
    books.now = now
    outcome = books.decide(
        reverse(paid.authorization_id, reason=reason, delivered_on=DELIVERED)
    ).outcome
    if declined is None:
        assert isinstance(outcome, Reversed)
    else:
        assert outcome == Declined(declined, {"deadline": "2026-12-28T23:00:00Z"})


def test_r21_a_change_of_mind_before_the_capture_needs_no_delivery() -> None:
    books = Books()
    hold = books.authorized(books.bought(), order())
    outcome = books.reversed(hold, reason=ReverseReason.CHANGE_OF_MIND)
    assert outcome.outcome is ReverseOutcome.RELEASED


def test_r27_money_set_aside_and_not_captured_comes_back_and_only_the_excess_is_lost() -> None:
    books = Books()
    card = books.bought(50_00)
    hold = books.authorized(card, order(40_00))
    command = capture(hold.authorization_id, 25_00)
    decision = books.decide(command)
    card_id, authorization_id = card.card_id, hold.authorization_id
    back = decision.cards[-1]

    assert (back.card_id, back.initial_minor) == (command.new_card.card_id, 15_00)
    assert (back.origin, back.replaces_card_id) == (CardOrigin.REFUND, card_id)
    assert (back.authorization_id, back.refund_order_id) == (authorization_id, "order-1")
    assert decision.postings == (
        Posting(PostingKind.CAPTURE, card_id, 25_00, authorization_id),
        Posting(PostingKind.REISSUE, card_id, 15_00, authorization_id, back.card_id),
        Posting(PostingKind.FORFEIT, card_id, 10_00, authorization_id),
    )


def test_r24_r27_money_that_came_back_at_the_capture_is_not_refunded_again() -> None:
    books = Books()
    paid = paid_order(books, card_minor=50_00, order_minor=80_00, captured_minor=20_00)
    assert paid.refundable_minor == 50_00
    outcome = books.reversed(paid)
    assert (outcome.gift_card_minor, outcome.other_tender_minor) == (20_00, 30_00)


def test_r22_a_refund_still_works_on_a_card_that_was_blocked_meanwhile() -> None:
    books = Books()
    card = books.bought()
    paid = books.paid(card, order())
    books.facts.cards[card.card_id] = books.card(card)._replace(blocked=True)
    back = books.reversed(paid).replacement
    assert back is not None
    assert back.balance_minor == 50_00
    assert back.shown_state is CardState.BLOCKED  # R37
