"""Events, their positions, and who gives these; what happened before gets its events here.

A server of the former version would write decisions without events, so this migration fences it
off. Servers of the first edition read no fence; on PostgreSQL a trigger refuses their writes as a
standby would, so that their callers try again elsewhere. A migration is frozen when it has landed.
"""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any

from peewee import (
    BigIntegerField,
    Check,
    CompositeKey,
    Database,
    Model,
    SqliteDatabase,
    TextField,
)

from giftcard_storage.former_events import make_events
from giftcard_storage.versions import Effect

if TYPE_CHECKING:
    from playhouse.migrate import SchemaMigrator

TYPES = (
    "'CARD_ISSUED', 'CARD_HELD', 'CARD_RELEASED', 'HOLD_LAPSED', 'CARD_REDEEMED',"
    " 'ORDER_REFUNDED', 'CARD_CANCELLED', 'REFUND_PAID', 'CARD_EXPIRED', 'CARD_REINSTATED',"
    " 'HOLD_REINSTATED', 'CARD_BLOCKED', 'CARD_UNBLOCKED', 'CARD_WRITTEN_OFF'"
)


def checks(table: str) -> list[Any]:
    """Return what holds of every event, named for its table."""
    return [
        Check(f"type IN ({TYPES})", f"{table}_type"),
        Check("version > 0 AND ordinal >= 0", f"{table}_has_its_place"),
        Check(
            # What does not apply is NULL, which a CHECK lets pass.
            "amount_minor >= 0 AND other_tender_minor >= 0"
            " AND forfeited_minor >= 0 AND restored_minor >= 0",
            f"{table}_tells_no_less_than_nothing",
        ),
    ]


class EventColumns(Model):
    """What an event tells."""

    card_id = TextField()
    version = BigIntegerField()
    ordinal = BigIntegerField()
    type = TextField()
    market = TextField()
    currency = TextField()
    card_state = TextField()
    authorization_id = TextField(null=True)
    order_id = TextField(null=True)
    purchase_order_id = TextField(null=True)
    payment_method = TextField(null=True)
    payment_reference = TextField(null=True)
    amount_minor = BigIntegerField(null=True)
    other_tender_minor = BigIntegerField(null=True)
    forfeited_minor = BigIntegerField(null=True)
    restored_minor = BigIntegerField(null=True)
    related_card_id = TextField(null=True)
    occurred_at = BigIntegerField()


class NewEvent(EventColumns):
    """An event without a position. A foreign key would be checked once more for each commit."""

    class Meta:
        """Constraints."""

        table_name = "new_event"
        strict_tables = True
        without_rowid = True
        primary_key = CompositeKey("card_id", "version", "ordinal")
        constraints = checks("new_event")


class Event(EventColumns):
    """An event with its position."""

    position = BigIntegerField(primary_key=True)

    class Meta:
        """Constraints."""

        table_name = "event"
        strict_tables = True
        without_rowid = True
        constraints = [*checks("event"), Check("position > 0", "event_position_is_positive")]
        indexes = ((("card_id", "version", "ordinal"), True),)


class EventLease(Model):
    """The one server that gives positions."""

    lease_id = BigIntegerField(primary_key=True)
    holder = TextField()
    expires_at = BigIntegerField()
    changes = BigIntegerField()

    class Meta:
        """One row."""

        table_name = "event_lease"
        strict_tables = True
        without_rowid = True
        constraints = [Check("lease_id = 1", "event_lease_is_one")]


class EventGeneration(Model):
    """A life of the database, from its making or a restored backup on."""

    ordinal = BigIntegerField(primary_key=True)
    generation = TextField(unique=True)
    common_position = BigIntegerField()
    began_at = BigIntegerField()

    class Meta:
        """Constraints."""

        table_name = "event_generation"
        strict_tables = True
        without_rowid = True
        constraints = [
            Check("ordinal > 0 AND common_position >= 0", "event_generation_has_its_place")
        ]


class EventRemoval(Model):
    """How far the oldest events were removed."""

    removal_id = BigIntegerField(primary_key=True)
    last_position = BigIntegerField()
    occurred_through = BigIntegerField()

    class Meta:
        """One row."""

        table_name = "event_removal"
        strict_tables = True
        without_rowid = True
        constraints = [
            Check("removal_id = 1", "event_removal_is_one"),
            Check("last_position >= 0", "event_removal_goes_forward"),
        ]


TABLES = (NewEvent, Event, EventLease, EventGeneration, EventRemoval)
EFFECT = Effect.FENCES

