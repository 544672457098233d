"""The embedded database: one SQLite file, through cysqlite.

WAL, `synchronous=FULL` because it holds money, foreign keys on, and writers that take their
lock before they read. What is deleted is overwritten. What is not ours, or damaged, is refused
and left as it is.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

import peewee
from playhouse.cysqlite_ext import CySqliteDatabase

from giftcard_storage.errors import DatabaseRefusedError, StorageAwayError, translated
from giftcard_storage.versions import RingNeededError, lacking, newer, status, up

if TYPE_CHECKING:
    from peewee import Database
    from playhouse.migrations import Migration

    from giftcard_rules.codes import KeyRing

APPLICATION_ID: Final = 0x67_63_74_31  # "gct1", in the header of every file of ours.
BUSY_SECONDS: Final = 5

_MAGIC: Final = b"SQLite format 3\x00"
_HEADER_BYTES: Final = 100
_APPLICATION_ID_AT: Final = slice(68, 72)
_PRAGMAS: Final = {
    "synchronous": "FULL",
    "foreign_keys": 1,
    "secure_delete": 1,  # Also what moves to another page leaves nothing behind.
    "recursive_triggers": 1,  # Else REPLACE gets around the append-only tables.
    "temp_store": "MEMORY",
    # A commit appends to the log alone, and `checkpoint` brings the pages home beside it;
    # where that cannot keep up, the commit that makes the log longer than this does it.
    "wal_autocheckpoint": 8000,
}
# The driver fails to decode its own errors where they quote what is damaged.
_DAMAGED: Final = (peewee.DatabaseError, UnicodeDecodeError)


def migrate(path: Path, ring: KeyRing | None) -> list[str]:
    """Make the file if there is none, bring it to this code's schema, and return by what.

    Raises `DatabaseRefusedError`, and leaves the file as it is, where it is damaged, made
    by a newer version, not ours at all, or needs a ring.
    """
    is_new = _is_new(path)
    if not is_new:
        _require_ours(path)
    try:
        path.touch(mode=0o600)
        database = _connect(path)
    except (OSError, *_DAMAGED) as error:
        raise _refused(path, f"it cannot be opened ({type(error).__name__})") from error
    try:
        with translated():
            if is_new:  # First and outside the log, so that the file is known as ours at once.
                database.execute_sql(f"PRAGMA application_id = {APPLICATION_ID}")
            database.execute_sql("PRAGMA journal_mode = WAL")
            names = up(database, ring)
            if database.execute_sql("PRAGMA user_version").fetchone() != (0,):
                _rewrite(path, database)
            return names
    except StorageAwayError as error:
        why = "it is busy: does another server start on it? Try again"
        raise _refused(path, why) from error
    except RingNeededError as error:
        raise _refused(path, str(error)) from error
    except OSError as error:
        why = f"nothing can be written beside it ({type(error).__name__})"
        raise _refused(path, why) from error
    finally:
        database.close()


def connect(path: Path) -> Database:
    """Open a connection that any one thread at a time may use."""
    with translated():
        return _connect(path)


def checkpoint(database: Database) -> None:
    """Bring the pages of the write-ahead log home, without keeping anybody waiting."""
    with translated():
        database.execute_sql("PRAGMA wal_checkpoint(PASSIVE)")


def has_cards(path: Path) -> bool:
    """Return whether there are cards on a file of any schema up to this code's, if there is one.

    Raises `DatabaseRefusedError` like `migrate`, and changes nothing.
    """
    if _is_new(path):
        return False
    _require_ours(path)
    with translated():
        database = _connect_to_look(path)
        try:
            return database.table_exists("card") and bool(
                database.execute_sql("SELECT 1 FROM card LIMIT 1").fetchone()
            )
        finally:
            database.close()


def require_schema(path: Path) -> None:
    """Raise `DatabaseRefusedError` unless the file is ours and of this code's schema."""
    if not path.exists():
        raise _refused(path, "there is no such file")
    why = lacking(_require_ours(path))
    if why:
        raise _refused(path, why)


def _connect(path: Path | str, **parameters: object) -> Database:
    database: Database = CySqliteDatabase(
        str(path),
        rank_functions=False,
        # The committer's thread changes from batch to batch; its connection does not.
        thread_safe=False,
        lock_type="IMMEDIATE",
        timeout=BUSY_SECONDS,
        pragmas=_PRAGMAS,
        **parameters,
    )
    database.connect()
    return database


def _connect_to_look(path: Path) -> Database:
    return _connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)


def _rewrite(path: Path, database: Database) -> None:
    """Write every page anew, where a migration has left what must not stay in freed space.

    It says so in `user_version`, which is reset last, so that a server that is killed here
    does it anew when it starts. By way of a file, as VACUUM alone takes it all into memory.
    """
    compact = path.with_name(f"{path.name}.compact")
    try:
        compact.write_bytes(b"")
        compact.chmod(0o600)
        database.execute_sql("VACUUM INTO ?", (str(compact),))
        with closing(_connect(compact)) as source:
            source.backup(database)  # type: ignore[attr-defined] # SQLite's own.
    finally:
        compact.unlink(missing_ok=True)
    busy, _, _ = database.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise StorageAwayError
    database.execute_sql("PRAGMA user_version = 0")


def _is_new(path: Path) -> bool:
    """Return whether nothing is there yet; its folder has to be."""
    if path.exists() and path.stat().st_size:
        return False
    if not path.parent.is_dir():
        raise _refused(path, f"its folder {path.parent} does not exist")
    return True


def _require_ours(path: Path) -> list[Migration]:
    """Look at a file without changing it, and return the migrations of it and of this code."""
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
    except OSError as error:
        raise _refused(path, f"it cannot be read ({type(error).__name__})") from error
    if not header.startswith(_MAGIC):
        raise _refused(path, "it is not a SQLite database, or it is damaged")
    if int.from_bytes(header[_APPLICATION_ID_AT], "big") != APPLICATION_ID:
        raise _refused(path, "it belongs to another program")
    try:
        damage, migrations = _inspect(path)
    except _DAMAGED as error:
        raise _refused(path, "it is damaged") from error
    if damage != "ok":
        raise _refused(path, f"it is damaged ({damage})")
    why = newer(migrations)
    if why:
        raise _refused(path, why)
    return migrations


def _inspect(path: Path) -> tuple[str, list[Migration]]:
    database = _connect_to_look(path)
    try:
        damage: str = database.execute_sql("PRAGMA quick_check(1)").fetchone()[0]
        # What is damaged may read as anything, so that it is not read further.
        return damage, status(database) if damage == "ok" else []
    finally:
        database.close()


def _refused(path: Path, why: str) -> DatabaseRefusedError:
    return DatabaseRefusedError(f"refusing the database file {path}: {why}")
