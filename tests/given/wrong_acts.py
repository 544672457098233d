"""Everything that a rule can find wrong with Cancel, ExtendAuthorization and the acts of R37.

What is expired is so since before the block.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from giftcard_rules.cards import CLOSED, CardOrigin, CardState
from giftcard_rules.commands import BlockCard, Command, UnblockCard, WriteOffCard
from giftcard_rules.reasons import Reason
from given.made_facts import Books, cancel, extend
from given.situations import Call, Situation, Wrong
from given.wrong_calls import (
    CAPTURE,
    WRONG_WITH_CARDS,
    bought,
    exercised_before_the_hold,
    spent,
    to_capture,
    window_closed,
)


def to_cancel() -> Situation:
    books = Books()
    card = bought(books)
    return Situation(cancel(card), books.facts, card_id=card.card_id)


def replaces_another(it: Situation) -> None:
    it.change_card(origin=CardOrigin.REFUND)
    it.facts.purchases.clear()


CANCEL = Call(
    to_cancel,
    (
        Wrong(
            Reason.CARD_NOT_FOUND,
            "order number",
            lambda it: it.change_command(purchase_order_id="another"),
        ),
        *WRONG_WITH_CARDS,
        Wrong(Reason.EXERCISE_DAY_OUT_OF_RANGE, "day", exercised_before_the_hold),
        Wrong(Reason.CANCELLATION_WINDOW_CLOSED, "clock", window_closed),
        Wrong(Reason.NOT_A_PURCHASED_CARD, "origin", replaces_another),
    ),
)


# Customer Service's acts.


def to_act(make: Callable[[str], Command]) -> Callable[[], Situation]:
    def situation() -> Situation:
        books = Books()
        card = books.bought(50_00, order_id="purchase-1")
        books.decide(BlockCard(card.card_id))
        return Situation(make(card.card_id), books.facts, card_id=card.card_id)

    return situation


def expired_before_the_block(it: Situation) -> None:
    card = it.facts.cards[it.card_id]
    it.now = card.expires_at + timedelta(days=1)
    it.change_card(state=CardState.EXPIRED, balance_minor=0, blocked_at=it.now)


UNKNOWN_CARD = Wrong(Reason.CARD_NOT_FOUND, "code", lambda it: it.change_command(card_id="no card"))
NOT_BLOCKED = Wrong(
    Reason.CARD_NOT_BLOCKED,
    "block",
    lambda it: it.change_card(blocked=False, blocked_at=None),
)
UNBLOCK_CARD = Call(
    to_act(lambda card_id: UnblockCard(card_id, restore_validity=True)),
    (UNKNOWN_CARD, NOT_BLOCKED),
)
WRITE_OFF_CARD = Call(
    to_act(WriteOffCard),
    (
        UNKNOWN_CARD,
        Wrong(Reason.CARD_CANCELLED, "card", spent(CardState.CANCELLED)),
        Wrong(Reason.CARD_REDEEMED, "card", spent(CardState.REDEEMED)),
        Wrong(Reason.CARD_EXPIRED, "card", expired_before_the_block),
        NOT_BLOCKED,
    ),
)

# ExtendAuthorization.


def to_extend() -> Situation:
    it = to_capture()
    it.command = extend(it.authorization_id, timedelta(days=2))
    return it


EXTEND_AUTHORIZATION = Call(
    to_extend,
    (
        CAPTURE.wrongs[0],
        WRONG_WITH_CARDS[0],
        *(wrong for wrong in CAPTURE.wrongs if wrong.reason in CLOSED.values()),
    ),
)


ACTS: Final = {
    "Cancel": CANCEL,
    "ExtendAuthorization": EXTEND_AUTHORIZATION,
    "UnblockCard": UNBLOCK_CARD,
    "WriteOffCard": WRITE_OFF_CARD,
}
