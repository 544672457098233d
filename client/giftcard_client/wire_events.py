"""Convert messages about events into plain values, and the other way round."""

from collections.abc import Iterable
from typing import Literal

from giftcard.v1 import event_service_pb2, gift_card_pb2, gift_card_service_pb2, order_pb2
from giftcard_client.event_results import Event, EventPage
from giftcard_client.values import Money
from giftcard_client.vocabulary import CardState, EventType, PaymentMethod
from giftcard_client.wire_answers import read_money, read_time, read_word

Amounts = Literal["amount", "other_tender_amount", "forfeited_amount", "restored_amount"]


def type_numbers(types: Iterable[EventType]) -> list[event_service_pb2.EventType.ValueType]:
    """Return types as the contract numbers them. UNRECOGNIZED raises ValueError."""
    return [event_service_pb2.EventType.Value(f"EVENT_TYPE_{each}") for each in types]


def read_event(message: event_service_pb2.Event, generation: str) -> Event:
    """Read an event."""
    return Event(
        event_id=message.event_id,
        position=message.position,
        generation=generation,
        type=read_word(EventType, message.type, event_service_pb2.EventType.DESCRIPTOR),
        occur_time=read_time(message.occur_time),
        card_id=message.card_id,
        card_version=message.card_version,
        market=message.market,
        card_state=read_word(CardState, message.card_state, gift_card_pb2.CardState.DESCRIPTOR),
        amount=_amount(message, message.amount, "amount"),
        authorization_id=message.authorization_id,
        order_id=message.order_id,
        purchase_order_id=message.purchase_order_id,
        payment_method=_payment_method(message),
        payment_reference=message.payment_reference,
        other_tender_amount=_amount(message, message.other_tender_amount, "other_tender_amount"),
        forfeited_amount=_amount(message, message.forfeited_amount, "forfeited_amount"),
        restored_amount=_amount(message, message.restored_amount, "restored_amount"),
        related_card_id=message.related_card_id,
    )


def read_page(message: event_service_pb2.ReadEventsResponse) -> EventPage:
    """Read a page."""
    return EventPage(
        events=tuple(read_event(each, message.generation) for each in message.events),
        generation=message.generation,
        last_position=message.last_position,
        resume_position=message.resume_position,
    )


def _amount(
    message: event_service_pb2.Event, amount: order_pb2.Money, name: Amounts
) -> Money | None:
    return read_money(amount) if message.HasField(name) else None


def _payment_method(message: event_service_pb2.Event) -> PaymentMethod | None:
    if not message.payment_method:
        return None
    descriptor = gift_card_service_pb2.PaymentMethod.DESCRIPTOR
    return read_word(PaymentMethod, message.payment_method, descriptor)
