"""What operators may stop for a while, and the value that each caller has issued of late.

This migration only expands: a server of the version before goes on beside this one, and heeds
neither pauses nor ceilings until it is replaced. A migration is frozen when it has landed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from peewee import BigIntegerField, Check, CompositeKey, Database, Model, SqliteDatabase, TextField

from giftcard_storage.versions import Effect

if TYPE_CHECKING:
    from playhouse.migrate import SchemaMigrator


class Pause(Model):
    """What is stopped in a market, until it is resumed."""

    market = TextField()
    act = TextField()
    paused_at = BigIntegerField()
    actor = TextField()
    ground = TextField()

    class Meta:
        """One for each act of a market."""

        table_name = "pause"
        strict_tables = True
        without_rowid = True
        primary_key = CompositeKey("market", "act")
        constraints = [Check("act IN ('issue', 'authorize')", "pause_of_what_can_be_paused")]


class IssuedValue(Model):
    """What a caller has issued in a market, by the slice of time and the server that did it."""

    caller = TextField()
    market = TextField()
    slice_at = BigIntegerField()
    server_id = TextField()
    amount_minor = BigIntegerField()

    class Meta:
        """Each server adds to rows of its own."""

        table_name = "issued_value"
        strict_tables = True
        without_rowid = True
        primary_key = CompositeKey("caller", "market", "slice_at", "server_id")
        constraints = [Check("amount_minor > 0", "issued_value_is_money")]


TABLES = (Pause, IssuedValue)
EFFECT = Effect.EXPANDS


def up(_migrator: SchemaMigrator, database: Database) -> None:
    """Make the two tables."""
    if not isinstance(database, SqliteDatabase):
        for model in TABLES:  # PostgreSQL has no other tables than strict ones.
            model._meta.strict_tables = model._meta.without_rowid = False  # noqa: SLF001 - Peewee's own name for them
    with database.bind_ctx(TABLES):
        database.create_tables(TABLES, safe=False)
