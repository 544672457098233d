"""Messages to the people of cards, and the position in the events up to which they were made.

Nothing that happened before this migration makes a message. It only expands: servers of the
version before go on, and what they sell from now on is sent by the servers of this version. A
migration is frozen when it has landed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from peewee import (
    SQL,
    BigIntegerField,
    BlobField,
    Check,
    Database,
    Model,
    SqliteDatabase,
    TextField,
)

from giftcard_storage.versions import Effect

if TYPE_CHECKING:
    from playhouse.migrate import SchemaMigrator


class Delivery(Model):
    """One message to one person of a card, once of each kind, but for those that are sent again.

    Without a foreign key, whose check would lock the card's row on PostgreSQL.
    """

    delivery_id = TextField(primary_key=True)
    card_id = TextField()
    kind = TextField()
    resend_number = BigIntegerField()
    market = TextField()
    state = TextField()
    person_card_id = TextField(null=True)
    role = TextField(null=True)
    authorization_id = TextField(null=True)
    address_sealed = BlobField(null=True)
    created_at = BigIntegerField()
    due_at = BigIntegerField()
    next_try_at = BigIntegerField()
    tries = BigIntegerField()
    first_tried_at = BigIntegerField(null=True)
    claimed_until = BigIntegerField(null=True)
    sent_at = BigIntegerField(null=True)
    reason = TextField(null=True)
    smtp_code = BigIntegerField(null=True)
    version = BigIntegerField()

    class Meta:
        """What is sent has a time, and what ended otherwise a reason."""

        table_name = "delivery"
        strict_tables = True
        without_rowid = True
        indexes = ((("card_id", "kind", "resend_number"), True),)
        constraints = [
            Check(
                "kind IN ('card', 'confirmation', 'replacement', 'cancellation', 'reminder',"
                " 'correction')",
                "delivery_kind",
            ),
            Check(
                "state IN ('queued', 'sending', 'sent', 'deferred', 'parked', 'suppressed')",
                "delivery_state",
            ),
            Check("resend_number >= 0 AND tries >= 0 AND version > 0", "delivery_counts"),
            Check("(state = 'sent') = (sent_at IS NOT NULL)", "delivery_is_sent_at_some_time"),
            Check(
                "(state = 'sending') = (claimed_until IS NOT NULL)",
                "delivery_is_claimed_for_a_time",
            ),
            Check(
                "state NOT IN ('parked', 'suppressed') OR reason IS NOT NULL",
                "delivery_ends_for_a_reason",
            ),
        ]


# They hold what is still to be done, and what waits for an operator, and nothing else.
Delivery.add_index(
    Delivery.index(
        Delivery.next_try_at,
        where=SQL("state IN ('queued', 'sending', 'deferred')"),
        name="delivery_is_open",
    )
)
Delivery.add_index(
    Delivery.index(Delivery.created_at, where=SQL("state = 'parked'"), name="delivery_is_parked")
)


class MailPosition(Model):
    """How far the events have made their deliveries."""

    mail_position_id = BigIntegerField(primary_key=True)
    position = BigIntegerField()

    class Meta:
        """One row."""

        table_name = "mail_position"
        strict_tables = True
        without_rowid = True
        constraints = [
            Check("mail_position_id = 1", "mail_position_is_one"),
            Check("position >= 0", "mail_position_goes_forward"),
        ]


TABLES = (Delivery, MailPosition)
EFFECT = Effect.EXPANDS

COLUMNS = (
    "card_id, version, ordinal, type, market, currency, card_state, authorization_id, order_id,"
    " purchase_order_id, payment_method, payment_reference, amount_minor, other_tender_minor,"
    " forfeited_minor, restored_minor, related_card_id, occurred_at"
)
# What happened before has no position yet where no server has given one. It gets one here, so
# that the position below is behind all of it.
NUMBER = f"""
    INSERT INTO event (position, {COLUMNS})
    SELECT (SELECT COALESCE(MAX(position), 0) FROM event)
           + ROW_NUMBER() OVER (ORDER BY placed_at, card_id, version, ordinal), {COLUMNS}
    FROM (
        SELECT waiting.*, MAX(occurred_at) OVER (
                   PARTITION BY card_id ORDER BY version, ordinal ROWS UNBOUNDED PRECEDING
               ) AS placed_at
        FROM new_event AS waiting
    ) AS placed
"""  # noqa: S608 - made of our own texts
TAKE_AWAY = """
    DELETE FROM new_event WHERE EXISTS (
        SELECT 1 FROM event e
        WHERE e.card_id = new_event.card_id AND e.version = new_event.version
          AND e.ordinal = new_event.ordinal
    )
"""
BEGIN_HERE = """
    INSERT INTO mail_position (mail_position_id, position)
    SELECT 1, COALESCE(MAX(position), 0) FROM event
"""


def up(_migrator: SchemaMigrator, database: Database) -> None:
    """Make the tables, and begin behind everything that has happened."""
    if not isinstance(database, SqliteDatabase):
        for model in TABLES:  # PostgreSQL has no other tables than strict ones.
            model._meta.strict_tables = model._meta.without_rowid = False  # noqa: SLF001 - Peewee's own name for them
    with database.bind_ctx(TABLES):
        database.create_tables(TABLES, safe=False)
    for statement in (NUMBER, TAKE_AWAY, BEGIN_HERE):
        database.execute_sql(statement)
