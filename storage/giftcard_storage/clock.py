"""What the database knows of the time: its server's clock, and what servers have marked.

A mark is the latest time that a server has seen. Marks are written outside of commands.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from giftcard_storage.engines import engine_of
from giftcard_storage.errors import translated
from giftcard_storage.rows import instant, microseconds
from giftcard_storage.schema import ClockMark
from giftcard_storage.transactions import reading, writing

if TYPE_CHECKING:
    from datetime import datetime

    from peewee import Database

# No host has this name: the mark of the operator who said that a clock is right.
ACCEPTED: Final = "(accepted)"
# Hosts come and go. A mark so much older than another one decides nothing any more.
_KEPT_FOR: Final = timedelta(days=30)

_SET: Final = """
    INSERT INTO clock_mark (server_id, marked_at) VALUES (?, ?)
    ON CONFLICT (server_id) DO UPDATE SET marked_at = excluded.marked_at
    WHERE excluded.marked_at > clock_mark.marked_at
"""


class Times(NamedTuple):
    """Times that the database knows; None where it knows none.

    `server` is the clock of a database server. `newest` is the newest of all marks, `accepted`
    the mark of an operator who accepted a clock.
    """

    server: datetime | None
    newest: datetime | None
    accepted: datetime | None


def times(database: Database) -> Times:
    """Return what the database knows of the time now. Raises `StorageAwayError`."""
    with reading(database), translated():
        rows = ClockMark.select(ClockMark.server_id, ClockMark.marked_at).tuples()
        found: dict[str, int] = dict(rows.execute(database))
        at = engine_of(database).servers_time(database)
    return Times(
        None if at is None else instant(at),
        instant(max(found.values())) if found else None,
        instant(found[ACCEPTED]) if ACCEPTED in found else None,
    )


def mark(database: Database, server_id: str, now: datetime) -> None:
    """Set the mark of a server, which never goes back. Raises `StorageAwayError`."""
    with writing(database), translated():
        _set(database, server_id, now)
        too_old = ClockMark.marked_at < microseconds(now - _KEPT_FOR)
        ClockMark.delete().where(too_old).execute(database)


def accept(database: Database, now: datetime) -> int:
    """Mark `now` as right, and remove the marks ahead of it; return how many were removed."""
    at = microseconds(now)
    with writing(database), translated():
        removed: int = ClockMark.delete().where(ClockMark.marked_at > at).execute(database)
        _set(database, ACCEPTED, now)
    return removed


def _set(database: Database, server_id: str, now: datetime) -> None:
    text = _SET.replace("?", database.param)
    database.execute_sql(text, (server_id, microseconds(now)))
