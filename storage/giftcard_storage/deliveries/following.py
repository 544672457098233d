"""From events to deliveries: what is read of both, and the position that keeps each from repeating.

The deliveries of some events and the position behind them are saved in one transaction, so that
any number of servers may follow: one of them is faster, and the others look again.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from peewee import JOIN, fn

from giftcard_rules.events import EventType
from giftcard_storage.deliveries.recalling import recall
from giftcard_storage.deliveries.stored import row_of_new
from giftcard_storage.delivery_schema import Delivery, MailPosition
from giftcard_storage.errors import StaleError, translated
from giftcard_storage.event_schema import Event, EventRemoval
from giftcard_storage.rows import card_of, instant
from giftcard_storage.schema import Card, Purchase
from giftcard_storage.transactions import reading, writing

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from peewee import Database

    from giftcard_rules import cards
    from giftcard_rules.deliveries import NewDelivery, Suppressed


class Told(NamedTuple):
    """An event that may make deliveries, and its card as it is by now.

    `deliver_on` is the day that the buyer chose for the card's message, None where none was.
    """

    position: int
    type: EventType
    occurred_at: datetime
    card: cards.Card
    deliver_on: date | None


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
                Event.select(
                    Event.position, Event.type, Event.occurred_at, Purchase.deliver_on, Card
                )
                .join(Card, JOIN.INNER, on=Card.card_id == Event.card_id)
                .join(Purchase, JOIN.LEFT_OUTER, on=Purchase.card_id == Event.card_id)
                .where(
                    Event.position > after,
                    Event.position <= end,
                    Event.type.in_(sorted(each.value for each in types)),
                )
                .order_by(Event.position)
            )
            told = [
                Told(row[0], EventType(row[1]), instant(row[2]), card_of(row[4:]), _day(row[3]))
                for row in query.tuples().execute(self._database)
            ]
        return Stretch(after, end, tuple(told))

    def save(
        self,
        before: int,
        behind: int,
        new: Sequence[NewDelivery],
        recalled: Collection[tuple[str, Suppressed]],
        now: datetime,
    ) -> None:
        """Save new deliveries, bring suppressed ones back, and move on, in one transaction.

        `recalled` are cards with a reason that is gone, for which deliveries of theirs were
        suppressed. What is there already stays as it is. Raises `StaleError` where the position
        is not `before` any more, as another server was faster.
        """
        with writing(self._database), translated():
            if new:
                rows = [row_of_new(each, now) for each in new]
                columns = Delivery._meta.sorted_fields  # noqa: SLF001 - Peewee's own name for them
                insert = Delivery.insert_many(rows, columns).on_conflict_ignore()
                insert.execute(self._database)
            for card_id, why in recalled:
                recall(self._database, card_id, why, now)
            moved = (
                MailPosition.update({MailPosition.position: behind})
                .where(MailPosition.position == before)
                .execute(self._database)
            )
            if not moved:
                raise StaleError


def _day(stored: str | None) -> date | None:
    return None if stored is None else date.fromisoformat(stored)
