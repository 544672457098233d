"""The door to the database, whichever it is: where it is, its schema, connections to it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

import peewee

from giftcard_storage import postgresql_server, sqlite_file

if TYPE_CHECKING:
    from peewee import Database

    from giftcard_rules.codes import KeyRing

_POSTGRESQL: Final = frozenset({"postgresql", "postgres"})
_MUST_BE: Final = "must be sqlite:///path/to/file.db or postgresql://user@host/database"


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    """Where the facts are kept: on the server of `server_url`, or else in the file at `path`."""

    path: Path = Path()
    server_url: str = field(default="", repr=False)  # There may be a password in it.

    @classmethod
    def parse(cls, url: str) -> DatabaseUrl:
        """Read `sqlite:///relative.db`, `sqlite:////absolute.db` or `postgresql://...`.

        Raises ValueError, with nothing of the URL in it.
        """
        scheme, _, rest = url.partition("://")
        if scheme in _POSTGRESQL and postgresql_server.name_of(rest):
            return cls(server_url=f"postgresql://{rest}")
        path = unquote(rest.removeprefix("/"))
        if scheme != "sqlite" or not rest.startswith("/") or not path or set("?#") & set(rest):
            raise ValueError(_MUST_BE)
        return cls(Path(path))

    @property
    def is_shared(self) -> bool:
        """Whether any number of servers may work on it."""
        return bool(self.server_url)

    def __str__(self) -> str:
        """The URL again, without what may be secret in it."""
        if self.server_url:
            return postgresql_server.shown(self.server_url)
        return f"sqlite:///{self.path}"


def migrate(url: DatabaseUrl, ring: KeyRing | None = None) -> list[str]:
    """Bring a database to this code's schema, and return the migrations that it took.

    An embedded one is made where there is none. One in which people stand in clear needs the
    ring. Raises `DatabaseRefusedError`, and leaves it as it is, where that is missing, and
    where it is damaged, made by a newer version, or not ours at all.
    """
    if url.server_url:
        return postgresql_server.migrate(url.server_url, ring)
    return sqlite_file.migrate(url.path, ring)


def file_has_cards(url: DatabaseUrl) -> bool:
    """Return whether there are cards on an embedded database, also on one of an older schema.

    There are none where there is no file. Raises `DatabaseRefusedError` like `migrate`.
    """
    return sqlite_file.has_cards(url.path)


def require_schema(url: DatabaseUrl) -> None:
    """Raise `DatabaseRefusedError` unless a database is ours and of this code's schema."""
    if url.server_url:
        postgresql_server.require_schema(url.server_url)
    else:
        sqlite_file.require_schema(url.path)


def connect(url: DatabaseUrl) -> Database:
    """Open a connection that any one thread at a time may use. Raises `StorageAwayError`."""
    if url.server_url:
        return postgresql_server.connect(url.server_url)
    return sqlite_file.connect(url.path)


def connect_to_look_over(url: DatabaseUrl) -> Database:
    """Open a connection for what reads whole tables. Raises `StorageAwayError`."""
    if url.server_url:
        return postgresql_server.connect_to_look_over(url.server_url)
    return sqlite_file.connect(url.path)


def close(database: Database) -> None:
    """Close a connection; one with a transaction still open is left to the process's end."""
    with suppress(peewee.PeeweeException):
        database.close()


def checkpoint(database: Database) -> None:
    """Bring the pages of an embedded database's log home, without keeping anybody waiting."""
    sqlite_file.checkpoint(database)
