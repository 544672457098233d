"""E-mails to the people of a card: which there are, when they go out, and what holds them back.

A delivery is one message that has to reach one person. Events make deliveries, and each is looked
at again before it is sent. Nothing here names a person or holds a code.
"""

from __future__ import annotations

import enum
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from giftcard_rules.cards import Card, CardOrigin, CardState
from giftcard_rules.deadlines import local_day, morning_of
from giftcard_rules.decisions import PersonRole
from giftcard_rules.events import EventType

if TYPE_CHECKING:
    from datetime import date, datetime
    from zoneinfo import ZoneInfo

    from giftcard_rules.terms import Market


class DeliveryKind(enum.Enum):
    """What a message is about. The values stand in tables, metrics and commands."""

    CARD = "card"  # R8: with the code, to the recipient or the buyer
    CONFIRMATION = "confirmation"  # R9: to the buyer, without the code
    REPLACEMENT = "replacement"  # R23, R27: with the code, to whom the money belongs
    CANCELLATION = "cancellation"  # R25, R29: to the buyer
    REMINDER = "reminder"  # before the expiry (R12), without the code
    CORRECTION = "correction"  # the card went to a corrected address (R8, R9), without the code


class DeliveryState(enum.Enum):
    """The states of a delivery. The values stand in tables, metrics and commands."""

    QUEUED = "queued"
    SENDING = "sending"  # a server has claimed it, for a while
    SENT = "sent"  # the mail server has taken it over
    DEFERRED = "deferred"  # it failed, and is tried again
    PARKED = "parked"  # nobody tries it again unless an operator says so
    SUPPRESSED = "suppressed"  # it must not be sent any more


class Suppressed(enum.Enum):
    """Why a delivery must not be sent any more."""

    CANCELLED = "cancelled"
    BLOCKED = "blocked"
    USED = "used"
    EXPIRED = "expired"
    ERASED = "erased"  # the person is not known any more (R32)
    RESTRICTED = "restricted"  # the person's data may be kept, and not used (R32)
    SWITCHED_OFF = "switched_off"  # the market sends no reminders any more
    CORRECTED = "corrected"  # the card went to a corrected address since, or this one was rectified


class Parked(enum.Enum):
    """Why a delivery is not tried again."""

    NOBODY_LEFT = "nobody_left"  # there is no person to send it to
    OUT_OF_REACH = "out_of_reach"  # the person cannot be opened with this key ring
    NO_CODE = "no_code"  # this key ring does not derive the code of the card
    NOT_RENDERED = "not_rendered"  # the message could not be made
    BAD_ADDRESS = "bad_address"  # no mail can be sent to the person's address
    REFUSED = "refused"  # the mail server refused it for good
    OUT_OF_TIME = "out_of_time"  # it failed for three days


class NewDelivery(NamedTuple):
    """A delivery that is to be made. `resend_number` is 0 for the first message of its kind.

    `address_sealed` is the address that Customer Service gave for a resend, else None.
    """

    card_id: str
    kind: DeliveryKind
    market: str
    due_at: datetime
    resend_number: int = 0
    address_sealed: bytes | None = None


class Addressee(NamedTuple):
    """Where a person is kept: beside which card, in which role, and for which authorization."""

    card_id: str
    role: PersonRole
    authorization_id: str | None = None


# The events that make deliveries, or bring suppressed ones back.
FOLLOWED: Final = frozenset({
    EventType.CARD_ISSUED,
    EventType.CARD_CANCELLED,
    EventType.CARD_UNBLOCKED,
    EventType.CARD_REINSTATED,
})  # fmt: skip

# The event after which a delivery that was suppressed for this reason is sent after all.
RECALLED_BY: Final = {
    EventType.CARD_UNBLOCKED: Suppressed.BLOCKED,
    EventType.CARD_REINSTATED: Suppressed.EXPIRED,
}

_SPENT: Final = {
    CardState.CANCELLED: Suppressed.CANCELLED,
    CardState.REDEEMED: Suppressed.USED,
    CardState.EXPIRED: Suppressed.EXPIRED,
}
_EVERY_REASON: Final = frozenset({*_SPENT.values(), Suppressed.BLOCKED})
# What keeps each kind from being sent. A buyer gets the confirmation of a purchase that was not
# cancelled, whatever its recipient did with the card meanwhile.
_HELD_BACK_BY: Final = {
    DeliveryKind.CARD: _EVERY_REASON,
    DeliveryKind.REPLACEMENT: _EVERY_REASON,
    DeliveryKind.REMINDER: _EVERY_REASON,
    DeliveryKind.CONFIRMATION: frozenset({Suppressed.CANCELLED}),
    DeliveryKind.CANCELLATION: frozenset[Suppressed](),
    DeliveryKind.CORRECTION: frozenset[Suppressed](),
}
assert set(_HELD_BACK_BY) == set(DeliveryKind)

