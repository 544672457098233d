"""Events as rows of their tables, and rows as events. Columns are in the order of the schema."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from giftcard_rules.cards import CardState
from giftcard_rules.commands import PaymentMethod
from giftcard_rules.events import EventType, event_id, events_of
from giftcard_storage.rows import instant, microseconds

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from giftcard_rules.decisions import Decision
    from giftcard_storage.rows import Found, Row

_TYPE: Final = {member.value: member for member in EventType}
_CARD_STATE: Final = {member.value: member for member in CardState}
_NAME_OF_TYPE: Final = {member: member.value for member in EventType}
_NAME_OF_STATE: Final = {member: member.value for member in CardState}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """An event with its position; `event_id` is the same for good, also in a restored database.

    Amounts are minor units of `currency`; instants are aware and UTC. None stands where a field
    does not apply. `giftcard_rules.events.Event` says what each of them tells.
    """

    position: int
    event_id: str
    type: EventType
    occurred_at: datetime
    card_id: str
    card_version: int
    market: str
    currency: str
    card_state: CardState
    authorization_id: str | None = None
    order_id: str | None = None
    purchase_order_id: str | None = None
    payment_method: PaymentMethod | None = None
    payment_reference: str | None = None
    amount_minor: int | None = None
    other_tender_minor: int | None = None
    forfeited_minor: int | None = None
    restored_minor: int | None = None
    related_card_id: str | None = None


def event_rows(decisions: Iterable[Decision], now: datetime) -> list[Row]:
    """Return the events of decisions as rows, without their positions."""
    occurred_at = microseconds(now)
    return [
        (
            event.card_id,
            event.version,
            event.ordinal,
            _NAME_OF_TYPE[event.type],
            event.market,
            event.currency,
            _NAME_OF_STATE[event.card_state],
            event.authorization_id,
            event.order_id,
            event.purchase_order_id,
            event.payment_method.value if event.payment_method else None,
            *event[11:],
            occurred_at,
        )
        for decision in decisions
        for event in events_of(decision)
    ]


def stored_event_of(row: Found) -> StoredEvent:
    """Return the event of a row with its position."""
    return StoredEvent(
        position=row[0],
        event_id=event_id(row[1], row[2], row[3]),
        card_id=row[1],
        card_version=row[2],
        type=_TYPE[row[4]],
        market=row[5],
        currency=row[6],
        card_state=_CARD_STATE[row[7]],
        authorization_id=row[8],
        order_id=row[9],
        purchase_order_id=row[10],
        payment_method=None if row[11] is None else PaymentMethod(row[11]),
        payment_reference=row[12],
        amount_minor=row[13],
        other_tender_minor=row[14],
        forfeited_minor=row[15],
        restored_minor=row[16],
        related_card_id=row[17],
        occurred_at=instant(row[18]),
    )
