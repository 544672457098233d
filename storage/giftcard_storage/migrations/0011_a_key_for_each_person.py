"""A data key for each person of a card, a search hash of each address, and restricted people.

A server of the former version would seal several people under one data key, and store none of their
hashes, so this migration fences it off. People who were stored before keep the data key of their
card, whose role is empty, until `personal/resealing.py` gives each of them an own one: that takes
the key ring, and small transactions. A migration is frozen when it has landed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from peewee import Database, SqliteDatabase

from giftcard_storage.versions import Effect

if TYPE_CHECKING:
    from playhouse.migrate import SchemaMigrator

EFFECT = Effect.FENCES

# `{flag}` is the engine's type of a boolean that is false by default.
COLUMNS = (
    ("data_key", "role", "TEXT NOT NULL DEFAULT ''"),
    ("data_key", "authorization_id", "TEXT NOT NULL DEFAULT ''"),
    ("person", "search_hash", "TEXT"),
    ("person", "search_key_id", "TEXT"),
    ("person", "restricted", "{flag}"),
)
FLAG = {
    True: "INTEGER NOT NULL DEFAULT 0",
    False: "BOOLEAN NOT NULL DEFAULT FALSE",
}
INDEXES = (
    (
        "CREATE INDEX person_by_search_hash ON person (search_hash, card_id)"
        " WHERE search_hash IS NOT NULL"
    ),
    # The data keys whose people are still to be sealed apart.
    "CREATE INDEX data_key_is_shared ON data_key (card_id) WHERE role = ''",
)


def up(_migrator: SchemaMigrator, database: Database) -> None:
    """Add the columns and the indexes."""
    embedded = isinstance(database, SqliteDatabase)
    for table, column, kind in COLUMNS:
        kind_here = kind.format(flag=FLAG[embedded])
        database.execute_sql(f"ALTER TABLE {table} ADD COLUMN {column} {kind_here}")
    for index in INDEXES:
        database.execute_sql(index)
