"""The tables of events, as queries see them; `schema.py` says how they are read.

Amounts are minor units of the card's currency; instants are microseconds since 1970 UTC.
"""

from __future__ import annotations

from peewee import BigIntegerField, CompositeKey, Model, TextField


class EventColumns(Model):
    """What an event tells: the same columns for those with a position and those without."""

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
    """An event without a position, written with the decision that it tells of."""

    class Meta:
        """Where it lies."""

        table_name = "new_event"
        primary_key = CompositeKey("card_id", "version", "ordinal")


class Event(EventColumns):
    """An event with its position, append-only but for the removal of the oldest."""

    position = BigIntegerField(primary_key=True)

    class Meta:
        """Where it lies."""

        table_name = "event"


class EventLease(Model):
    """One row: the server that gives positions, until when, and how often that has changed."""

    lease_id = BigIntegerField(primary_key=True)
    holder = TextField()
    expires_at = BigIntegerField()
    changes = BigIntegerField()

    class Meta:
        """Where it lies."""

        table_name = "event_lease"


class EventGeneration(Model):
    """A life of the database: the last position that it shares with the one before, append-only."""

    ordinal = BigIntegerField(primary_key=True)
    generation = TextField()
    common_position = BigIntegerField()
    began_at = BigIntegerField()

    class Meta:
        """Where it lies."""

        table_name = "event_generation"


class EventRemoval(Model):
    """One row: the last position that was removed, and the latest time of a removed event."""

    removal_id = BigIntegerField(primary_key=True)
    last_position = BigIntegerField()
    occurred_through = BigIntegerField()

    class Meta:
        """Where it lies."""

        table_name = "event_removal"


EVENT_TABLES = (NewEvent, Event, EventLease, EventGeneration, EventRemoval)
