"""What customers are owed by the events alone: the formula of `docs/events.md`."""

from collections import Counter
from collections.abc import Iterable
from typing import Final, Protocol

from giftcard_rules.events import EventType


class Told(Protocol):
    """An event of rules or of storage, as far as it counts here."""

    @property
    def type(self) -> EventType: ...
    @property
    def market(self) -> str: ...
    @property
    def currency(self) -> str: ...
    @property
    def amount_minor(self) -> int | None: ...
    @property
    def forfeited_minor(self) -> int | None: ...
    @property
    def restored_minor(self) -> int | None: ...
    @property
    def related_card_id(self) -> str | None: ...


# What each type of event adds for each minor unit of `amount`; the others move nothing.
SIGN: Final = {
    EventType.CARD_ISSUED: 1,
    EventType.ORDER_REFUNDED: 1,
    EventType.CARD_REINSTATED: 1,
    EventType.CARD_REDEEMED: -1,
    EventType.CARD_EXPIRED: -1,
    EventType.CARD_CANCELLED: -1,
    EventType.CARD_WRITTEN_OFF: -1,
}


def owed_after(event: Told) -> int:
    """Return what an event adds to the liability, in minor units.

    A replacement's CARD_ISSUED adds nothing: what it is worth was told with the old card.
    """
    if event.type is EventType.CARD_ISSUED and event.related_card_id is not None:
        return 0
    moved = (event.amount_minor or 0) + (event.forfeited_minor or 0) + (event.restored_minor or 0)
    return SIGN.get(event.type, 0) * moved


def owed_by(events: Iterable[Told]) -> Counter[tuple[str, str]]:
    """Return the liability of each market and currency."""
    owed: Counter[tuple[str, str]] = Counter()
    for event in events:
        owed[event.market, event.currency] += owed_after(event)
    return owed
