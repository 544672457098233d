"""Every statement of the hot path, built once by Peewee from the schema in a dialect's words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from peewee import SQL

from giftcard_storage.schema import (
    Authorization,
    Card,
    DataKey,
    Person,
    Posting,
    Purchase,
    Request,
)

if TYPE_CHECKING:
    from giftcard_storage.dialect import Dialect

# To the letter, so that the partial index serves.
_LIVE: Final = SQL("state IN ('OPEN', 'CAPTURED')")


@dataclass(frozen=True, slots=True)
class Statements:
    """The statements as texts; `rows.py` has the rows that go in and come out."""

    cards: str
    authorizations: str
    live_authorizations: str
    purchases: str
    purchase_orders: str
    requests: str
    data_keys: str
    insert_card: str
    insert_authorization: str
    insert_posting: str
    insert_purchase: str
    insert_data_key: str
    insert_person: str
    insert_request: str
    update_card: str
    update_authorization: str


@cache
def statements_of(dialect: Dialect) -> Statements:
    """Return the statements in a dialect's words."""
    return Statements(
        cards=dialect.select(Card.card_id),
        authorizations=dialect.select(Authorization.authorization_id),
        live_authorizations=dialect.select(Authorization.order_id, _LIVE),
        purchases=dialect.select(Purchase.card_id),
        purchase_orders=dialect.select(Purchase.order_id),
        requests=dialect.select(Request.request_id),
        data_keys=dialect.select(DataKey.card_id),
        insert_card=dialect.insert(Card),
        insert_authorization=dialect.insert(Authorization),
        insert_posting=dialect.insert(Posting),
        insert_purchase=dialect.insert(Purchase),
        insert_data_key=dialect.insert(DataKey),
        insert_person=dialect.insert(Person),
        insert_request=dialect.insert(Request),
        update_card=dialect.update(
            (Card.state, Card.balance_minor, Card.held_minor, Card.hold_id, Card.version),
            Card.card_id,
            Card.version,
        ),
        update_authorization=dialect.update(
            (
                Authorization.state,
                Authorization.captured_minor,
                Authorization.refunded_minor,
                Authorization.refunded_other_minor,
            ),
            Authorization.authorization_id,
        ),
    )
