"""What the second edition of the contract keeps: days, terms, tenders, blocks, clocks, keys.

This migration only expands: a server of the version before goes on beside this one. So every
new column is nullable or has a default, and NULL is what a server of the former version leaves.
A migration is frozen when it has landed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from peewee import (
    BigIntegerField,
    Check,
    CompositeKey,
    Database,
    ForeignKeyField,
    Model,
    SqliteDatabase,
    TextField,
)

from giftcard_storage.versions import Effect

if TYPE_CHECKING:
    from playhouse.migrate import SchemaMigrator


class Card(Model):
    """A card, as far as it is named here."""

    card_id = TextField(primary_key=True)

    class Meta:
        """Where it lies."""

        table_name = "card"


class PurchaseReference(Model):
    """The card that a payment reference bought; one for each market and reference (R10)."""

    market = TextField()
    payment_reference = TextField()
    card = ForeignKeyField(Card, column_name="card_id", index=False)

    class Meta:
        """One card for each reference, which stands first, since look-ups name it alone."""

        table_name = "purchase_reference"
        strict_tables = True
        without_rowid = True
        primary_key = CompositeKey("payment_reference", "market")


class TermsVersion(Model):
    """A version of a market's terms that cards were sold under, by its digest (R38).

    `in_force_from` is an ISO day, empty for a version that has always held.
    """

    market = TextField()
    in_force_from = TextField()
    digest = TextField()

    class Meta:
        """One digest for each version."""

        table_name = "terms_version"
        strict_tables = True
        without_rowid = True
        primary_key = CompositeKey("market", "in_force_from")


class ClockMark(Model):
    """The latest time that each server has seen, written outside of commands."""

    server_id = TextField(primary_key=True)
    marked_at = BigIntegerField()

    class Meta:
        """One row for each server."""

        table_name = "clock_mark"
        strict_tables = True
        without_rowid = True
        constraints = [Check("marked_at > 0", "clock_mark_is_a_time")]


class SchemaFence(Model):
    """A migration that fences off: servers that lack it cannot write, from its commit on."""

    migration = TextField(primary_key=True)

    class Meta:
        """One row for each such migration from here on."""

        table_name = "schema_fence"
        strict_tables = True
        without_rowid = True


TABLES = (PurchaseReference, TermsVersion, ClockMark, SchemaFence)
EFFECT = Effect.EXPANDS

# In the order in which they stand in the tables from now on.
COLUMNS = (
    ("card", "blocked_at", "BIGINT", ""),
    ("card", "terms_from", "TEXT", ""),
    (
        "authorization",
        "other_tender_minor",
        "BIGINT",
        (
            "CONSTRAINT authorization_others_took_no_more_than_was_due CHECK"
            " (other_tender_minor BETWEEN 0 AND order_total_minor - authorized_minor)"
        ),
    ),
    (
        "authorization",
        "restored_minor",
        "BIGINT",
        (
            "NOT NULL DEFAULT 0 CONSTRAINT authorization_restores_no_more_than_was_lost CHECK"
            " (restored_minor = 0 OR restored_minor BETWEEN 1 AND forfeited_minor)"
        ),
    ),
    ("authorization", "captured_at", "BIGINT", ""),
    ("authorization", "first_held_at", "BIGINT", ""),
    (
        "authorization",
        "refunded_for",
        "TEXT",
        (
            "CONSTRAINT authorization_refunded_for CHECK"
            " (refunded_for IN ('TECHNICAL', 'NOT_PERFORMED', 'OTHER'))"
        ),
    ),
    ("request", "exercised_on", "TEXT", ""),
    ("request", "form", "TEXT", ""),
)

FIRST_CARD_OF_EACH_REFERENCE = """
    INSERT INTO purchase_reference (market, payment_reference, card_id)
    SELECT market, payment_reference, card_id
    FROM (
        SELECT p.market, p.payment_reference, p.card_id,
               ROW_NUMBER() OVER (
                   PARTITION BY p.market, p.payment_reference ORDER BY c.issued_at, c.card_id
               ) AS place
        FROM purchase p JOIN card c ON c.card_id = p.card_id
    ) AS ordered
    WHERE place = 1
"""
WHEN_CAPTURED = """
    UPDATE "authorization" SET captured_at = (
        SELECT p.posted_at FROM posting p
        WHERE p.card_id = "authorization".card_id AND p.kind = 'CAPTURE'
    )
    WHERE state = 'CAPTURED'
"""


def up(_migrator: SchemaMigrator, database: Database) -> None:
    """Add the columns and tables, and fill what the ledger knows already."""
    embedded = isinstance(database, SqliteDatabase)
    for table, column, kind, constraint in COLUMNS:
        kind_here = "INTEGER" if embedded and kind == "BIGINT" else kind
        database.execute_sql(f'ALTER TABLE "{table}" ADD COLUMN {column} {kind_here} {constraint}')
    if not embedded:
        for model in TABLES:  # PostgreSQL has no other tables than strict ones.
            model._meta.strict_tables = model._meta.without_rowid = False  # noqa: SLF001 - Peewee's own name for them
    with database.bind_ctx(TABLES):
        database.create_tables(TABLES, safe=False)
    database.execute_sql(FIRST_CARD_OF_EACH_REFERENCE)
    database.execute_sql(WHEN_CAPTURED)
