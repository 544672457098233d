"""Deliveries as rows of their table, and rows as deliveries. Columns as in the schema."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from giftcard_rules.decisions import PersonRole
from giftcard_rules.deliveries import DeliveryKind, DeliveryState
from giftcard_rules.delivery_facts import DeliveryMade
from giftcard_storage.delivery_schema import Delivery
from giftcard_storage.errors import translated
from giftcard_storage.rows import instant, microseconds
from giftcard_storage.transactions import reading

if TYPE_CHECKING:
    from datetime import datetime

    from peewee import Database

    from giftcard_rules.deliveries import NewDelivery
    from giftcard_storage.rows import Found, Row

_DOMAIN: Final = "giftcard.v1 delivery"
_KIND: Final = {member.value: member for member in DeliveryKind}
_STATE: Final = {member.value: member for member in DeliveryState}
_ROLE: Final = {member.value: member for member in PersonRole}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDelivery:
    """A delivery as it is stored. Instants are aware and UTC.

    `person_card_id`, `role` and `authorization_id` say where its addressee is kept, None before
    it was looked for. `reason` says why it was suppressed or parked, or why its last try failed:
    a value of `Suppressed`, `Parked` or a text of the transport, without any address.
    """

    delivery_id: str
    card_id: str
    kind: DeliveryKind
    resend_number: int
    market: str
    state: DeliveryState
    person_card_id: str | None
    role: PersonRole | None
    authorization_id: str | None
    address_sealed: bytes | None = field(repr=False)
    created_at: datetime
    due_at: datetime
    next_try_at: datetime
    tries: int
    first_tried_at: datetime | None
    sent_at: datetime | None
    reason: str | None
    smtp_code: int | None
    version: int


def delivery_id_of(card_id: str, kind: DeliveryKind, resend_number: int) -> str:
    """Return the id of a delivery, 32 hex digits, which is the same for good.

    It is made of the card's id, of which nobody can tell the code; its Message-ID is made of it.
    """
    names = f"{_DOMAIN}/{card_id}/{kind.value}/{resend_number}"
    return hashlib.sha256(names.encode()).hexdigest()[:32]


def row_of_new(new: NewDelivery, now: datetime) -> Row:
    """Return a new delivery as its row, as `engine.insert(Delivery)` takes it."""
    due_at = microseconds(new.due_at)
    return (
        delivery_id_of(new.card_id, new.kind, new.resend_number),
        new.card_id,
        new.kind.value,
        new.resend_number,
        new.market,
        DeliveryState.QUEUED.value,
        None,
        None,
        None,
        new.address_sealed,
        microseconds(now),
        due_at,
        due_at,
        0,
        None,
        None,
        None,
        None,
        None,
        1,
    )


def delivery_of(row: Found) -> StoredDelivery:
    """Return the delivery of a row."""
    return StoredDelivery(
        delivery_id=row[0],
        card_id=row[1],
        kind=_KIND[row[2]],
        resend_number=row[3],
        market=row[4],
        state=_STATE[row[5]],
        person_card_id=row[6],
        role=None if row[7] is None else _ROLE[row[7]],
        authorization_id=row[8],
        address_sealed=None if row[9] is None else bytes(row[9]),
        created_at=instant(row[10]),
        due_at=instant(row[11]),
        next_try_at=instant(row[12]),
        tries=row[13],
        first_tried_at=None if row[14] is None else instant(row[14]),
        sent_at=None if row[16] is None else instant(row[16]),
        reason=row[17],
        smtp_code=row[18],
        version=row[19],
    )


def delivery_made_of(row: Found) -> DeliveryMade:
    """Return what rules know of the delivery of a row."""
    return DeliveryMade(
        row[1], _KIND[row[2]], row[3], instant(row[10]), has_own_address=row[9] is not None
    )


def deliveries_of(database: Database, card_id: str) -> list[StoredDelivery]:
    """Return the deliveries of a card, oldest first. Raises `StorageAwayError`."""
    query = (
        Delivery.select()
        .where(Delivery.card_id == card_id)
        .order_by(Delivery.created_at, Delivery.kind, Delivery.resend_number)
    )
    with reading(database), translated():
        return [delivery_of(row) for row in query.tuples().execute(database)]
