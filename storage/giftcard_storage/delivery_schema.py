"""The tables of deliveries, as queries see them; `schema.py` says how they are read.

Instants are microseconds since 1970 UTC.
"""

from __future__ import annotations

from peewee import BigIntegerField, BlobField, Model, TextField


class Delivery(Model):
    """One message to one person of a card; neither its text nor its address is kept here.

    `person_card_id`, `role` and `authorization_id` say where its addressee is kept, once it has
    been looked for. `due_at` is when it is to be sent, `next_try_at` when it is looked at next.
    Of a delivery that is being sent, `claimed_until` is when others may take it, by the clock of
    the database's server. Every change increments `version`.
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
        """Where it lies."""

        table_name = "delivery"


class MailPosition(Model):
    """One row: the position up to which events have made their deliveries."""

    mail_position_id = BigIntegerField(primary_key=True)
    position = BigIntegerField()

    class Meta:
        """Where it lies."""

        table_name = "mail_position"


DELIVERY_TABLES = (Delivery, MailPosition)
