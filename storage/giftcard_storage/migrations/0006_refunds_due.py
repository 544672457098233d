"""What the payment provider owes for cancelled purchases and other tenders, and what it has paid.

The table of what is due is kept by triggers, so that it is right whichever version of the server
cancels and refunds: this migration only expands. Nothing else writes it. A migration is frozen
when it has landed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from peewee import (
    SQL,
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


class Authorization(Model):
    """An authorization, as far as it is named here."""

    authorization_id = TextField(primary_key=True)

    class Meta:
        """Where it lies."""

        table_name = "authorization"


class RefundDue(Model):
    """What is due for a card: its purchase was cancelled, or its order's other tenders wait."""

    card = ForeignKeyField(Card, column_name="card_id", primary_key=True)
    authorization = ForeignKeyField(
        Authorization, column_name="authorization_id", null=True, unique=True
    )
    market = TextField()
    currency = TextField()
    order_id = TextField()
    due_minor = BigIntegerField()
    confirmed_minor = BigIntegerField()
    due_at = BigIntegerField()
    confirmed_at = BigIntegerField(null=True)
    provider_reference = TextField(null=True)

    class Meta:
        """Never more than is due is confirmed."""

        table_name = "refund_due"
        strict_tables = True
        without_rowid = True
        constraints = [
            Check("due_minor > 0", "refund_due_is_money"),
            Check(
                "confirmed_minor >= 0 AND confirmed_minor <= due_minor",
                "refund_confirmed_is_no_more_than_due",
            ),
        ]


class RefundConfirmation(Model):
    """A part that the payment provider has paid; `version` is the card's version after it."""

    refund_due = ForeignKeyField(RefundDue, column_name="card_id", index=False)
    version = BigIntegerField()
    amount_minor = BigIntegerField()
    provider_reference = TextField()
    confirmed_at = BigIntegerField()

    class Meta:
        """One for each version of a card."""

        table_name = "refund_confirmation"
        strict_tables = True
        without_rowid = True
        primary_key = CompositeKey("refund_due", "version")
        constraints = [Check("amount_minor > 0", "refund_confirmation_is_money")]


# It holds what is due and not confirmed yet alone, and each market's longest due first.
RefundDue.add_index(
    RefundDue.index(
        RefundDue.market,
        RefundDue.due_at,
        RefundDue.card,
        where=SQL("confirmed_minor < due_minor"),
        name="refund_is_unconfirmed",
    )
)

TABLES = (RefundDue, RefundConfirmation)
EFFECT = Effect.EXPANDS

