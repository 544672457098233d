"""The tables of pauses and of issued value; `schema.py` says how they are read."""

from __future__ import annotations

from typing import Final

from peewee import BigIntegerField, CompositeKey, Model, TextField


class Pause(Model):
    """What is stopped in a market, until it is resumed; written outside of commands."""

    market = TextField()
    act = TextField()
    paused_at = BigIntegerField()
    actor = TextField()
    ground = TextField()

    class Meta:
        """Where it lies."""

        table_name = "pause"
        primary_key = CompositeKey("market", "act")


class IssuedValue(Model):
    """What a caller has issued in a market, by the slice of time and the server that did it.

    Each server adds to rows of its own, so that servers do not wait for each other's rows.
    """

    caller = TextField()
    market = TextField()
    slice_at = BigIntegerField()
    server_id = TextField()
    amount_minor = BigIntegerField()

    class Meta:
        """Where it lies."""

        table_name = "issued_value"
        primary_key = CompositeKey("caller", "market", "slice_at", "server_id")


SWITCH_TABLES: Final = (Pause, IssuedValue)
