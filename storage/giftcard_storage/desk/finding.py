"""Finding cards by what a customer or a bank can name, exactly, and each by an index."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple

from giftcard_storage.errors import translated
from giftcard_storage.order_pages import Place
from giftcard_storage.rows import instant, microseconds
from giftcard_storage.schema import Authorization, Card, Purchase
from giftcard_storage.transactions import reading

if TYPE_CHECKING:
    from peewee import Database, ModelSelect


class Named(enum.Enum):
    """What the values of a query name."""

    CARDS = "CARDS"
    PURCHASE_ORDER = "PURCHASE_ORDER"
    ORDER = "ORDER"
    PAYMENT = "PAYMENT"


class CardsQuery(NamedTuple):
    """Asks for at most `limit` cards behind a place, oldest first; None: of every market."""

    named: Named
    values: tuple[str, ...]
    market: str | None
    after: Place | None
    limit: int


def cards_on(database: Database, asked: CardsQuery) -> list[Place]:
    """Return a page of cards, as their places. Raises `StorageAwayError`."""
    query = Card.select(Card.issued_at, Card.card_id).where(_condition(asked))
    if asked.market is not None:
        query = query.where(Card.market == asked.market)
    if asked.after is not None:
        at, last_id = microseconds(asked.after.created_at), asked.after.authorization_id
        is_of_that_time = (Card.issued_at == at) & (Card.card_id > last_id)
        query = query.where((Card.issued_at > at) | is_of_that_time)
    query = query.order_by(Card.issued_at, Card.card_id).limit(asked.limit)
    with reading(database), translated():
        rows = query.tuples().execute(database)
        return [Place(instant(issued_at), card_id) for issued_at, card_id in rows]


def _condition(asked: CardsQuery) -> object:
    if asked.named is Named.CARDS:
        return Card.card_id.in_(asked.values)
    return Card.card_id.in_(_card_ids(asked))


def _card_ids(asked: CardsQuery) -> ModelSelect[Authorization] | ModelSelect[Purchase]:
    (value,) = asked.values
    match asked.named:
        case Named.ORDER:
            return Authorization.select(Authorization.card_id).where(
                Authorization.order_id == value
            )
        case Named.PAYMENT:
            return Purchase.select(Purchase.card_id).where(Purchase.payment_reference == value)
        case _:
            return Purchase.select(Purchase.card_id).where(Purchase.order_id == value)
