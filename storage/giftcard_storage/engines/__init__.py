"""The databases that storage works on, each as one engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from peewee import PostgresqlDatabase

from giftcard_storage.engines.postgresql import Postgresql
from giftcard_storage.engines.sqlite import Sqlite

if TYPE_CHECKING:
    from peewee import Database

    from giftcard_storage.engines.engine import Engine

SQLITE: Final = Sqlite()
POSTGRESQL: Final = Postgresql()

# The engines by the schemes of their URLs.
BY_SCHEME: Final[dict[str, Engine]] = {
    "sqlite": SQLITE,
    "postgresql": POSTGRESQL,
    "postgres": POSTGRESQL,
}


def engine_of(database: Database) -> Engine:
    """Return the engine of a connection."""
    return POSTGRESQL if isinstance(database, PostgresqlDatabase) else SQLITE
