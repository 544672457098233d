"""What the log of events tells: events, and pages of them. No code and no person is in any."""

from dataclasses import dataclass
from datetime import datetime

from giftcard_client.values import Money
from giftcard_client.vocabulary import CardState, EventType, PaymentMethod


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to one card; docs/events.md has an example of each type.

    A text that does not apply to its type is empty, and an amount or a method None. Store
    `position` and `generation` together with what the event changes on your side.
    """

    # The same for good: events that are told twice are recognised by it.
    event_id: str
    # From 1, without gaps: the order of delivery.
    position: int
    # The generation of the log, in which positions count.
    generation: str
    # UNRECOGNIZED, which is to be ignored, where a newer service has more types.
    type: EventType
    occur_time: datetime
    card_id: str
    # Grows with every change of the card, with gaps.
    card_version: int
    market: str
    # After the event.
    card_state: CardState
    # The money that it is about; which, the type says.
    amount: Money | None = None
    authorization_id: str = ""
    order_id: str = ""
    purchase_order_id: str = ""
    payment_method: PaymentMethod | None = None
    payment_reference: str = ""
    other_tender_amount: Money | None = None
    forfeited_amount: Money | None = None
    restored_amount: Money | None = None
    # A replacement's CARD_ISSUED names the card that it replaces, and the other way round.
    related_card_id: str = ""


@dataclass(frozen=True, slots=True)
class EventPage:
    """A page of the log. Read on after `resume_position`."""

    events: tuple[Event, ...]
    generation: str
    # The last position of the log, whatever its type; 0 while it is empty.
    last_position: int
    # Every event up to here that was asked for was in this page, or in an earlier one.
    resume_position: int
