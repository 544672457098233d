"""The door to a database on any engine: its URL, its schema, connections to it."""

from __future__ import annotations

import threading
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final
from weakref import WeakSet

import peewee

from giftcard_storage import versions
from giftcard_storage.engines import BY_SCHEME, SQLITE, engine_of
from giftcard_storage.errors import FencedOffError, StorageAwayError, translated
from giftcard_storage.personal.resealing import reseal
from giftcard_storage.transactions import writing

if TYPE_CHECKING:
    from collections.abc import Callable

    from peewee import Database

    from giftcard_rules.codes import KeyRing
    from giftcard_storage.engines.engine import Engine, Inspection
    from giftcard_storage.versions import Planned

# A connection, for those who only hand it on: Peewee is known in storage alone.
Connection = peewee.Database

# Those of this process that were opened here, as long as somebody has them.
_CONNECTIONS: Final[WeakSet[Database]] = WeakSet()
_LOCK: Final = threading.Lock()

_MUST_BE: Final = "must be sqlite:///path/to/file.db or postgresql://user@host/database"


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    """Where the facts are stored: the engine, and the location that it connects to."""

    engine: Engine
    location: str = field(repr=False)  # There may be a password in it.

    @classmethod
    def parse(cls, url: str) -> DatabaseUrl:
        """Read `sqlite:///relative.db`, `sqlite:////absolute.db` or `postgresql://...`.

        Raises ValueError, with nothing of the URL in it.
        """
        scheme, _, rest = url.partition("://")
        engine = BY_SCHEME.get(scheme)
        location = engine.location_of(rest) if engine else ""
        if not engine or not location:
            raise ValueError(_MUST_BE)
        return cls(engine, location)

    @classmethod
    def of_file(cls, path: Path) -> DatabaseUrl:
        """Return the URL of an embedded database."""
        return cls(SQLITE, str(path))

    @property
    def path(self) -> Path:
        """The file of an embedded database."""
        return Path(self.location)

    def __str__(self) -> str:
        """The URL again, without what may be secret in it."""
        return self.engine.shown(self.location)


def is_to_be_made(url: DatabaseUrl) -> bool:
    """Return whether `migrate` would make the database, as there is none yet."""
    return url.engine.is_to_be_made(url.location)


def migrate(
    url: DatabaseUrl,
    ring: KeyRing | None = None,
    announce: Callable[[Planned], object] = lambda _planned: None,
) -> list[str]:
    """Bring a database to this code's schema, and return the migrations that it took.

    An embedded database is made where there is none. A database with people in clear text
    needs the ring. Each migration is announced before it runs. With a ring, people of former
    versions are sealed apart afterwards, in small transactions: killed there, it goes on with the
    next call. Raises
    `DatabaseRefusedError`, and leaves the database as it is, where the ring is missing, or
    the database is damaged, of a newer version or not ours.
    """
    names = url.engine.migrate(url.location, ring, announce)
    if ring is not None:
        connection = connect(url)
        try:
            for _ in reseal(connection, ring):
                pass
        finally:
            close(connection)
    return names


def planned(url: DatabaseUrl) -> list[Planned]:
    """Return what `migrate` would run. Raises `DatabaseRefusedError`, and changes nothing."""
    return url.engine.planned(url.location)


def inspect(url: DatabaseUrl) -> Inspection:
    """Look at a database of any schema, and change nothing. Raises `DatabaseRefusedError`."""
    return url.engine.inspect(url.location)


def has_cards(url: DatabaseUrl) -> bool:
    """Return whether there are cards on a database, also on one of an older schema.

    There are none where there is no file. Raises `DatabaseRefusedError` like `migrate`.
    """
    return url.engine.has_cards(url.location)


def require_schema(url: DatabaseUrl) -> None:
    """Raise `DatabaseRefusedError` unless a database is ours and its schema fits."""
    url.engine.require_schema(url.location)


def require_unfenced(connection: Database) -> None:
    """Raise `FencedOffError` where nothing of this version can be written any more.

    Raises `StorageAwayError` where the database does not answer.
    """
    with translated():
        fences = connection.execute_sql(versions.FENCES).fetchall()
    versions.require_unfenced(fences)


def connect(url: DatabaseUrl) -> Database:
    """Open a connection that any one thread at a time may use. Raises `StorageAwayError`."""
    return _known(url.engine.connect(url.location))


def open_connections() -> int:
    """Return how many connections of this process are open, as far as it knows.

    One that was cut counts until it is used again.
    """
    with _LOCK:
        return sum(not each.is_closed() for each in _CONNECTIONS)


def connect_to_look_over(url: DatabaseUrl, within_seconds: float | None = None) -> Database:
    """Open a connection for statements that read whole tables. Raises `StorageAwayError`.

    A server that does not answer a statement `within_seconds` is given up; None is no bound.
    """
    return _known(url.engine.connect_to_look_over(url.location, within_seconds))


def connect_to_walk(url: DatabaseUrl) -> Database:
    """Open a connection for the slices of an audit. Raises `StorageAwayError`.

    They look up by keys as commands do, but a large one may take long.
    """
    return _known(url.engine.connect_to_look_over(url.location, None, by_keys=True))


def _known(connection: Database) -> Database:
    with _LOCK:
        _CONNECTIONS.add(connection)
    return connection


def close(database: Database) -> None:
    """Close a connection, unless a transaction is open on it: then it ends with the process."""
    with suppress(peewee.PeeweeException):
        database.close()


def why_not_writable(url: DatabaseUrl) -> str | None:
    """Find out whether a write would succeed now, by a durable one that changes nothing.

    Return why not; nothing where it would; None where another writer was at work, so that it is
    not known. It waits for no other writer.
    """
    try:
        connection = connect(url)
    except StorageAwayError as error:
        return f"no connection that may write can be opened ({error})"
    engine = url.engine
    with closing(connection):
        try:
            with translated():
                engine.wait_for_nobody(connection)
            with writing(connection), translated():
                engine.write_a_page(connection)
        except FencedOffError as error:
            return str(error)
        except StorageAwayError as error:
            return engine.why_not_written(error)
        return engine.why_too_full(connection)


def clear_log(database: Database) -> bool:
    """Clear the database's log of what was deleted; return whether nothing is left of it.

    It waits for a transaction that writes, so that it sees what that deletes.
    """
    with translated():
        return engine_of(database).clear_log(database)


def checkpoint(database: Database) -> None:
    """Bring the pages of the database's log home, without keeping callers waiting."""
    engine_of(database).checkpoint(database)
