"""Refunds that the payment provider owes, as plain values, and how they are read."""

from dataclasses import dataclass
from datetime import datetime

from giftcard.v1 import gift_card_service_pb2, refund_service_pb2
from giftcard_client.values import Money
from giftcard_client.vocabulary import PaymentMethod
from giftcard_client.wire_answers import read_money, read_time, read_word


@dataclass(frozen=True, slots=True)
class RefundDue:
    """A refund that the payment provider shall pay: one of the two ids says what for."""

    # The card whose purchase was cancelled (R29). Else empty.
    card_id: str
    # The authorization whose order was refunded in part to another tender (R24). Else empty.
    authorization_id: str
    market: str
    # The number of the purchase or of the order.
    order_id: str
    # What is due and not confirmed yet.
    amount: Money
    # How the cancelled purchase was paid. Of an order's other tender: None, and empty.
    payment_method: PaymentMethod | None
    payment_reference: str
    due_time: datetime
    # When the last part was confirmed, and by which reference of the payment provider.
    confirm_time: datetime | None
    provider_reference: str


@dataclass(frozen=True, slots=True)
class RefundConfirmed:
    """The service knows that the payment provider has paid; `refund_due` is what is left."""

    refund_due: RefundDue
    replayed: bool = False


def read_refund_due(message: refund_service_pb2.RefundDue) -> RefundDue:
    """Read a refund that is due."""
    return RefundDue(
        card_id=message.card_id,
        authorization_id=message.authorization_id,
        market=message.market,
        order_id=message.order_id,
        amount=read_money(message.amount),
        payment_method=read_word(
            PaymentMethod, message.payment_method, gift_card_service_pb2.PaymentMethod.DESCRIPTOR
        )
        if message.payment_method
        else None,
        payment_reference=message.payment_reference,
        due_time=read_time(message.due_time),
        confirm_time=read_time(message.confirm_time) if message.HasField("confirm_time") else None,
        provider_reference=message.provider_reference,
    )
