"""From events to deliveries: what is read of both, and the position that keeps each from repeating.

The deliveries of some events and the position behind them are saved in one transaction, so that
any number of servers may follow: one of them is faster, and the others look again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from peewee import JOIN, Case, fn

from giftcard_rules.deliveries import DeliveryState, Suppressed
from giftcard_rules.events import EventType
from giftcard_storage.deliveries.stored import row_of_new
from giftcard_storage.delivery_schema import Delivery, MailPosition
from giftcard_storage.errors import StaleError, translated
from giftcard_storage.event_schema import Event, EventRemoval
from giftcard_storage.rows import card_of, instant, microseconds
from giftcard_storage.schema import Card
from giftcard_storage.transactions import reading, writing

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from peewee import Database

    from giftcard_rules import cards
    from giftcard_rules.deliveries import NewDelivery


class Told(NamedTuple):
    """An event that may make deliveries, and its card as it is by now."""

    position: int
    type: EventType
    occurred_at: datetime
    card: cards.Card


class Stretch(NamedTuple):
    """Some events in a row: those of the types that were asked for, and where the row ends."""

    after: int
    last_position: int
    told: tuple[Told, ...]


class FollowedEvents:
    """The events as deliveries follow them, on a connection that one thread at a time uses.

    Every method raises `StorageAwayError` where the database does not answer.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def position(self) -> int:
        """Return the position up to which events have made their deliveries."""
        with reading(self._database), translated():
            ((position,),) = (
                MailPosition.select(MailPosition.position).tuples().execute(self._database)
            )
        return int(position)

    def removed_through(self) -> int:
        """Return the last position that was removed from the log; 0 where nothing was."""
        query = EventRemoval.select(EventRemoval.last_position).tuples()
        with reading(self._database), translated():
            ((last,),) = query.execute(self._database)
        return int(last)

    def read(self, after: int, limit: int, types: Collection[EventType]) -> Stretch:
        """Return what happened behind a position, in at most `limit` events of any type."""
        with reading(self._database), translated():
            newest = Event.select(fn.MAX(Event.position)).tuples()
            ((last,),) = newest.execute(self._database)
            end = min(int(last or 0), after + limit)
            if end <= after:
                return Stretch(after, after, ())
            query = (
                Event.select(Event.position, Event.type, Event.occurred_at, Card)
                .join(Card, JOIN.INNER, on=Card.card_id == Event.card_id)
                .where(
                    Event.position > after,
                    Event.position <= end,
                    Event.type.in_(sorted(each.value for each in types)),
                )
                .order_by(Event.position)
            )
            told = [
                Told(row[0], EventType(row[1]), instant(row[2]), card_of(row[3:]))
                for row in query.tuples().execute(self._database)
            ]
        return Stretch(after, end, tuple(told))

    def save(
        self,
        before: int,
        behind: int,
        new: Sequence[NewDelivery],
        recalled: Mapping[str, Suppressed],
        now: datetime,
    ) -> None:
        """Save new deliveries, bring suppressed ones back, and move on, in one transaction.

        `recalled` are cards whose deliveries were suppressed for a reason that is gone. What is
        there already stays as it is. Raises `StaleError` where the position is not `before` any
        more, as another server was faster.
        """
        with writing(self._database), translated():
            if new:
                rows = [row_of_new(each, now) for each in new]
                columns = Delivery._meta.sorted_fields  # noqa: SLF001 - Peewee's own name for them
                insert = Delivery.insert_many(rows, columns).on_conflict_ignore()
                insert.execute(self._database)
            for card_id, why in recalled.items():
                self._recall(card_id, why, now)
            moved = (
                MailPosition.update({MailPosition.position: behind})
                .where(MailPosition.position == before)
                .execute(self._database)
            )
            if not moved:
                raise StaleError

    def _recall(self, card_id: str, why: Suppressed, now: datetime) -> None:
        of, at = Delivery, microseconds(now)
        of.update(
            {
                of.state: DeliveryState.QUEUED.value,
                of.reason: None,
                of.next_try_at: Case(None, ((of.due_at > at, of.due_at),), at),
                of.version: of.version + 1,
            }
        ).where(
            of.card_id == card_id,
            of.state == DeliveryState.SUPPRESSED.value,
            of.reason == why.value,
        ).execute(self._database)
