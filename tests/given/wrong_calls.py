"""Every mistake that a rule can find in each call, in the order of the contract."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from giftcard_rules.cards import Authorization, AuthorizationState, Card, CardState
from giftcard_rules.commands import (
    Command,
    Money,
    OrderLine,
    PaymentMethod,
    ReverseReason,
)
from giftcard_rules.reasons import Reason
from given.made_facts import NOW, Books, authorize, capture, issue, order, reverse, validate
from given.pausing import Pausable, a_ceiling_of_nothing, paused
from given.situations import Call, Change, Situation, Wrong

# Mistakes of cards.


def bought(books: Books) -> Card:
    return books.bought(50_00, order_id="purchase-1")


def spent(state: CardState) -> Change:
    return lambda it: it.change_card(state=state, balance_minor=0, held_minor=0, hold_id=None)


def held_for_another_order(it: Situation) -> None:
    card = it.facts.cards[it.card_id]
    hold = Authorization(
        "another hold",
        card.card_id,
        card.market,
        card.currency,
        "another order",
        AuthorizationState.OPEN,
        50_00,
        50_00,
        0,
        NOW,
        NOW + timedelta(days=1000),  # It outlasts the card, which may be expired as well (R33).
    )
    it.facts.add_authorization(hold)
    it.change_card(
        state=CardState.HELD, balance_minor=0, held_minor=50_00, hold_id=hold.authorization_id
    )


def expired(it: Situation) -> None:
    it.now = it.facts.cards[it.card_id].expires_at


WRONG_WITH_CARDS = (
    Wrong(Reason.CARD_BLOCKED, "block", lambda it: it.change_card(blocked=True)),
    Wrong(Reason.CARD_CANCELLED, "card", spent(CardState.CANCELLED)),
    Wrong(Reason.CARD_REDEEMED, "card", spent(CardState.REDEEMED)),
    Wrong(Reason.CARD_EXPIRED, "clock", expired),
    Wrong(Reason.CARD_HELD, "card", held_for_another_order),
)


# Issue.


def to_issue() -> Situation:
    return Situation(issue(50_00, order_id="purchase-1"))


ISSUE = Call(
    to_issue,
    (
        Wrong(
            Reason.CURRENCY_MISMATCH,
            "currency",
            lambda it: it.change_command(amount=it.command.amount._replace(currency="CHF")),
        ),
        Wrong(Reason.MARKET_PAUSED, "pause", paused(Pausable.ISSUE)),
        Wrong(
            Reason.PURCHASE_HAS_ANOTHER_CARD,
            "purchase order",
            lambda it: it.facts.purchase_orders.update({("fr", "purchase-1"): "another card"}),
        ),
        Wrong(
            Reason.PAYMENT_METHOD_NOT_ACCEPTED,
            "method",
            lambda it: it.change_purchase(payment_method=PaymentMethod.PAY_LATER),
        ),
        Wrong(
            Reason.PURCHASE_HAS_DISCOUNT,
            "purchase discount",
            lambda it: it.change_purchase(discount_codes=("NOEL10",)),
        ),
        Wrong(
            Reason.AMOUNT_OUT_OF_RANGE,
            "amount",
            lambda it: it.change_command(amount=it.command.amount._replace(amount_minor=1)),
        ),
        Wrong(Reason.ISSUE_CEILING_REACHED, "ceiling", a_ceiling_of_nothing),
    ),
)


# Validate and Authorize.


def to_pay(make: Callable[..., Command]) -> Callable[[], Situation]:
    def situation() -> Situation:
        books = Books()
        card = bought(books)
        return Situation(make(card.card_id, order(30_00)), books.facts, card_id=card.card_id)

    return situation


def another_card_on_the_order(it: Situation) -> None:
    books = Books()
    for market in ("fr", "be"):  # In each market, the order has another card.
        other = books.bought(market=market)
        hold = books.authorized(other, order(30_00), market=market, hold_for=timedelta(days=7))
        # It outlasts the card, which may be expired as well.
        lasting = hold._replace(expires_at=NOW + timedelta(days=1000))
        it.facts.cards[other.card_id] = books.card(other)
        it.facts.add_authorization(lasting)


def a_gift_card_in_the_order(it: Situation) -> None:
    it.change_order(lines=(*it.command.order.lines, OrderLine("gift_card", 0)))


def nothing_eligible(it: Situation) -> None:
    lines = (
        line if line.category == "gift_card" else line._replace(category="insurance")
        for line in it.command.order.lines
    )
    it.change_order(lines=tuple(lines))


WRONG_WITH_PAYING = (
    Wrong(
        Reason.CARD_NOT_FOUND,
        "code",
        lambda it: it.change_command(card_ids=("no card",)),
    ),
    Wrong(Reason.WRONG_MARKET, "market", lambda it: it.change_command(market="be")),
    Wrong(
        Reason.CURRENCY_MISMATCH,
        "currency",
        lambda it: it.change_order(total=Money(30_00, "CHF")),
    ),
    Wrong(Reason.MARKET_PAUSED, "pause", paused(Pausable.AUTHORIZE)),
    *WRONG_WITH_CARDS,
    Wrong(Reason.ORDER_HAS_GIFT_CARD_LINE, "a line", a_gift_card_in_the_order),
    Wrong(
        Reason.ORDER_HAS_DISCOUNT,
        "discount",
        lambda it: it.change_order(discount_codes=("NOEL10",)),
    ),
    Wrong(Reason.ORDER_HAS_ANOTHER_CARD, "order", another_card_on_the_order),
    Wrong(Reason.NOTHING_ELIGIBLE, "the other lines", nothing_eligible),
)

VALIDATE = Call(to_pay(validate), WRONG_WITH_PAYING)
AUTHORIZE = Call(to_pay(authorize), WRONG_WITH_PAYING)


# Capture.


def to_capture() -> Situation:
    books = Books()
    card = bought(books)
    hold = books.authorized(card, order(30_00))
    command = capture(hold.authorization_id, 30_00)
    return Situation(
        command, books.facts, card_id=card.card_id, authorization_id=hold.authorization_id
    )


def closed(state: AuthorizationState) -> Change:
    def change(it: Situation) -> None:
        it.change_authorization(state=state, captured_minor=30_00)
        it.change_card(state=CardState.REDEEMED, balance_minor=0, held_minor=0, hold_id=None)

    return change


def lapsed(it: Situation) -> None:
    it.now = it.facts.authorizations[it.authorization_id].expires_at


def unknown_authorization(it: Situation) -> None:
    it.change_command(authorization_id="no authorization")


CAPTURE = Call(
    to_capture,
    (
        Wrong(Reason.AUTHORIZATION_NOT_FOUND, "target", unknown_authorization),
        Wrong(
            Reason.CURRENCY_MISMATCH,
            "currency",
            lambda it: it.change_command(amount=it.command.amount._replace(currency="CHF")),
        ),
        WRONG_WITH_CARDS[0],
        Wrong(Reason.AUTHORIZATION_CAPTURED, "authorization", closed(AuthorizationState.CAPTURED)),
        Wrong(Reason.AUTHORIZATION_RELEASED, "authorization", closed(AuthorizationState.RELEASED)),
        Wrong(Reason.AUTHORIZATION_LAPSED, "clock", lapsed),
        Wrong(
            Reason.AMOUNT_EXCEEDS_AUTHORIZED,
            "amount",
            lambda it: it.change_command(amount=it.command.amount._replace(amount_minor=30_01)),
        ),
    ),
)


# Reverse, of a captured authorization.


def to_refund() -> Situation:
    books = Books()
    card = bought(books)
    paid = books.paid(card, order(30_00))
    command = reverse(
        paid.authorization_id,
        30_00,
        reason=ReverseReason.CHANGE_OF_MIND,
        delivered_on=NOW.date(),
    )
    return Situation(
        command, books.facts, card_id=card.card_id, authorization_id=paid.authorization_id
    )


def window_closed(it: Situation) -> None:
    it.now = NOW + timedelta(days=40)


def exercised_before_the_hold(it: Situation) -> None:
    it.change_command(exercised_on=NOW.date() - timedelta(days=1))


def not_captured(it: Situation) -> None:
    paid = it.facts.authorizations[it.authorization_id]
    it.change_authorization(
        state=AuthorizationState.OPEN, captured_minor=0, expires_at=NOW + timedelta(days=1000)
    )
    it.change_card(
        state=CardState.HELD,
        balance_minor=20_00,
        held_minor=30_00,
        hold_id=paid.authorization_id,
    )


REVERSE = Call(
    to_refund,
    (
        Wrong(Reason.AUTHORIZATION_NOT_FOUND, "target", unknown_authorization),
        Wrong(
            Reason.CURRENCY_MISMATCH,
            "currency",
            lambda it: it.change_command(refund_amount=Money(30_00, "CHF")),
        ),
        Wrong(Reason.AUTHORIZATION_RELEASED, "authorization", closed(AuthorizationState.RELEASED)),
        Wrong(Reason.AUTHORIZATION_LAPSED, "authorization", closed(AuthorizationState.LAPSED)),
        Wrong(Reason.AUTHORIZATION_NOT_CAPTURED, "authorization", not_captured),
        Wrong(
            Reason.AMOUNT_EXCEEDS_REFUNDABLE,
            "amount",
            lambda it: it.change_command(
                refund_amount=it.command.refund_amount._replace(amount_minor=30_01)
            ),
        ),
        Wrong(Reason.EXERCISE_DAY_OUT_OF_RANGE, "day", exercised_before_the_hold),
        Wrong(Reason.RETURN_WINDOW_CLOSED, "clock", window_closed),
    ),
)


CALLS: Final = {
    "Issue": ISSUE,
    "Validate": VALIDATE,
    "Authorize": AUTHORIZE,
    "Capture": CAPTURE,
    "Reverse": REVERSE,
}
