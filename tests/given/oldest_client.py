"""The life of a card, as tests/test_oldest_runtime.py plays it on the oldest runtime.

The Python of .venv-oldest runs it against the server named in its one argument.
It makes every kind of call once: an old runtime would fail on the stubs, on times
and dates, or on the details of a status.
"""

import sys
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import grpc
from google import protobuf

from giftcard_client import (
    Contact,
    Declined,
    GiftCards,
    InvalidRequest,
    Issued,
    Money,
    Order,
    OrderLine,
    Purchase,
    Reason,
    ReverseOutcome,
    ReverseReason,
)

SHOPPER = Contact(email="shopper@example.com", name="Camille", locale="fr-FR")


def order(amount_minor: int) -> Order:
    """Return a new order, of one line that a card can pay."""
    amount = Money(amount_minor)
    return Order(order_id=uuid4().hex, total=amount, lines=[OrderLine("clothing", amount)])


def play(cards: GiftCards) -> None:
    """Make every kind of call, and check each answer."""
    issued = buy(cards)
    pay_and_return(cards, issued.code)
    be_declined(cards, issued.code)
    be_malformed(cards)
    buy_and_cancel(cards)


def buy(cards: GiftCards, order_id: str = "") -> Issued:
    """Buy a card over 50 euros, in a new purchase or in `order_id`."""
    purchase = Purchase(order_id=order_id or uuid4().hex, payment_reference=uuid4().hex)
    issued = cards.issue(market="fr", amount=Money(5000), purchase=purchase, purchaser=SHOPPER)
    assert issued.card.expire_time > datetime.now(UTC)
    return issued


def pay_and_return(cards: GiftCards, code: str) -> None:
    """Pay a mixed order with less than was set aside, and send a part of it back."""
    mixed = order(7000)
    validation = cards.validate(code, market="fr", order=mixed)
    assert validation.usable
    assert validation.remaining_due == Money(2000)

    held = cards.authorize(
        code, market="fr", order=mixed, customer=SHOPPER, hold_for=timedelta(hours=1)
    ).authorization
    captured = cards.capture(held.authorization_id, Money(4000))
    assert captured.replacement is not None
    assert captured.replacement.card.balance == Money(1000)

    returned = cards.reverse(
        held.authorization_id,
        reason=ReverseReason.CHANGE_OF_MIND,
        refund_amount=Money(500),
        delivered_on=datetime.now(UTC).date(),
    )
    assert returned.outcome is ReverseOutcome.REFUNDED


def be_declined(cards: GiftCards, used_code: str) -> None:
    """Authorize with a card that has been used, and read the reason."""
    reason = None
    try:
        cards.authorize(used_code, market="fr", order=order(1000), customer=SHOPPER)
    except Declined as declined:
        reason = declined.reason
    assert reason is Reason.CARD_REDEEMED


def be_malformed(cards: GiftCards) -> None:
    """Send a negative amount, and read which field is wrong."""
    bought = Purchase(order_id=uuid4().hex, payment_reference=uuid4().hex)
    mistakes: list[str] = []
    try:
        cards.issue(market="fr", amount=Money(-1), purchase=bought, purchaser=SHOPPER)
    except InvalidRequest as invalid:
        mistakes = [mistake.field for mistake in invalid.violations]
    assert mistakes == ["amount.amount_minor"]


def buy_and_cancel(cards: GiftCards) -> None:
    """Cancel the purchase of an unused card, and read what is to be paid back."""
    order_id = uuid4().hex
    unused = buy(cards, order_id)
    cancelled = cards.cancel(unused.code, purchase_order_id=order_id)
    assert cancelled.refund.amount == Money(5000)


if __name__ == "__main__":
    with GiftCards(sys.argv[1]) as gift_cards:
        play(gift_cards)
    sys.stdout.write(f"grpcio {grpc.__version__}, protobuf {protobuf.__version__}\n")
