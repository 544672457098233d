"""How the events of decisions are saved, in the transaction of the decisions themselves."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

from giftcard_storage.engines import engine_of
from giftcard_storage.errors import translated
from giftcard_storage.event_rows import event_rows
from giftcard_storage.event_schema import Event, NewEvent

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from peewee import Database

    from giftcard_rules.decisions import Decision
    from giftcard_storage.engines.engine import Engine, Saving
    from giftcard_storage.rows import Row

_LAST_POSITION: Final = "SELECT COALESCE(MAX(position), 0) FROM event"


class _Statements(NamedTuple):
    insert_new_event: Saving
    insert_event: Saving


@cache
def _statements_of(engine: Engine) -> _Statements:
    return _Statements(engine.insert(NewEvent), engine.insert(Event))


def saving_of_events(
    database: Database, decisions: Iterable[Decision], now: datetime
) -> tuple[Saving, list[Row]]:
    """Return a statement that inserts the events of decisions, and its rows.

    Where one transaction at a time may write, nothing else can give the next positions, so the
    events get them at once. Otherwise they wait in `new_event` for the sequencer.
    """
    engine, events = engine_of(database), event_rows(decisions, now)
    statements = _statements_of(engine)
    if not (events and engine.has_one_writer):
        return statements.insert_new_event, events
    with translated():
        ((last,),) = database.execute_sql(_LAST_POSITION).fetchall()
    return statements.insert_event, [
        (position, *row) for position, row in enumerate(events, last + 1)
    ]
