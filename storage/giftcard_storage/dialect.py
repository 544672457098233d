"""How databases differ, as one interface; each database's own words are in a file of its own.

A statement is a text that Peewee built from the schema, once. It does not grow with what it
looks up or saves, so that the driver prepares it once as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from peewee import SQL, PostgresqlDatabase

from giftcard_storage.postgresql_dialect import PostgresqlDialect
from giftcard_storage.sqlite_dialect import SqliteDialect

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from peewee import Database, Field, Model

    from giftcard_storage.rows import Row


class Dialect(Protocol):
    """One database's own words. Rows have their columns in the order of the schema."""

    def __hash__(self) -> int: ...

    def begin_writing(self, database: Database) -> None:
        """Begin a transaction that sees one state of the database, and may change it."""

    def begin_reading(self, database: Database) -> None:
        """Begin a transaction that sees one state of the database, and keeps nobody waiting."""

    def is_open(self, database: Database) -> bool:
        """Return whether the connection can still be used."""

    def select(self, key: Field, *conditions: SQL) -> str:
        """Return the statement for whole rows whose key is among some values."""

    def insert(self, model: type[Model]) -> str:
        """Return the statement for new rows."""

    def update(self, fields: Sequence[Field], *keys: Field) -> str:
        """Return the statement for rows of new `fields`, then of the `keys` that must be equal."""

    def find(
        self, database: Database, searches: Iterable[tuple[str, Collection[str]]]
    ) -> list[list[Row]]:
        """Run selects, each for all rows with any of the values, and return what each found."""

    def save(self, database: Database, savings: Iterable[tuple[str, Sequence[Row]]]) -> None:
        """Run inserts and updates in turn. Raises `StaleError` where a row has moved on."""


SQLITE: Final[Dialect] = SqliteDialect()
POSTGRESQL: Final[Dialect] = PostgresqlDialect()


def dialect_of(database: Database) -> Dialect:
    """Return what a database speaks."""
    return POSTGRESQL if isinstance(database, PostgresqlDatabase) else SQLITE
