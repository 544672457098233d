"""The door to a database on any engine: its URL, its schema, connections to it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import peewee

from giftcard_storage.engines import BY_SCHEME, SQLITE, engine_of

if TYPE_CHECKING:
    from peewee import Database

    from giftcard_rules.codes import KeyRing
    from giftcard_storage.engines.engine import Engine

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


def migrate(url: DatabaseUrl, ring: KeyRing | None = None) -> list[str]:
    """Bring a database to this code's schema, and return the migrations that it took.

    An embedded database is made where there is none. A database with people in clear text
    needs the ring. Raises `DatabaseRefusedError`, and leaves the database as it is, where the
    ring is missing, or the database is damaged, of a newer version or not ours.
    """
    return url.engine.migrate(url.location, ring)


def has_cards(url: DatabaseUrl) -> bool:
    """Return whether there are cards on a database, also on one of an older schema.

    There are none where there is no file. Raises `DatabaseRefusedError` like `migrate`.
    """
    return url.engine.has_cards(url.location)


def require_schema(url: DatabaseUrl) -> None:
    """Raise `DatabaseRefusedError` unless a database is ours and of this code's schema."""
    url.engine.require_schema(url.location)


def connect(url: DatabaseUrl) -> Database:
    """Open a connection that any one thread at a time may use. Raises `StorageAwayError`."""
    return url.engine.connect(url.location)


def connect_to_look_over(url: DatabaseUrl, within_seconds: float | None = None) -> Database:
    """Open a connection for statements that read whole tables. Raises `StorageAwayError`.

    A server that does not answer a statement `within_seconds` is given up; None is no bound.
    """
    return url.engine.connect_to_look_over(url.location, within_seconds)


def close(database: Database) -> None:
    """Close a connection, unless a transaction is open on it: then it ends with the process."""
    with suppress(peewee.PeeweeException):
        database.close()


def checkpoint(database: Database) -> None:
    """Bring the pages of the database's log home, without keeping callers waiting."""
    engine_of(database).checkpoint(database)
