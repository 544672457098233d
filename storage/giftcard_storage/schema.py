"""The tables, as queries see them. `migrations/` makes them, with their constraints.

Amounts are minor units of the card's currency; instants are microseconds since 1970 UTC.
"""

from __future__ import annotations

from peewee import BigIntegerField, BlobField, BooleanField, CompositeKey, Model, TextField

from giftcard_storage.acts.tables import ACT_TABLES
from giftcard_storage.delivery_schema import DELIVERY_TABLES
from giftcard_storage.event_schema import EVENT_TABLES
from giftcard_storage.switches.tables import SWITCH_TABLES
from giftcard_storage.walks.tables import WALK_TABLES


class Card(Model):
    """A card as it is now; every change increments its version."""

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
    blocked_at = BigIntegerField(null=True)
    terms_from = TextField(null=True)

    class Meta:
        """Its name in the database."""

        table_name = "card"


class Authorization(Model):
    """Money set aside for an order, and what became of it. It changes only with its card."""

    authorization_id = TextField(primary_key=True)
    card_id = TextField()
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
    other_tender_minor = BigIntegerField(null=True)
    restored_minor = BigIntegerField()
    captured_at = BigIntegerField(null=True)
    first_held_at = BigIntegerField(null=True)
    refunded_for = TextField(null=True)
    refunded_other_at = BigIntegerField(null=True)

    class Meta:
        """Its name in the database."""

        table_name = "authorization"


class Posting(Model):
    """One movement of money, append-only; `version` is the card's version after it."""

    card_id = TextField()
    version = BigIntegerField()
    ordinal = BigIntegerField()
    kind = TextField()
    source = TextField()
    destination = TextField()
    amount_minor = BigIntegerField()
    authorization_id = TextField(null=True)
    to_card_id = TextField(null=True)
    posted_at = BigIntegerField()

    class Meta:
        """Its name in the database."""

        table_name = "posting"
        primary_key = CompositeKey("card_id", "version", "ordinal")


class Purchase(Model):
    """How a card was bought."""

    card_id = TextField(primary_key=True)
    market = TextField()
    order_id = TextField()
    payment_method = TextField()
    payment_reference = TextField()
    design = TextField()
    deliver_on = TextField(null=True)

    class Meta:
        """Its name in the database."""

        table_name = "purchase"


class Request(Model):
    """The answer to a request, append-only and kept as long as the ledger."""

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
    exercised_on = TextField(null=True)
    form = TextField(null=True)
    meaning = BlobField(null=True)

    class Meta:
        """Its name in the database."""

        table_name = "request"
        primary_key = CompositeKey("request_id", "caller")


class DataKey(Model):
    """The key under which one person of a card is sealed, wrapped by the ring's key `key_id`.

    `role` and `authorization_id` name the person. Beside the roles of people, `note` is the role of
    the key of a card's notes; an empty role is that of a key that several people of the card share
    until they are sealed apart, and `SHARED` of one that cannot be opened for that.
    """

    card_id = TextField()
    data_key_id = TextField()
    key_id = TextField()
    wrapped = BlobField()
    role = TextField()
    authorization_id = TextField()

    class Meta:
        """Its name in the database."""

        table_name = "data_key"
        primary_key = CompositeKey("card_id", "data_key_id")


class Person(Model):
    """Names, addresses and messages, sealed: the only table that holds people (R30).

    `authorization_id` is set for a customer, and empty for a purchaser or recipient.
    `data_key_id` stays after its data key was erased. `search_hash` is the keyed hash of the
    address, made with the ring's key `search_key_id`. Restricted people are kept and not used.
    """

    card_id = TextField()
    role = TextField()
    authorization_id = TextField()
    data_key_id = TextField()
    sealed = BlobField()
    search_hash = TextField(null=True)
    search_key_id = TextField(null=True)
    restricted = BooleanField()

    class Meta:
        """Its name in the database."""

        table_name = "person"
        primary_key = CompositeKey("card_id", "role", "authorization_id")


class PurchaseReference(Model):
    """The card that a payment reference bought (R10)."""

    market = TextField()
    payment_reference = TextField()
    card_id = TextField()

    class Meta:
        """Where it lies."""

        table_name = "purchase_reference"
        primary_key = CompositeKey("payment_reference", "market")


class TermsVersion(Model):
    """A version of a market's terms that cards were sold under, by its digest (R38)."""

    market = TextField()
    in_force_from = TextField()
    digest = TextField()

    class Meta:
        """Where it lies."""

        table_name = "terms_version"
        primary_key = CompositeKey("market", "in_force_from")


class ClockMark(Model):
    """The latest time that each server has seen, written outside of commands."""

    server_id = TextField(primary_key=True)
    marked_at = BigIntegerField()

    class Meta:
        """Where it lies."""

        table_name = "clock_mark"


class RingKeyInUse(Model):
    """A key of the ring under which a card, a record or a data key was made."""

    key_id = TextField(primary_key=True)

    class Meta:
        """Where it lies."""

        table_name = "ring_key_in_use"


class SchemaFence(Model):
    """A migration without which no server may write; `versions.py` reads it in plain SQL."""

    migration = TextField(primary_key=True)

    class Meta:
        """Where it lies."""

        table_name = "schema_fence"


class RefundDue(Model):
    """What the payment provider owes for a card; triggers keep it, and nothing else writes it."""

    card_id = TextField(primary_key=True)
    authorization_id = TextField(null=True)
    market = TextField()
    currency = TextField()
    order_id = TextField()
    due_minor = BigIntegerField()
    confirmed_minor = BigIntegerField()
    due_at = BigIntegerField()
    confirmed_at = BigIntegerField(null=True)
    provider_reference = TextField(null=True)

    class Meta:
        """Where it lies."""

        table_name = "refund_due"


class RefundConfirmation(Model):
    """A refund, or a part, that the payment provider has paid, append-only."""

    card_id = TextField()
    version = BigIntegerField()
    amount_minor = BigIntegerField()
    provider_reference = TextField()
    confirmed_at = BigIntegerField()

    class Meta:
        """Where it lies."""

        table_name = "refund_confirmation"
        primary_key = CompositeKey("card_id", "version")


TABLES = (
    Card,
    Authorization,
    Posting,
    Purchase,
    Request,
    DataKey,
    Person,
    PurchaseReference,
    TermsVersion,
    ClockMark,
    RingKeyInUse,
    SchemaFence,
    RefundDue,
    RefundConfirmation,
    *SWITCH_TABLES,
    *WALK_TABLES,
    *EVENT_TABLES,
    *ACT_TABLES,
    *DELIVERY_TABLES,
)
