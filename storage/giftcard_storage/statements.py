"""Every statement of the hot path, built once by Peewee from the schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from peewee import SQL, Field, Model, SqliteDatabase, Value

from giftcard_storage import schema
from giftcard_storage.dialect import among

if TYPE_CHECKING:
    from collections.abc import Iterable

# Only lends its dialect: it is never connected.
_COMPILER: Final = SqliteDatabase(None)


def _select(model: type[Model], key: Field, *conditions: object) -> str:
    query = model.select(*model._meta.sorted_fields).where(among(key), *conditions)  # noqa: SLF001 - Peewee's own name for the columns in their order
    return _text(query)


def _insert(model: type[Model]) -> str:
    return _text(model.insert(dict.fromkeys(model._meta.sorted_fields, _parameter())))  # noqa: SLF001 - likewise


def _update(model: type[Model], fields: Iterable[Field], *keys: Field) -> str:
    """Return the update of `fields` in the order of the schema, where every key is equal."""
    query = model.update(dict.fromkeys(fields, _parameter()))
    for key in keys:
        query = query.where(key == _parameter())
    return _text(query)


def _parameter() -> Value:
    return Value(None, converter=False)


def _text(query: object) -> str:
    text: str = _COMPILER.get_sql_context().sql(query).query()[0]
    return text


CARDS: Final = _select(schema.Card, schema.Card.card_id)
AUTHORIZATIONS: Final = _select(schema.Authorization, schema.Authorization.authorization_id)
LIVE_AUTHORIZATIONS: Final = _select(
    schema.Authorization,
    schema.Authorization.order_id,
    SQL("state IN ('OPEN', 'CAPTURED')"),  # To the letter, so that the partial index serves.
)
PURCHASES: Final = _select(schema.Purchase, schema.Purchase.card_id)
PURCHASE_ORDERS: Final = _select(schema.Purchase, schema.Purchase.order_id)
REQUESTS: Final = _select(schema.Request, schema.Request.request_id)

INSERT_CARD: Final = _insert(schema.Card)
INSERT_AUTHORIZATION: Final = _insert(schema.Authorization)
INSERT_POSTING: Final = _insert(schema.Posting)
INSERT_PURCHASE: Final = _insert(schema.Purchase)
INSERT_REQUEST: Final = _insert(schema.Request)
INSERT_PERSON: Final = _insert(schema.Person)

UPDATE_CARD: Final = _update(
    schema.Card,
    (
        schema.Card.state,
        schema.Card.balance_minor,
        schema.Card.held_minor,
        schema.Card.hold_id,
        schema.Card.version,
    ),
    schema.Card.card_id,
    schema.Card.version,
)
UPDATE_AUTHORIZATION: Final = _update(
    schema.Authorization,
    (
        schema.Authorization.state,
        schema.Authorization.captured_minor,
        schema.Authorization.refunded_minor,
        schema.Authorization.refunded_other_minor,
    ),
    schema.Authorization.authorization_id,
)
