"""Cards, authorizations, postings, purchases, requests and people.

A migration never changes once it has landed: these models are copies on purpose. Every
CHECK and every unique index is a backstop that no path should ever reach; tests reach them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from peewee import (
    SQL,
    BigIntegerField,
    BlobField,
    BooleanField,
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
    """A card as it is now."""

    card_id = TextField(primary_key=True)
    market = TextField()
    currency = TextField()
    origin = TextField()
    state = TextField()
    blocked = BooleanField()
    initial_minor = BigIntegerField()
    balance_minor = BigIntegerField()
    held_minor = BigIntegerField()
    hold_id = TextField(null=True)
    issued_at = BigIntegerField()
    expires_at = BigIntegerField()
    last4 = TextField()
    key_id = TextField()
    caller = TextField()
    request_id = TextField()
    purchase_order_id = TextField()
    refund_order_id = TextField(null=True)
    replaces_card_id = TextField(null=True)
    authorization_id = TextField(null=True)
    version = BigIntegerField()

    class Meta:
        """Constraints."""

        table_name = "card"
        strict_tables = True
        without_rowid = True
        constraints = [
            Check("origin IN ('PURCHASE', 'REFUND')", "card_origin"),
            Check("state IN ('ACTIVE', 'HELD', 'REDEEMED', 'CANCELLED', 'EXPIRED')", "card_state"),
            Check("initial_minor > 0", "card_initial_is_positive"),
            Check("balance_minor >= 0", "card_balance_is_not_negative"),
            Check("held_minor >= 0", "card_held_is_not_negative"),
            Check("balance_minor + held_minor <= initial_minor", "card_is_not_topped_up"),
            Check("(state = 'HELD') = (hold_id IS NOT NULL)", "card_held_by_a_hold"),
            Check("(state = 'HELD') = (held_minor > 0)", "card_held_has_money_set_aside"),
            Check(
                "state IN ('ACTIVE', 'HELD') OR balance_minor = 0",
                "card_in_a_final_state_is_empty",
            ),
            Check("version > 0", "card_version_is_positive"),
        ]


class Authorization(Model):
    """Money set aside for an order."""

    authorization_id = TextField(primary_key=True)
    card = ForeignKeyField(Card, column_name="card_id", index=False)
    market = TextField()
    currency = TextField()
    order_id = TextField()
    state = TextField()
    order_total_minor = BigIntegerField()
    authorized_minor = BigIntegerField()
    forfeited_minor = BigIntegerField()
    created_at = BigIntegerField()
    expires_at = BigIntegerField()
    captured_minor = BigIntegerField()
    refunded_minor = BigIntegerField()
    refunded_other_minor = BigIntegerField()

    class Meta:
        """Constraints."""

        table_name = "authorization"
        strict_tables = True
        without_rowid = True
        constraints = [
            Check(
                "state IN ('OPEN', 'CAPTURED', 'RELEASED', 'LAPSED')",
                "authorization_state",
            ),
            Check(
                "authorized_minor > 0 AND authorized_minor <= order_total_minor",
                "authorization_is_within_the_order",
            ),
            Check("forfeited_minor >= 0", "authorization_forfeits_no_less_than_nothing"),
            Check(
                "captured_minor >= 0 AND captured_minor <= authorized_minor",
                "authorization_captures_no_more_than_authorized",
            ),
            Check(
                "refunded_minor >= 0 AND refunded_minor <= captured_minor",
                "authorization_refunds_no_more_than_captured",
            ),
            Check(
                "refunded_other_minor >= 0"
                " AND refunded_other_minor <= order_total_minor - authorized_minor",
                "authorization_refunds_no_more_than_others_paid",
            ),
            Check("(state = 'CAPTURED') = (captured_minor > 0)", "authorization_captured_money"),
        ]


class Posting(Model):
    """One movement of money."""

    card = ForeignKeyField(Card, column_name="card_id", index=False)
    version = BigIntegerField()
    ordinal = BigIntegerField()
    kind = TextField()
    source = TextField()
    destination = TextField()
    amount_minor = BigIntegerField()
    authorization_id = TextField(null=True)
    to_card = ForeignKeyField(Card, column_name="to_card_id", null=True, index=False)
    posted_at = BigIntegerField()

    class Meta:
        """Constraints."""

        table_name = "posting"
        strict_tables = True
        without_rowid = True
        primary_key = CompositeKey("card", "version", "ordinal")
        constraints = [
            Check("amount_minor > 0", "posting_moves_money"),
            Check("source <> destination", "posting_goes_somewhere"),
        ]


class Purchase(Model):
    """How a card was bought."""

    card = ForeignKeyField(Card, column_name="card_id", primary_key=True)
    market = TextField()
    order_id = TextField()
    payment_method = TextField()
    payment_reference = TextField()
    design = TextField()

    class Meta:
        """Constraints."""

        table_name = "purchase"
        strict_tables = True
        without_rowid = True


class Request(Model):
    """The answer to a request."""

    request_id = TextField()
    caller = TextField()
    method = TextField()
    prevented = BooleanField()
    fingerprint = BlobField()
    key_id = TextField()
    reason = TextField(null=True)
    answer = BlobField()
    authorization_id = TextField(null=True)
    decided_at = BigIntegerField()

    class Meta:
        """One record for each request id and caller."""

        table_name = "request"
        strict_tables = True
        without_rowid = True
        primary_key = CompositeKey("request_id", "caller")


class Person(Model):
    """Names, addresses and messages."""

    card = ForeignKeyField(Card, column_name="card_id", index=False)
    role = TextField()
    authorization_id = TextField()
    name = TextField()
    email = TextField()
    locale = TextField()
    message = TextField()

    class Meta:
        """Constraints."""

        table_name = "person"
        strict_tables = True
        without_rowid = True
        primary_key = CompositeKey("card", "role", "authorization_id")
        constraints = [
            Check("role IN ('PURCHASER', 'RECIPIENT', 'CUSTOMER')", "person_role"),
        ]


Purchase.add_index(
    Purchase.order_id, Purchase.market, unique=True, name="purchase_has_one_card"
)  # R10
Authorization.add_index(
    Authorization.index(
        Authorization.order_id,
        Authorization.market,
        unique=True,
        where=SQL("state IN ('OPEN', 'CAPTURED')"),
        name="order_has_one_live_card",
    )
)  # R13
# Cards that are due are found without a scan; the indexes stay small, as few cards are due.
Authorization.add_index(
    Authorization.index(
        Authorization.expires_at,
        where=SQL("state = 'OPEN'"),
        name="authorization_lapses",
    )
)
Card.add_index(
    Card.index(
        Card.expires_at,
        where=SQL("state = 'ACTIVE'"),
        name="card_expires",
    )
)

TABLES = (Card, Authorization, Posting, Purchase, Request, Person)
APPEND_ONLY = ("posting", "request")
FORBIDDEN = ("UPDATE", "DELETE")


EFFECT = Effect.EXPANDS


def up(_migrator: SchemaMigrator, database: Database) -> None:
    """Make the tables, and the ledger append-only for every program that opens it."""
    embedded = isinstance(database, SqliteDatabase)
    if not embedded:
        for table in TABLES:  # Every table of PostgreSQL is strict.
            table._meta.strict_tables = table._meta.without_rowid = False  # noqa: SLF001 - Peewee's own name for them
        database.execute_sql(REFUSING)
    with database.bind_ctx(TABLES):
        database.create_tables(TABLES, safe=False)
    append_only = _append_only if embedded else _append_only_by_function
    # In PostgreSQL, TRUNCATE fires no trigger for DELETE.
    forbidden = FORBIDDEN if embedded else (*FORBIDDEN, "TRUNCATE")
    for table_name in APPEND_ONLY:
        for change in forbidden:
            database.execute_sql(append_only(table_name, change))


def _append_only(table: str, change: str) -> str:
    return (
        f"CREATE TRIGGER {table}_is_append_only_{change.lower()} BEFORE {change} ON {table}"
        f" BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    )


REFUSING = """
    CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION USING
            MESSAGE = TG_TABLE_NAME || ' is append-only',
            ERRCODE = 'integrity_constraint_violation';
    END $$
"""


def _append_only_by_function(table: str, change: str) -> str:
    each = "STATEMENT" if change == "TRUNCATE" else "ROW"
    return (
        f"CREATE TRIGGER {table}_is_append_only_{change.lower()} BEFORE {change} ON {table}"
        f" FOR EACH {each} EXECUTE FUNCTION refuse_change()"
    )
