"""Bringing deliveries back that were suppressed, once the reason for it is gone (R32, R37)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peewee import Case

from giftcard_rules.deliveries import DeliveryState, Suppressed
from giftcard_storage.delivery_schema import Delivery
from giftcard_storage.rows import microseconds
from giftcard_storage.schema import Card

if TYPE_CHECKING:
    from datetime import datetime

    from peewee import Database


def recall(database: Database, card_id: str, why: Suppressed, now: datetime) -> None:
    """Queue what was suppressed for a reason, in the open transaction.

    It goes out at once, or later where it is due later, and is tried for three days from then on.
    """
    of, at = Delivery, microseconds(now)
    due_at = Case(None, ((of.due_at > at, of.due_at),), at)
    of.update(
        {
            of.state: DeliveryState.QUEUED.value,
            of.reason: None,
            of.due_at: due_at,
            of.next_try_at: due_at,
            of.tries: 0,
            of.first_tried_at: None,
            of.version: of.version + 1,
        }
    ).where(
        of.card_id == card_id,
        of.state == DeliveryState.SUPPRESSED.value,
        of.reason == why.value,
    ).execute(database)


def recall_of_person(database: Database, card_id: str, now: datetime) -> None:
    """Queue what a restriction has held back, once it is lifted from a person of a card (R32).

    Messages about the replacements of the card may be for its people, too. Each is looked at again
    before it is sent, so that nobody who is restricted still gets one.
    """
    found = {card_id}
    while found:
        for each in sorted(found):
            recall(database, each, Suppressed.RESTRICTED, now)
        newer = Card.select(Card.card_id).where(Card.replaces_card_id.in_(sorted(found)))
        found = {replacement for (replacement,) in newer.tuples().execute(database)}
