"""The life of a card, as tests/test_oldest_runtime.py plays it on the oldest runtime.

Run by the Python of .venv-oldest against the server named in its one argument.
Every kind of call and answer passes here once: the stubs, times, dates and the
details of a status are what an old runtime would trip over.
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
    """An order of its own, of one line that a card can pay."""
    amount = Money(amount_minor)
    return Order(order_id=uuid4().hex, total=amount, lines=[OrderLine("clothing", amount)])


def play(cards: GiftCards) -> None:
    """Buy, pay, decline, send back and cancel, and check each answer."""
    bought = Purchase(order_id=uuid4().hex, payment_reference="psp-1")
    issued = cards.issue(market="fr", amount=Money(5000), purchase=bought, purchaser=SHOPPER)
    assert issued.card.expire_time > datetime.now(UTC)

    mixed = order(7000)
    validation = cards.validate(issued.code, market="fr", order=mixed)
    assert validation.usable
    assert validation.remaining_due == Money(2000)

    held = cards.authorize(
        issued.code, market="fr", order=mixed, customer=SHOPPER, hold_for=timedelta(hours=1)
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

    reason = None
    try:
        cards.authorize(issued.code, market="fr", order=order(1000), customer=SHOPPER)
    except Declined as declined:
        reason = declined.reason
    assert reason is Reason.CARD_REDEEMED

    mistakes: list[str] = []
    try:
        cards.issue(market="fr", amount=Money(-1), purchase=bought, purchaser=SHOPPER)
    except InvalidRequest as invalid:
        mistakes = [mistake.field for mistake in invalid.violations]
    assert mistakes == ["amount.amount_minor"]

    again = Purchase(order_id=uuid4().hex, payment_reference="psp-2")
    unused = cards.issue(market="fr", amount=Money(5000), purchase=again, purchaser=SHOPPER)
    cancelled = cards.cancel(unused.code, purchase_order_id=again.order_id)
    assert cancelled.refund.amount == Money(5000)


if __name__ == "__main__":
    with GiftCards(sys.argv[1]) as gift_cards:
        play(gift_cards)
    sys.stdout.write(f"grpcio {grpc.__version__}, protobuf {protobuf.__version__}\n")
