"""The log of events: read in the order of their positions, counted, and cut at its old end."""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from peewee import fn

from giftcard_storage.errors import translated
from giftcard_storage.event_rows import StoredEvent, stored_event_of
from giftcard_storage.event_schema import Event, EventGeneration, EventRemoval, NewEvent
from giftcard_storage.rows import microseconds
from giftcard_storage.transactions import reading, reading_durably, writing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from peewee import Database

    from giftcard_rules.events import EventType

__all__ = ["Backlog", "EventLog", "StoredEvent"]


class Backlog(NamedTuple):
    """How many events have no position yet, and when the oldest of them occurred."""

    events: int
    oldest_at: int | None  # Microseconds since 1970 UTC; None where there are none.


class EventLog:
    """Events by position, on a connection that one thread at a time uses.

    Every method raises `StorageAwayError` where the database does not answer. What is read is as
    durable as any commit that was acknowledged.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, after: int, limit: int, types: frozenset[EventType]) -> list[StoredEvent]:
        """Return at most `limit` events behind the position `after`; no types: those of all."""
        query = Event.select().where(Event.position > after)
        if types:
            query = query.where(Event.type.in_(sorted(each.value for each in types)))
        query = query.order_by(Event.position).limit(limit).tuples()
        with reading_durably(self._database), translated():
            return [stored_event_of(row) for row in query.execute(self._database)]

    @contextmanager
    def state(self) -> Iterator[None]:
        """See one state of the log inside; what is read there shares one wait for durability."""
        with reading_durably(self._database):
            yield

    def glance(self) -> tuple[str, int]:
        """Return the generation and the newest position, which a loss of the database may undo.

        It costs little, and says whether there may be more to read.
        """
        with reading(self._database):
            return self.generation(), self.last_position()

    def last_position(self) -> int:
        """Return the newest position that was given; 0 where none was."""
        query = Event.select(fn.MAX(Event.position)).tuples()
        with reading_durably(self._database), translated():
            ((last,),) = query.execute(self._database)
        return int(last or 0)

    def oldest_position(self) -> int:
        """Return the oldest position that was not removed; 1 where nothing was."""
        query = EventRemoval.select(fn.MAX(EventRemoval.last_position)).tuples()
        with reading_durably(self._database), translated():
            ((removed,),) = query.execute(self._database)
        return int(removed or 0) + 1

    def generation(self) -> str:
        """Return the present generation of the database."""
        return self.generations()[-1][0]

    def generations(self) -> list[tuple[str, int]]:
        """Return all generations, oldest first, each with the last position in common.

        A generation shares the positions up to that one with the generation before it.
        """
        of = EventGeneration
        query = of.select(of.generation, of.common_position).order_by(of.ordinal).tuples()
        with reading_durably(self._database), translated():
            return list(query.execute(self._database))

    def begin_generation(self, now: datetime, common_position: int | None = None) -> str:
        """Begin a generation, as a backup was restored; return its name.

        `common_position` is the last position that the backup held; None: the last one there is.
        """
        generation = uuid.uuid4().hex
        with writing(self._database), translated():
            of = EventGeneration
            ((ordinal,),) = of.select(fn.MAX(of.ordinal)).tuples().execute(self._database)
            ((last,),) = Event.select(fn.MAX(Event.position)).tuples().execute(self._database)
            common = (last or 0) if common_position is None else common_position
            of.insert(
                ordinal=ordinal + 1,
                generation=generation,
                common_position=common,
                began_at=microseconds(now),
            ).execute(self._database)
        return generation

    def remove_before(self, cutoff: datetime, limit: int, through: int | None = None) -> int:
        """Remove at most `limit` of the oldest events, of before `cutoff`; return how many.

        Events behind the position `through` stay, where one is given.
        The newest event stays, as it tells the last position. Positions are removed without gaps,
        so an event that occurred before one with a lower position waits for that one.
        """
        columns = (Event.position, Event.occurred_at)
        query = Event.select(*columns).order_by(Event.position).limit(limit + 1).tuples()
        with writing(self._database), translated():
            oldest: list[tuple[int, int]] = list(query.execute(self._database))
            old: list[tuple[int, int]] = []
            for position, occurred_at in oldest[:-1]:
                is_kept = through is not None and position > through
                if is_kept or occurred_at >= microseconds(cutoff):
                    break
                old.append((position, occurred_at))
            if old:
                self._remove(old[-1][0], max(occurred_at for _, occurred_at in old))
        return len(old)

    def _remove(self, last_position: int, occurred_through: int) -> None:
        of = EventRemoval
        ((before,),) = of.select(of.occurred_through).tuples().execute(self._database)
        of.update(
            last_position=last_position, occurred_through=max(before, occurred_through)
        ).execute(self._database)
        Event.delete().where(Event.position <= last_position).execute(self._database)

    def backlog(self) -> Backlog:
        """Return what has no position yet."""
        query = NewEvent.select(fn.COUNT(NewEvent.card_id), fn.MIN(NewEvent.occurred_at)).tuples()
        with reading(self._database), translated():
            ((events, oldest_at),) = query.execute(self._database)
        return Backlog(events, oldest_at)
