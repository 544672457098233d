"""Which dialect a database speaks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from peewee import PostgresqlDatabase

from giftcard_storage.postgresql_dialect import PostgresqlDialect
from giftcard_storage.sqlite_dialect import SqliteDialect

if TYPE_CHECKING:
    from peewee import Database

    from giftcard_storage.dialect import Dialect

SQLITE: Final = SqliteDialect()
POSTGRESQL: Final = PostgresqlDialect()


def dialect_of(database: Database) -> Dialect:
    """Return what a database speaks."""
    return POSTGRESQL if isinstance(database, PostgresqlDatabase) else SQLITE
