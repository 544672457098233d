"""Which keys of the ring are in use, and what requests mean.

A start asks which keys the database needs, and would have to read every card and every record for
that. This migration only expands. A server of the version before leaves the new column NULL. It
notes no key, but it uses the first key of the same ring as the servers beside it, which do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from peewee import Database, Model, SqliteDatabase, TextField

from giftcard_storage.versions import Effect

if TYPE_CHECKING:
    from playhouse.migrate import SchemaMigrator


class RingKeyInUse(Model):
    """A key of the ring under which a card, a record or a data key was made."""

    key_id = TextField(primary_key=True)

    class Meta:
        """One row for each key."""

        table_name = "ring_key_in_use"
        strict_tables = True
        without_rowid = True


EFFECT = Effect.EXPANDS

# Records of what was prevented have no key.
KEYS_IN_USE = """
    INSERT INTO ring_key_in_use (key_id)
    SELECT key_id FROM card
    UNION SELECT key_id FROM data_key
    UNION SELECT key_id FROM request WHERE key_id <> ''
"""


def up(_migrator: SchemaMigrator, database: Database) -> None:
    """Add the column and the table, and note the keys of what there is."""
    embedded = isinstance(database, SqliteDatabase)
    kind = "BLOB" if embedded else "BYTEA"
    database.execute_sql(f"ALTER TABLE request ADD COLUMN meaning {kind}")
    if not embedded:  # PostgreSQL has no other tables than strict ones.
        RingKeyInUse._meta.strict_tables = RingKeyInUse._meta.without_rowid = False  # noqa: SLF001 - Peewee's own name for them
    with database.bind_ctx([RingKeyInUse]):
        database.create_tables([RingKeyInUse], safe=False)
    database.execute_sql(KEYS_IN_USE)
