"""The tables of acts and proposals, as queries see them."""

from __future__ import annotations

from peewee import BigIntegerField, BlobField, CompositeKey, Model, TextField


class Act(Model):
    """What somebody did to a card, or read of it, append-only but for `actor`.

    `sealed` is the note, with a corrected address, where there is one.
    """

    card_id = TextField()
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
        """Where it lies."""

        table_name = "act"
        primary_key = CompositeKey("card_id", "act_id", "kind")


class Proposal(Model):
    """An act that waits for another actor, or what became of it; `sealed` is the request."""

    proposal_id = TextField(primary_key=True)
    act = TextField()
    card_id = TextField()
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
        """Where it lies."""

        table_name = "proposal"


ACT_TABLES = (Act, Proposal)