# The kinds that are about a purchase, and thus for its buyer.
_OF_PURCHASE: Final = frozenset({DeliveryKind.CONFIRMATION, DeliveryKind.CANCELLATION})
# The kinds whose message has the code. All others must not have it (R9).
WITH_CODE: Final = frozenset({DeliveryKind.CARD, DeliveryKind.REPLACEMENT})


def deliveries_of_event(
    type_: EventType,
    card: Card,
    market: Market,
    occurred_at: datetime,
    deliver_on: date | None = None,
) -> tuple[NewDelivery, ...]:
    """Return the deliveries that an event makes; `card` is the card as it is by now.

    `deliver_on` is the day that the buyer chose for the card's message (R8); None: at once.
    """
    kinds: dict[DeliveryKind, datetime] = {}
    if type_ is EventType.CARD_CANCELLED:
        kinds[DeliveryKind.CANCELLATION] = occurred_at
    elif type_ is EventType.CARD_ISSUED and card.origin is CardOrigin.PURCHASE:
        morning = None if deliver_on is None else morning_of(deliver_on, market.time_zone)
        kinds[DeliveryKind.CARD] = max(occurred_at, morning or occurred_at)
        kinds[DeliveryKind.CONFIRMATION] = occurred_at
    elif type_ is EventType.CARD_ISSUED:
        kinds[DeliveryKind.REPLACEMENT] = occurred_at
    if type_ is EventType.CARD_ISSUED and market.reminder_days is not None:
        due_at = reminder_time(card, market.reminder_days, market.time_zone)
        if due_at > kinds.get(DeliveryKind.CARD, occurred_at):
            kinds[DeliveryKind.REMINDER] = due_at
    return tuple(
        NewDelivery(card.card_id, kind, market.name, due_at) for kind, due_at in kinds.items()
    )


def reminder_time(card: Card, days: int, zone: ZoneInfo) -> datetime:
    """Return when the reminder is due: in the morning, `days` before the last day of validity."""
    last_day = local_day(card.expires_at, zone) - timedelta(days=1)
    return morning_of(last_day - timedelta(days=days), zone)


def why_suppressed(kind: DeliveryKind, card: Card, now: datetime) -> Suppressed | None:
    """Return why a delivery must not be sent as its card is now; None where it may be."""
    why = _SPENT.get(card.state)
    if why is None and now >= card.expires_at:
        why = Suppressed.EXPIRED
    if card.blocked and why is None:
        why = Suppressed.BLOCKED
    return why if why in _HELD_BACK_BY[kind] else None


def addressees_of(kind: DeliveryKind, card: Card, chain: tuple[Card, ...]) -> list[Addressee]:
    """Return who may be the addressee, the first choice first (R8, R9, R23, R27).

    `chain` are the cards that `card` replaces, from the last one to the bought one.
    A replacement belongs to the beneficiary that the refund named, else to the customer of the
    order, else to the people of the card that it replaces. A correction tells the buyer of a bought
    card, and of a replacement whoever it belongs to, at the former address.
    """
    bought = (card, *chain)[-1]
    if kind in _OF_PURCHASE or (kind is DeliveryKind.CORRECTION and not chain):
        return [Addressee(bought.card_id, PersonRole.PURCHASER)]
    places = [Addressee(card.card_id, PersonRole.RECIPIENT)]
    newer = card
    for older in chain:
        paid_for = newer.authorization_id
        places.append(Addressee(older.card_id, PersonRole.CUSTOMER, paid_for))
        places.append(Addressee(older.card_id, PersonRole.RECIPIENT))
        newer = older
    return [*places, Addressee(bought.card_id, PersonRole.PURCHASER)]


# Between two tries; each pause is twice as long as the one before, up to the longest.
FIRST_PAUSE: Final = timedelta(minutes=1)
LONGEST_PAUSE: Final = timedelta(hours=4)
TRIED_FOR: Final = timedelta(days=3)
_DOUBLINGS: Final = 8  # More would exceed the longest pause anyway.


def next_try(tries: int, first_tried_at: datetime, now: datetime, chance: float) -> datetime | None:
    """Return when a delivery that failed `tries` times is tried again; None: it is parked.

    `chance`, from 0 to 1, spreads the tries: a pause is between a half and one and a half of its
    length. The last try is three days after the first one.
    """
    last_at = first_tried_at + TRIED_FOR
    if now >= last_at:
        return None
    doublings = min(max(tries - 1, 0), _DOUBLINGS)
    pause = min(FIRST_PAUSE * (1 << doublings), LONGEST_PAUSE)
    return min(now + pause * (0.5 + chance), last_at)
