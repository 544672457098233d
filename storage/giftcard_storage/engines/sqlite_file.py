"""The file of an embedded database: how it is opened, recognized as ours, and rewritten.

`synchronous` is FULL because the file holds money.
"""

from __future__ import annotations

import os
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import peewee
from playhouse.cysqlite_ext import CySqliteDatabase

from giftcard_storage.engines.engine import Room
from giftcard_storage.engines.sqlite_turns import Turns
from giftcard_storage.errors import DatabaseRefusedError, StorageAwayError
from giftcard_storage.versions import newer, status

if TYPE_CHECKING:
    from peewee import Database
    from playhouse.migrations import Migration

APPLICATION_ID: Final = 0x67_63_74_31  # "gct1", in the header of every file of ours.
BUSY_SECONDS: Final = 5
ENOUGH_BYTES: Final = 1024 * 1024

_MAGIC: Final = b"SQLite format 3\x00"
_HEADER_BYTES: Final = 100
_APPLICATION_ID_AT: Final = slice(68, 72)
_PRAGMAS: Final = {
    "synchronous": "FULL",
    "foreign_keys": 1,
    "secure_delete": 1,  # Rows that move to another page leave nothing behind either.
    "recursive_triggers": 1,  # Otherwise REPLACE gets around the append-only tables.
    "temp_store": "MEMORY",
    # A commit only appends to the log, and `checkpoint` copies its pages into the file. Where
    # that cannot keep up, the commit that makes the log longer than this many pages does it.
    "wal_autocheckpoint": 8000,
}
# The driver fails to decode its own errors if they quote damaged bytes.
DAMAGED: Final = (peewee.DatabaseError, UnicodeDecodeError)


class FileDatabase(CySqliteDatabase):  # type: ignore[misc] # It has no types.
    """A connection to a file, with its turns to write."""

    def __init__(self, path: Path | str, *arguments: object, **named: object) -> None:
        super().__init__(str(path), *arguments, **named)
        self.turns = Turns(Path(path), BUSY_SECONDS)

    def close(self) -> bool:
        """Close the connection and the file of its turns."""
        was_open: bool = super().close()
        self.turns.close()
        return was_open


def open_file(path: Path | str, **parameters: object) -> Database:
    """Open a connection to a file that is there."""
    database: Database = FileDatabase(
        path,
        rank_functions=False,
        # The committer uses one connection from one thread after another.
        thread_safe=False,
        lock_type="IMMEDIATE",
        timeout=BUSY_SECONDS,
        pragmas=_PRAGMAS,
        **parameters,
    )
    database.connect()
    return database


def open_to_look(path: Path) -> Database:
    """Open a connection that can change nothing."""
    return open_file(f"{path.absolute().as_uri()}?mode=ro", uri=True)


def make_file(path: Path) -> None:
    """Make the file where there is none, or where it is empty; it is known as ours at once.

    A file that is not there yet appears whole, so that an empty one is never ours.
    """
    if not is_new(path):
        return
    made = path if path.exists() else path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        made.touch(mode=0o600)
        with closing(open_file(made)) as database:
            database.execute_sql(f"PRAGMA application_id = {APPLICATION_ID}")
        if made != path:
            with suppress(FileExistsError):  # Another server that starts is as good.
                path.hardlink_to(made)
    finally:
        if made != path:
            made.unlink(missing_ok=True)


def why_too_full(path: Path) -> str:
    """Say that the disk has less room than a batch may need; nothing where it has enough."""
    free = room_of(path).free_bytes
    if free >= ENOUGH_BYTES:
        return ""
    return f"the disk is full: {free} bytes are free in {path.parent}"


def room_of(path: Path) -> Room:
    """Return how much room the disk has for a file, and how large the file is. Raises OSError."""
    disk = os.statvfs(path.parent)
    return Room(disk.f_bavail * disk.f_frsize, path.stat().st_size if path.exists() else 0)


def version() -> str:
    """Return the version of SQLite that the driver brings."""
    with closing(open_file(":memory:")) as database:
        (found,) = database.execute_sql("SELECT sqlite_version()").fetchone()
    return str(found)


def rewrite(path: Path, database: Database) -> None:
    """Rewrite every page, as a migration left in freed space what must not stay there.

    The migration has set `user_version`, which is reset last, so that a server that is killed
    here starts over. It goes through a second file, as VACUUM alone needs memory for all.
    """
    compact = path.with_name(f"{path.name}.compact")
    try:
        compact.write_bytes(b"")
        compact.chmod(0o600)
        database.execute_sql("VACUUM INTO ?", (str(compact),))
        with closing(open_file(compact)) as source:
            source.backup(database)  # type: ignore[attr-defined] # SQLite's own.
    finally:
        compact.unlink(missing_ok=True)
    busy, _, _ = database.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise StorageAwayError
    database.execute_sql("PRAGMA user_version = 0")


def is_new(path: Path) -> bool:
    """Return whether there is no file yet, or an empty one; its folder must exist."""
    if path.exists() and path.stat().st_size:
        return False
    if not path.parent.is_dir():
        raise refused(path, f"its folder {path.parent} does not exist")
    _require_writable(path)
    return True


def require_ours(path: Path) -> list[Migration]:
    """Look at a file without changing it, and return the migrations of it and of this code."""
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
    except OSError as error:
        raise refused(path, f"it cannot be read ({type(error).__name__})") from error
    if not header.startswith(_MAGIC):
        raise refused(path, "it is not a SQLite database, or it is damaged")
    if int.from_bytes(header[_APPLICATION_ID_AT], "big") != APPLICATION_ID:
        raise refused(path, "it belongs to another program")
    _require_writable(path)
    try:
        damage, too_new, migrations = _inspect(path)
    except DAMAGED as error:
        # A log beside the file finds no room on a full disk, not even to read.
        raise refused(path, why_too_full(path) or "it is damaged") from error
    if damage != "ok":
        raise refused(path, f"it is damaged ({damage})")
    if too_new:
        raise refused(path, too_new)
    return migrations


def _require_writable(path: Path) -> None:
    """Raise `DatabaseRefusedError` where no log can be written beside the file, even to read it."""
    folder = path.absolute().parent
    if not os.access(folder, os.W_OK | os.X_OK):
        raise refused(path, f"its folder {folder} is read-only for this user")
    if path.exists() and not os.access(path, os.W_OK):
        raise refused(path, "it is read-only for this user")


def _inspect(path: Path) -> tuple[str, str, list[Migration]]:
    """Return what is damaged, why it is too new, and the migrations of the file and this code."""
    database = open_to_look(path)
    try:
        damage: str = database.execute_sql("PRAGMA quick_check(1)").fetchone()[0]
        # A damaged file may read as anything, so it is not read further.
        if damage != "ok":
            return damage, "", []
        migrations = status(database)
        return damage, newer(database, migrations), migrations
    finally:
        database.close()


def refused(path: Path, why: str) -> DatabaseRefusedError:
    """Return the error that names the file and why it is refused."""
    return DatabaseRefusedError(f"refusing the database file {path}: {why}")
