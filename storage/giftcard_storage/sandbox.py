"""The mark of a sandbox's database, which is the table that keeps how far its clock is ahead.

No migration makes the table, so that no other database has it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from giftcard_storage import database
from giftcard_storage.errors import DatabaseRefusedError, translated
from giftcard_storage.transactions import reading, writing

if TYPE_CHECKING:
    from peewee import Database

    from giftcard_rules.codes import KeyRing
    from giftcard_storage.database import DatabaseUrl

# One row, since its key is 1. In microseconds.
_MAKE: Final = """
    CREATE TABLE IF NOT EXISTS sandbox_clock (
        id BIGINT PRIMARY KEY CHECK (id = 1), ahead_us BIGINT NOT NULL CHECK (ahead_us >= 0)
    )
"""
_BEGIN: Final = "INSERT INTO sandbox_clock (id, ahead_us) VALUES (1, 0) ON CONFLICT DO NOTHING"
_READ: Final = "SELECT ahead_us FROM sandbox_clock"
_MOVE: Final = "UPDATE sandbox_clock SET ahead_us = ? WHERE ahead_us < ?"
_TABLE: Final = "sandbox_clock"
_FIRST_MIGRATION: Final = "0001"
_MICROSECOND: Final = timedelta(microseconds=1)


def prepare(url: DatabaseUrl, ring: KeyRing | None) -> None:
    """Make the database of a sandbox, or bring one to this code's schema.

    Raises `DatabaseRefusedError` for a database that is there and is no sandbox's, before anything
    in it is changed.
    """
    is_new = any(each.name.startswith(_FIRST_MIGRATION) for each in database.planned(url))
    if not (is_new or _is_marked(url)):
        why = "it is no sandbox's, whose clock could be moved: name another one"
        raise DatabaseRefusedError(_refused(url, why))
    database.migrate(url, ring)
    if is_new:
        _mark(url)


def require_none(url: DatabaseUrl) -> None:
    """Raise `DatabaseRefusedError` where a database is a sandbox's."""
    if _is_marked(url):
        why = "it is a sandbox's, with days that never were: only `giftcard sandbox` takes it"
        raise DatabaseRefusedError(_refused(url, why))


def ahead(connection: Database) -> timedelta:
    """Return how far the sandbox's clock is ahead of the real one. Raises `StorageAwayError`."""
    with reading(connection), translated():
        (found,) = connection.execute_sql(_READ).fetchone()
    return int(found) * _MICROSECOND


def move_ahead(connection: Database, by: timedelta) -> None:
    """Keep how far the clock is ahead now; it never goes back. Raises `StorageAwayError`."""
    microseconds = by // _MICROSECOND
    with writing(connection), translated():
        connection.execute_sql(_MOVE.replace("?", connection.param), (microseconds, microseconds))


def _is_marked(url: DatabaseUrl) -> bool:
    connection = database.connect(url)
    try:
        with translated():
            return bool(connection.table_exists(_TABLE))
    finally:
        database.close(connection)


def _mark(url: DatabaseUrl) -> None:
    connection = database.connect(url)
    try:
        with writing(connection), translated():
            connection.execute_sql(_MAKE)
            connection.execute_sql(_BEGIN)
    finally:
        database.close(connection)


def _refused(url: DatabaseUrl, why: str) -> str:
    return f"refusing the database {url}: {why}"