# What servers of the first edition have sold and captured since migration 0003, they noted nowhere.
REFERENCES_SINCE = """
    INSERT INTO purchase_reference (market, payment_reference, card_id)
    SELECT market, payment_reference, card_id
    FROM (
        SELECT p.market, p.payment_reference, p.card_id,
               ROW_NUMBER() OVER (
                   PARTITION BY p.market, p.payment_reference ORDER BY c.issued_at, c.card_id
               ) AS place
        FROM purchase p JOIN card c ON c.card_id = p.card_id
        WHERE NOT EXISTS (
            SELECT 1 FROM purchase_reference r
            WHERE r.payment_reference = p.payment_reference AND r.market = p.market)
    ) AS ordered
    WHERE place = 1
"""
CAPTURED_SINCE = """
    UPDATE "authorization" SET captured_at = (
        SELECT p.posted_at FROM posting p
        WHERE p.card_id = "authorization".card_id AND p.kind = 'CAPTURE'
    )
    WHERE state = 'CAPTURED' AND captured_at IS NULL
"""
# Refuses what knows nothing of events; servers of this version set the setting in each session.
REFUSING_THE_FIRST_EDITION = """
    CREATE FUNCTION refuse_without_events() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION USING
            MESSAGE = 'this version of giftcard writes no events',
            ERRCODE = 'read_only_sql_transaction';
    END $$
"""
FIRST_EDITION_IS_REFUSED = """
    CREATE TRIGGER card_changes_with_events BEFORE INSERT OR UPDATE ON card FOR EACH STATEMENT
    WHEN (current_setting('giftcard.writes_events', true) IS DISTINCT FROM 'on')
    EXECUTE FUNCTION refuse_without_events()
"""
# A queue: its dead rows go as soon as there are some.
VACUUM_OFTEN = """
    ALTER TABLE new_event
    SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000)
"""
REFUSING_REMOVAL = """
    CREATE FUNCTION refuse_event_removal() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.position > (SELECT last_position FROM event_removal) THEN
            RAISE EXCEPTION USING
                MESSAGE = 'event is append-only',
                ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN OLD;
    END $$
"""

ON_SQLITE = (
    *(
        f"CREATE TRIGGER {table}_is_append_only_{change.lower()} BEFORE {change} ON {table}"
        f" BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        for table, change in (
            ("event", "UPDATE"),
            ("event_generation", "UPDATE"),
            ("event_generation", "DELETE"),
        )
    ),
    (
        "CREATE TRIGGER event_is_append_only_delete BEFORE DELETE ON event"
        " WHEN OLD.position > (SELECT last_position FROM event_removal)"
        " BEGIN SELECT RAISE(ABORT, 'event is append-only'); END"
    ),
)
ON_POSTGRESQL = (
    REFUSING_REMOVAL,
    VACUUM_OFTEN,
    *(
        f"CREATE TRIGGER {table}_is_append_only_{change.lower()} BEFORE {change} ON {table}"
        f" FOR EACH {'STATEMENT' if change == 'TRUNCATE' else 'ROW'}"
        f" EXECUTE FUNCTION refuse_change()"
        for table, change in (
            ("event", "UPDATE"),
            ("event", "TRUNCATE"),
            ("event_generation", "UPDATE"),
            ("event_generation", "DELETE"),
            ("event_generation", "TRUNCATE"),
        )
    ),
    (
        "CREATE TRIGGER event_is_append_only_delete BEFORE DELETE ON event FOR EACH ROW"
        " EXECUTE FUNCTION refuse_event_removal()"
    ),
)


def up(_migrator: SchemaMigrator, database: Database) -> None:
    """Keep out what writes no events, then make the tables and the events of what happened."""
    embedded = isinstance(database, SqliteDatabase)
    if not embedded:
        # First, as it waits for who writes, and keeps writers out until the commit.
        database.execute_sql(REFUSING_THE_FIRST_EDITION)
        database.execute_sql(FIRST_EDITION_IS_REFUSED)
        for model in TABLES:  # PostgreSQL has no other tables than strict ones.
            model._meta.strict_tables = model._meta.without_rowid = False  # noqa: SLF001 - Peewee's own name for them
    with database.bind_ctx(TABLES):
        database.create_tables(TABLES, safe=False)
    database.execute_sql(REFERENCES_SINCE)
    database.execute_sql(CAPTURED_SINCE)
    make_events(database)
    database.execute_sql("INSERT INTO event_lease VALUES (1, '', 0, 0)")
    database.execute_sql("INSERT INTO event_removal VALUES (1, 0, 0)")
    began_at, generation = time.time_ns() // 1000, uuid.uuid4().hex
    database.execute_sql(
        f"INSERT INTO event_generation VALUES (1, '{generation}', 0, {began_at})"  # noqa: S608 - our own values
    )
    for statement in ON_SQLITE if embedded else ON_POSTGRESQL:
        database.execute_sql(statement)
