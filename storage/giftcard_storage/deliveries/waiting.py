"""Deliveries for operators: what waits, lists of any state, and bringing a parked one back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from peewee import SQL, Case, fn

from giftcard_rules.deliveries import DeliveryKind, DeliveryState
from giftcard_storage.deliveries.claims import IS_OPEN
from giftcard_storage.deliveries.stored import delivery_of
from giftcard_storage.delivery_schema import Delivery
from giftcard_storage.errors import translated
from giftcard_storage.rows import instant, microseconds
from giftcard_storage.transactions import reading, writing

if TYPE_CHECKING:
    from datetime import datetime

    from peewee import Database

    from giftcard_storage.deliveries.stored import StoredDelivery

# Written as in the partial index.
_IS_PARKED: Final = SQL("state = 'parked'")
_OPEN: Final = frozenset({DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.DEFERRED})
# The states from which an operator may have a delivery tried at once.
_RETRIED: Final = frozenset({DeliveryState.PARKED, DeliveryState.DEFERRED})


class Waiting(NamedTuple):
    """How many deliveries of a kind are in a state that does not last, or are parked.

    `oldest_due_at` is since when the oldest of them is due, None where none is due yet.
    """

    kind: DeliveryKind
    state: DeliveryState
    deliveries: int
    oldest_due_at: datetime | None


def waiting(database: Database, now: datetime) -> list[Waiting]:
    """Return what is to be sent, and what is parked. Raises `StorageAwayError`.

    It reads no delivery that was sent or suppressed.
    """
    of, counts = Delivery, []
    since = fn.MIN(Case(None, ((of.due_at <= microseconds(now), of.due_at),)))
    with reading(database), translated():
        for condition in (IS_OPEN, _IS_PARKED):
            query = of.select(of.kind, of.state, fn.COUNT(of.delivery_id), since)
            query = query.where(condition).group_by(of.kind, of.state).order_by(of.kind, of.state)
            counts += [
                Waiting(
                    DeliveryKind(kind),
                    DeliveryState(state),
                    deliveries,
                    None if oldest is None else instant(oldest),
                )
                for kind, state, deliveries, oldest in query.tuples().execute(database)
            ]
    return counts


def listed(database: Database, state: DeliveryState | None, limit: int) -> list[StoredDelivery]:
    """Return at most `limit` deliveries in a state (None: in any), the oldest first.

    Raises `StorageAwayError`. A list of those that were sent reads the whole table.
    """
    query = Delivery.select().order_by(Delivery.created_at, Delivery.delivery_id).limit(limit)
    if state is DeliveryState.PARKED:
        query = query.where(_IS_PARKED)
    elif state in _OPEN:
        query = query.where(IS_OPEN, Delivery.state == state.value)
    elif state is not None:
        query = query.where(Delivery.state == state.value)
    with reading(database), translated():
        return [delivery_of(row) for row in query.tuples().execute(database)]


def retry(database: Database, delivery_id: str, now: datetime) -> StoredDelivery | None:
    """Have a parked or deferred delivery tried at once, and for three days from then on.

    Return it as it was; None where there is none. One in another state stays as it is. Raises
    `StorageAwayError`, and `StaleError` where a server is just at it.
    """
    of = Delivery
    with writing(database), translated():
        found = list(of.select().where(of.delivery_id == delivery_id).tuples().execute(database))
        if not found:
            return None
        before = delivery_of(found[0])
        if before.state in _RETRIED:
            changes = {
                of.state: DeliveryState.QUEUED.value,
                of.next_try_at: microseconds(now),
                of.tries: 0,
                of.first_tried_at: None,
                of.reason: None,
                of.smtp_code: None,
                of.version: of.version + 1,
            }
            of.update(changes).where(of.delivery_id == delivery_id).execute(database)
    return before
