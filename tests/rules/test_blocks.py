"""Blocking, unblocking and writing off a card (R37)."""

from datetime import UTC, datetime, timedelta

import pytest

from giftcard_rules.cards import AuthorizationState, Card, CardState
from giftcard_rules.commands import (
    Acted,
    BlockCard,
    CatchUp,
    Declined,
    Reversed,
    UnblockCard,
    WriteOffCard,
)
from giftcard_rules.ledger import PostingKind
from giftcard_rules.reasons import Reason
from given.made_facts import Books, cancel, order, reverse
from given.walk import Walk

DAY = timedelta(days=1)
EXPIRED, CANCELLED = CardState.EXPIRED, CardState.CANCELLED


def block(books: Books, card: Card) -> None:
    assert isinstance(books.decide(BlockCard(card.card_id)).outcome, Acted)


def test_r37_a_card_in_any_state_is_blocked_and_a_second_block_changes_nothing() -> None:
    books = Walk()
    used, cancelled, expired = books.bought(), books.bought(), books.bought()
    books.paid(used, order(order_id="order-1"))
    books.decide(cancel(cancelled))
    books.now = expired.expires_at
    for card in (used, cancelled, expired):
        block(books, card)
        assert books.card(card).blocked_at == books.now
        assert books.card(card).shown_state is books.card(card).state
    before = books.card(used)
    books.wait(DAY)
    block(books, used)
    assert books.card(used) == before


def test_r37_what_comes_back_from_a_blocked_card_is_blocked_since_then() -> None:
    books = Walk()
    card = books.bought()
    paid = books.paid(card, order())
    block(books, card)
    books.wait(DAY)
    back = books.reversed(paid).replacement
    assert back is not None
    assert back.shown_state is CardState.BLOCKED
    assert back.blocked_at == books.card(card).blocked_at
    books.decide(UnblockCard(back.card_id, restore_validity=True))
    assert books.card(back).expires_at == back.expires_at  # No day was taken from it.


# Bought on 14 September 2026, valid through 14 March 2027.
@pytest.mark.parametrize(
    ("blocked_for", "restore", "last_day_is", "state"),
    [
        (timedelta(minutes=1), True, datetime(2027, 3, 14, 23, tzinfo=UTC), CardState.ACTIVE),
        (timedelta(days=10), True, datetime(2027, 3, 24, 23, tzinfo=UTC), CardState.ACTIVE),
        (timedelta(days=10), False, datetime(2027, 3, 14, 23, tzinfo=UTC), CardState.ACTIVE),
        # Through summer time: 200 days later, by the market's days.
        (timedelta(days=200), True, datetime(2027, 9, 30, 22, tzinfo=UTC), CardState.ACTIVE),
        (timedelta(days=200), False, datetime(2027, 3, 14, 23, tzinfo=UTC), EXPIRED),
    ],
)
@pytest.mark.parametrize("booked", [True, False])
def test_r37_unblocking_gives_back_the_days_that_the_block_took(
    *, blocked_for: timedelta, restore: bool, last_day_is: datetime, state: CardState, booked: bool
) -> None:
    books = Walk()
    card = books.bought()
    block(books, card)
    books.wait(blocked_for)
    if booked:
        books.decide(CatchUp(card.card_id))
    decision = books.decide(UnblockCard(card.card_id, restore_validity=restore))
    now = books.card(card)
    assert (now.expires_at, now.state) == (last_day_is, state)
    assert (now.blocked, now.blocked_at) == (False, None)
    kinds = [posting.kind for posting in decision.postings]
    undone = state is CardState.ACTIVE and blocked_for > timedelta(days=180)
    assert (PostingKind.REINSTATE in kinds) is undone


def test_r37_a_block_by_a_clock_that_is_ahead_takes_no_day() -> None:
    books = Walk()
    card = books.bought()
    books.now = datetime(2026, 9, 20, 22, 1, tzinfo=UTC)  # A minute past midnight in Paris.
    block(books, card)
    books.now -= timedelta(minutes=3)
    books.decide(UnblockCard(card.card_id, restore_validity=True))
    assert books.card(card).expires_at == card.expires_at


def test_r37_a_card_that_expired_before_its_block_is_not_written_off_and_says_when() -> None:
    books = Walk()
    card = books.bought()
    books.now = card.expires_at
    block(books, card)
    assert books.decide(WriteOffCard(card.card_id)).outcome == Declined(
        Reason.CARD_EXPIRED, {"expire_time": "2027-03-14T23:00:00Z"}
    )


def test_r37_a_card_that_had_expired_before_the_block_gets_nothing_back() -> None:
    books = Walk()
    card = books.bought()
    books.now = card.expires_at
    block(books, card)
    books.wait(10 * DAY)
    books.decide(UnblockCard(card.card_id, restore_validity=True))
    assert books.card(card).state is EXPIRED
    assert books.card(card).expires_at == card.expires_at


@pytest.mark.parametrize("wait", [timedelta(0), 10 * DAY, 300 * DAY])
@pytest.mark.parametrize("held", [True, False])
def test_r37_a_write_off_moves_all_of_a_card_to_chargeback(*, wait: timedelta, held: bool) -> None:
    books = Walk()
    card = books.bought(50_00)
    hold = books.authorized(card, order(30_00)) if held else None
    block(books, card)
    books.wait(wait)
    decision = books.decide(WriteOffCard(card.card_id))
    last = decision.postings[-1]
    assert (last.kind, last.amount_minor) == (PostingKind.CHARGE_BACK, 50_00)
    assert books.card(card).state is CANCELLED
    assert books.card(card).blocked
    if hold is not None:
        closed = {AuthorizationState.RELEASED, AuthorizationState.LAPSED}
        assert books.facts.authorizations[hold.authorization_id].state in closed


def test_r33_r37_a_hold_that_outlived_its_card_keeps_its_value_from_breakage_in_a_block() -> None:
    books = Walk()
    card = books.bought(50_00)
    books.now = card.expires_at - timedelta(seconds=1)
    hold = books.authorized(card, order(30_00))
    books.wait(timedelta(hours=1))
    block(books, card)
    assert isinstance(books.decide(reverse(hold.authorization_id)).outcome, Reversed)
    assert books.card(card).state is CardState.ACTIVE
    books.decide(CatchUp(card.card_id))
    assert books.decide(WriteOffCard(card.card_id)).postings[-1].amount_minor == 50_00


def test_r37_only_a_blocked_card_is_unblocked_or_written_off() -> None:
    books = Walk()
    card = books.bought()
    for act in (UnblockCard(card.card_id, restore_validity=True), WriteOffCard(card.card_id)):
        assert books.decide(act).outcome == Declined(Reason.CARD_NOT_BLOCKED)
