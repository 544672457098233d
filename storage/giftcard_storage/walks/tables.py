"""The table of the audit beside the servers; `schema.py` says how it is read."""

from __future__ import annotations

from typing import Final

from peewee import BigIntegerField, Model, TextField


class AuditWalk(Model):
    """One row: which server audits, where it is, and what this and the last walk found."""

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
        """Where it lies."""

        table_name = "audit_walk"


WALK_TABLES: Final = (AuditWalk,)
