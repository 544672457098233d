"""Stored events as messages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from giftcard.v1 import event_service_pb2 as pb
from giftcard.v1 import gift_card_pb2, gift_card_service_pb2
from giftcard.v1.order_pb2 import Money
from giftcard_rules.cards import CardState
from giftcard_rules.commands import PaymentMethod
from giftcard_server.edge.event_requests import NUMBER

if TYPE_CHECKING:
    from giftcard_storage.events import StoredEvent

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_MICROSECONDS: Final = 1_000_000
_CARD_STATE: Final = {
    state: gift_card_pb2.CardState.Value(f"CARD_STATE_{state.value}") for state in CardState
}
_PAYMENT_METHOD: Final = {
    method: gift_card_service_pb2.PaymentMethod.Value(f"PAYMENT_METHOD_{method.value}")
    for method in PaymentMethod
}
# By their names in the contract; each is absent where it does not apply.
_TEXTS: Final = (
    "authorization_id",
    "order_id",
    "purchase_order_id",
    "payment_reference",
    "related_card_id",
)
# Likewise, each with its name in storage.
_AMOUNTS: Final = {
    "amount": "amount_minor",
    "other_tender_amount": "other_tender_minor",
    "forfeited_amount": "forfeited_minor",
    "restored_amount": "restored_minor",
}


def event(stored: StoredEvent) -> pb.Event:
    """Return an event as its message."""
    message = pb.Event(
        event_id=stored.event_id,
        position=stored.position,
        type=NUMBER[stored.type],
        card_id=stored.card_id,
        card_version=stored.card_version,
        market=stored.market,
    )
    seconds, micros = divmod((stored.occurred_at - _EPOCH) // _MICROSECOND, _MICROSECONDS)
    message.occur_time.seconds, message.occur_time.nanos = seconds, micros * 1000
    for name in _TEXTS:
        text = getattr(stored, name)
        if text is not None:
            setattr(message, name, text)
    for name, stored_as in _AMOUNTS.items():
        amount_minor = getattr(stored, stored_as)
        if amount_minor is not None:
            money = Money(amount_minor=amount_minor, currency_code=stored.currency)
            getattr(message, name).CopyFrom(money)
    if stored.payment_method is not None:
        message.payment_method = _PAYMENT_METHOD[stored.payment_method]
    if stored.card_state is not None:
        message.card_state = _CARD_STATE[stored.card_state]
    return message


def told(stored: StoredEvent, generation: str) -> bytes:
    """Return an event as the message of a stream."""
    return pb.WatchEventsResponse(event=event(stored), generation=generation).SerializeToString()


def heartbeat(resume_position: int, generation: str) -> bytes:
    """Return the message that says that a stream is alive, and where to resume it."""
    beat = pb.Heartbeat(resume_position=resume_position)
    return pb.WatchEventsResponse(heartbeat=beat, generation=generation).SerializeToString()
