"""Where the audit that runs beside the servers is, and what it found.

This migration only expands: a server of the version before goes on beside this one, and audits
nothing. A migration is frozen when it has landed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from peewee import BigIntegerField, Check, Database, Model, SqliteDatabase, TextField

from giftcard_storage.versions import Effect

if TYPE_CHECKING:
    from playhouse.migrate import SchemaMigrator


class AuditWalk(Model):
    """One row, once an audit has begun."""

    audit_id = BigIntegerField(primary_key=True)
    holder = TextField()
    moved_at = BigIntegerField()
    walk = TextField()
    after_key = TextField(null=True)
    began_at = BigIntegerField()
    found_before = BigIntegerField()
    found_now = BigIntegerField()
    ended_at = BigIntegerField(null=True)
    took = BigIntegerField(null=True)

    class Meta:
        """One audit for all servers."""

        table_name = "audit_walk"
        strict_tables = True
        without_rowid = True
        constraints = [Check("audit_id = 1", "audit_walk_is_one")]


EFFECT = Effect.EXPANDS


def up(_migrator: SchemaMigrator, database: Database) -> None:
    """Make the table."""
    if not isinstance(database, SqliteDatabase):  # PostgreSQL has no other tables than strict ones.
        AuditWalk._meta.strict_tables = AuditWalk._meta.without_rowid = False  # noqa: SLF001 - Peewee's own name for them
    with database.bind_ctx([AuditWalk]):
        database.create_tables([AuditWalk], safe=False)
