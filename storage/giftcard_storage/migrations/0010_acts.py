"""The acts of Customer Service as entries of timelines, and proposals that wait for another actor.

Notes and what was proposed are sealed, as people are. This migration only expands: a server of
the version before acts on no card, and keeps what it does where it is read from. A migration is
frozen when it has landed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from peewee import (
    SQL,
    BigIntegerField,
    BlobField,
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


class Act(Model):
    """What somebody did to a card, or read of it; one request may make several entries."""

    card = ForeignKeyField(Card, column_name="card_id", index=False)
    act_id = TextField()
    kind = TextField()
    acted_at = BigIntegerField()
    actor = TextField()
    ground = TextField()
    proposal_id = TextField(null=True)
    role = TextField(null=True)
    authorization_id = TextField(null=True)
    delivery_id = TextField(null=True)
    data_key_id = TextField(null=True)
    sealed = BlobField(null=True)

    class Meta:
        """A card's entries lie together."""

        table_name = "act"
        strict_tables = True
        without_rowid = True
        primary_key = CompositeKey("card", "act_id", "kind")
        constraints = [
            Check("(data_key_id IS NULL) = (sealed IS NULL)", "act_is_sealed_under_a_key")
        ]


class Proposal(Model):
    """An act that waits for another actor, or what became of it; `sealed` is the request."""

    proposal_id = TextField(primary_key=True)
    act = TextField()
    card = ForeignKeyField(Card, column_name="card_id", index=False)
    proposed_by = TextField()
    ground = TextField()
    created_at = BigIntegerField()
    lapses_at = BigIntegerField()
    state = TextField()
    reason = TextField(null=True)
    closed_at = BigIntegerField(null=True)
    closed_by = TextField(null=True)
    data_key_id = TextField()
    sealed = BlobField()

    class Meta:
        """It is closed by somebody, or open."""

        table_name = "proposal"
        strict_tables = True
        without_rowid = True
        constraints = [
            Check(
                "state IN ('OPEN', 'CARRIED_OUT', 'REJECTED', 'DECLINED')", "proposal_has_a_state"
            ),
            Check(
                "(state = 'OPEN') = (closed_at IS NULL) AND (state = 'OPEN') = (closed_by IS NULL)",
                "proposal_is_closed_by_somebody",
            ),
            Check(
                "(state = 'DECLINED') = (reason IS NOT NULL)", "proposal_is_declined_for_a_reason"
            ),
        ]


# Those of a card, and those that wait. Proposals are few, and so both stay small.
Proposal.add_index(Proposal.index(Proposal.card, Proposal.created_at, name="proposal_of_card"))
Proposal.add_index(
    Proposal.index(
        Proposal.lapses_at,
        Proposal.proposal_id,
        where=SQL("state = 'OPEN'"),
        name="proposal_is_open",
    )
)

TABLES = (Act, Proposal)
EFFECT = Effect.EXPANDS

# What an entry says stays as it is but for who acted: names go after a year (R31).
LASTING = (
    "card_id, act_id, kind, acted_at, ground, proposal_id, role, authorization_id, delivery_id,"
    " data_key_id, sealed"
)
# Customer Service finds cards by these. The purchase's index costs an Issue, and the other one
# costs an Authorize nothing, as it holds replacements alone.
INDEXES = (
    "CREATE INDEX purchase_of_reference ON purchase (payment_reference)",
    "CREATE INDEX card_replaces ON card (replaces_card_id) WHERE replaces_card_id IS NOT NULL",
)


def up(_migrator: SchemaMigrator, database: Database) -> None:
    """Make the tables, what keeps entries as they are, and the indexes."""
    embedded = isinstance(database, SqliteDatabase)
    if not embedded:
        for model in TABLES:  # PostgreSQL has no other tables than strict ones.
            model._meta.strict_tables = model._meta.without_rowid = False  # noqa: SLF001 - Peewee's own name for them
    with database.bind_ctx(TABLES):
        database.create_tables(TABLES, safe=False)
    for statement in INDEXES:
        database.execute_sql(statement)
    changes = [f"UPDATE OF {LASTING}", "DELETE"]
    for change in changes if embedded else [*changes, "TRUNCATE"]:
        database.execute_sql(_append_only(change, embedded=embedded))


def _append_only(change: str, *, embedded: bool) -> str:
    name = change.partition(" ")[0].lower()
    trigger = f"CREATE TRIGGER act_is_append_only_{name} BEFORE {change} ON act"
    if embedded:
        return f"{trigger} BEGIN SELECT RAISE(ABORT, 'act is append-only'); END"
    each = "STATEMENT" if change == "TRUNCATE" else "ROW"
    return f"{trigger} FOR EACH {each} EXECUTE FUNCTION refuse_change()"