# Where a server of the former version has refunded, which does not say when, the last posting for
# the authorization says from when on at the earliest.
SINCE = """
    (SELECT MAX(p.posted_at) FROM posting p
     WHERE p.card_id = {a}.card_id AND p.authorization_id = {a}.authorization_id)
"""
CANCELLED = """
    INSERT INTO refund_due (card_id, market, currency, order_id, due_minor, confirmed_minor, due_at)
    SELECT c.card_id, c.market, c.currency, c.purchase_order_id, {posting}.amount_minor, 0,
           {posting}.posted_at
    FROM card c{join}
    WHERE c.card_id = {posting}.card_id
"""
REFUNDED = f"""
    INSERT INTO refund_due (card_id, authorization_id, market, currency, order_id, due_minor,
                            confirmed_minor, due_at)
    SELECT a.card_id, a.authorization_id, a.market, a.currency, a.order_id,
           a.refunded_other_minor, 0, {SINCE.format(a="a")}
    FROM "authorization" a WHERE a.refunded_other_minor > 0
"""  # noqa: S608 - made of our own texts
DUE_NOW = """
    INSERT INTO refund_due (card_id, authorization_id, market, currency, order_id, due_minor,
                            confirmed_minor, due_at)
    VALUES (NEW.card_id, NEW.authorization_id, NEW.market, NEW.currency, NEW.order_id,
            NEW.refunded_other_minor, 0, {due_at})
"""
REFUNDED_AT = f"""
    CASE WHEN NEW.refunded_other_at IS DISTINCT FROM OLD.refunded_other_at
         THEN NEW.refunded_other_at ELSE {SINCE.format(a="NEW")} END
"""
# What was due without a break stays due since then.
REFUNDED_NOW = f"""
    {DUE_NOW.format(due_at=REFUNDED_AT)}
    ON CONFLICT (card_id) DO UPDATE SET
        due_minor = excluded.due_minor,
        due_at = CASE WHEN refund_due.confirmed_minor < refund_due.due_minor
                      THEN refund_due.due_at ELSE excluded.due_at END
"""
CONFIRMED_NOW = """
    UPDATE refund_due
    SET confirmed_minor = confirmed_minor + NEW.amount_minor, confirmed_at = NEW.confirmed_at,
        provider_reference = NEW.provider_reference
    WHERE card_id = NEW.card_id
"""
# Each trigger's name, when it runs, and what it does.
TRIGGERS = (
    (
        "refund_due_of_a_cancelled_purchase",
        "AFTER INSERT ON posting FOR EACH ROW WHEN (NEW.kind = 'CANCEL')",
        CANCELLED.format(posting="NEW", join=""),
    ),
    (
        "refund_due_to_other_tenders",
        (
            'AFTER UPDATE OF refunded_other_minor ON "authorization" FOR EACH ROW'
            " WHEN (NEW.refunded_other_minor <> OLD.refunded_other_minor)"
        ),
        REFUNDED_NOW,
    ),
    (  # One batch of commands may hold all of an authorization's life.
        "refund_due_of_a_new_authorization",
        'AFTER INSERT ON "authorization" FOR EACH ROW WHEN (NEW.refunded_other_minor > 0)',
        DUE_NOW.format(due_at="COALESCE(NEW.refunded_other_at, NEW.captured_at, NEW.created_at)"),
    ),
    (
        "refund_due_is_confirmed",
        "AFTER INSERT ON refund_confirmation FOR EACH ROW",
        CONFIRMED_NOW,
    ),
)


def up(_migrator: SchemaMigrator, database: Database) -> None:
    """Make the tables and the triggers, and fill in what was cancelled and refunded before."""
    embedded = isinstance(database, SqliteDatabase)
    kind = "INTEGER" if embedded else "BIGINT"
    database.execute_sql(f'ALTER TABLE "authorization" ADD COLUMN refunded_other_at {kind}')
    if not embedded:
        for model in TABLES:  # PostgreSQL has no other tables than strict ones.
            model._meta.strict_tables = model._meta.without_rowid = False  # noqa: SLF001 - Peewee's own name for them
    with database.bind_ctx(TABLES):
        database.create_tables(TABLES, safe=False)
    # The triggers come first: they keep out who writes until this migration is committed.
    for name, moment, statement in TRIGGERS:
        for each in _trigger(name, moment, statement, embedded=embedded):
            database.execute_sql(each)
    for change in ("UPDATE", "DELETE") if embedded else ("UPDATE", "DELETE", "TRUNCATE"):
        database.execute_sql(_append_only(change, embedded=embedded))
    cancelled = CANCELLED.format(posting="cancelled", join=", posting cancelled")
    database.execute_sql(f"{cancelled} AND cancelled.kind = 'CANCEL'")
    database.execute_sql(REFUNDED)


def _trigger(name: str, moment: str, statement: str, *, embedded: bool) -> tuple[str, ...]:
    if embedded:
        return (f"CREATE TRIGGER {name} {moment} BEGIN {statement}; END",)
    body = f"$$ BEGIN {statement}; RETURN NULL; END $$"
    return (
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS {body}",
        f"CREATE TRIGGER {name} {moment} EXECUTE FUNCTION {name}()",
    )


def _append_only(change: str, *, embedded: bool) -> str:
    trigger = (
        f"CREATE TRIGGER refund_confirmation_is_append_only_{change.lower()}"
        f" BEFORE {change} ON refund_confirmation"
    )
    if embedded:
        return f"{trigger} BEGIN SELECT RAISE(ABORT, 'refund_confirmation is append-only'); END"
    each = "STATEMENT" if change == "TRUNCATE" else "ROW"
    return f"{trigger} FOR EACH {each} EXECUTE FUNCTION refuse_change()"
