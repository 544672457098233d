"""Overviews of all cards: which are due, what they are worth, which keys they need."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

from peewee import SQL, Case, fn

from giftcard_storage.engines import engine_of
from giftcard_storage.errors import translated
from giftcard_storage.rows import microseconds
from giftcard_storage.schema import Authorization, Card, DataKey
from giftcard_storage.transactions import reading
from giftcard_storage.versions import status

if TYPE_CHECKING:
    from datetime import datetime

    from peewee import Database


@dataclass(frozen=True, slots=True)
class Holdings:
    """The cards of one market, currency and key.

    `live_cards` of them can still be used, and are worth `liability_minor` to their holders.
    `a_card_id` is any one of all.
    """

    market: str
    currency: str
    key_id: str
    cards: int
    live_cards: int
    liability_minor: int
    a_card_id: str


def due(database: Database, now: datetime, limit: int) -> list[str]:
    """Return the ids of at most `limit` cards that expired or whose hold lapsed by `now`."""
    at = microseconds(now)
    # The states are written as in the partial indexes, which serve no other condition. A card
    # that had outlived its validity when it was blocked expires with the end of the block (R37).
    expired = Card.select(Card.card_id).where(
        SQL("state = 'ACTIVE'"),
        Card.expires_at <= at,
        Card.blocked_at.is_null() | (Card.expires_at > Card.blocked_at),
    )
    lapsed = Authorization.select(Authorization.card_id).where(
        SQL("state = 'OPEN'"), Authorization.expires_at <= at
    )
    card_ids: list[str] = []
    with reading(database), translated():
        for query in (lapsed, expired):
            found = engine_of(database).texts(database, query.limit(limit - len(card_ids)))
            known = set(card_ids)
            card_ids += [card_id for card_id in found if card_id not in known]
    return card_ids


def holdings(database: Database) -> list[Holdings]:
    """Return the cards there are, by market, currency and key. Reads every card."""
    liability = Card.balance_minor + Card.held_minor
    query = (
        Card.select(
            Card.market,
            Card.currency,
            Card.key_id,
            fn.COUNT(Card.card_id),
            fn.SUM(Case(None, ((liability > 0, 1),), 0)),
            fn.SUM(liability),
            fn.MIN(Card.card_id),
        )
        .group_by(Card.market, Card.currency, Card.key_id)
        .tuples()
    )
    with reading(database), translated():
        return [
            # The sum of integers is a Decimal on PostgreSQL.
            Holdings(market, currency, key_id, cards, int(live), int(liability_minor), a_card_id)
            for market, currency, key_id, cards, live, liability_minor, a_card_id in (
                query.execute(database)
            )
        ]


def sealed(database: Database) -> dict[str, int]:
    """Return for each key of the ring how many cards' people it opens. Reads every data key."""
    query = DataKey.select(DataKey.key_id, fn.COUNT(DataKey.card_id.distinct()))
    with reading(database), translated():
        return dict(query.group_by(DataKey.key_id).tuples().execute(database))


def made_by(database: Database, card_id: str) -> tuple[str, str]:
    """Return the caller and the request id that made a card; its code is derived from them."""
    query = Card.select(Card.caller, Card.request_id).where(Card.card_id == card_id)
    with reading(database), translated():
        ((caller, request_id),) = query.tuples().execute(database)
    return caller, request_id


def made_at(database: Database) -> datetime:
    """Return when the first migration made the tables, by the clock of who ran it."""
    with translated():
        applied: list[datetime] = [each.applied for each in status(database) if each.applied]
    return min(applied).astimezone(UTC)


def has_cards(database: Database) -> bool:
    """Return whether there is any card; also a cheap check that the database answers."""
    with reading(database), translated():
        return bool(Card.select(Card.card_id).limit(1).tuples().execute(database))
