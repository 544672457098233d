"""Databases for the services of tests: each kind in turn, empty for each test.

A test that uses the fixture `kind`, or one that depends on it, runs once on each kind, unless
it is marked with `one_database`.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import psycopg
from psycopg import sql

from giftcard_server.keys import key_file
from giftcard_storage.database import DatabaseUrl
from giftcard_storage.schema import TABLES
from given.databases.postgresql_process import PostgresqlProcess

# What migrations have filled stays.
_KEPT = {"event_lease", "event_generation", "event_removal", "schema_fence", "mail_position"}
_TABLES = [name for table in TABLES if (name := table._meta.table_name) not in _KEPT]
_EMPTY = sql.SQL("TRUNCATE {}").format(sql.SQL(", ").join(map(sql.Identifier, _TABLES)))
_AS_MIGRATED = """
    UPDATE event_lease SET holder = '', expires_at = 0, changes = 0;
    UPDATE event_removal SET last_position = 0, occurred_through = 0;
    DELETE FROM event_generation WHERE ordinal > 1;
    UPDATE event_generation SET common_position = 0;
    UPDATE mail_position SET position = 0
"""
# PostgreSQL may not have noticed yet that the clients of some sessions were killed.
_CUT_OFF = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


class Kind(StrEnum):
    """The kinds of databases that storage works on."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"


@dataclass(frozen=True)
class Place:
    """A database, and the file with the keys of its cards."""

    url: str
    key_file: Path

    @classmethod
    def in_file(cls, folder: Path) -> Self:
        """Return a place in a folder; the server makes missing files."""
        path = folder / "giftcard.db"
        return cls(f"sqlite:///{path}", path.with_name("giftcard.db.keys"))

    @classmethod
    def on_server(cls, url: str, folder: Path) -> Self:
        """Return a place on a server, with its keys in a folder."""
        ring = folder / "giftcard.db.keys"
        key_file.make(ring)
        return cls(url, ring)

    @property
    def database_url(self) -> DatabaseUrl:
        """The URL as storage takes it."""
        return DatabaseUrl.parse(self.url)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings by which a service finds it."""
        settings: dict[str, Any] = {"database_url": self.url}
        if self.database_url.engine.needs_given_keys:
            settings["key_file"] = self.key_file
        if not self.database_url.engine.may_have_files_beside:
            settings["mail"] = "none"  # Without a folder for messages, it has to be said.
        return settings

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment by which a server of its own process finds it."""
        return {f"GIFTCARD_{name.upper()}": str(value) for name, value in self.settings.items()}

    def where(self, **settings: str) -> Self:
        """Return the same place for sessions that have other settings of PostgreSQL."""
        options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        return type(self)(f"{self.url}?options={quote(options)}", self.key_file)


class Databases:
    """Empty databases of each kind. PostgreSQL starts at its first use."""

    def __init__(self) -> None:
        self._running = ExitStack()
        self._postgresql: PostgresqlProcess | None = None
        self._clean: list[str] = []

    @property
    def postgresql(self) -> PostgresqlProcess:
        """The PostgreSQL that all tests share."""
        if self._postgresql is None:
            self._postgresql = self._running.enter_context(PostgresqlProcess())
        return self._postgresql

    @contextmanager
    def empty(self, kind: Kind, folder: Path) -> Iterator[Place]:
        """Lend a database; its files are in a folder."""
        if kind is Kind.SQLITE:
            yield Place.in_file(folder)
            return
        # Making a database takes ten times as long as emptying one.
        url = self._clean.pop() if self._clean else self.postgresql.new_database()
        yield Place.on_server(url, folder)
        _wipe(url)
        self._clean.append(url)

    @contextmanager
    def own(self, kind: Kind, folder: Path) -> Iterator[Place]:
        """Lend a database without a schema, which the test makes and changes as it likes."""
        if kind is Kind.SQLITE:
            yield Place.in_file(folder)
            return
        url = self.postgresql.new_database(migrated=False)
        yield Place.on_server(url, folder)
        self.postgresql.drop(url)

    def close(self) -> None:
        """Stop PostgreSQL, if it runs."""
        self._running.close()


def _wipe(url: str) -> None:
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        connection.execute(_CUT_OFF)
        # A superuser may switch off the triggers that make the ledger append-only.
        connection.execute("SET session_replication_role = replica")
        connection.execute(_EMPTY)
        connection.execute(_AS_MIGRATED)
