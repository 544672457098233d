"""Every statement of the hot path, built once by Peewee from the schema.

Between two steps of a statement the driver lets other threads run, and taking the lead back
costs more than most steps. So a statement takes or gives whole sets in one step: what is
looked up comes back as one JSON text, what is saved goes as many rows at a time.
"""

from __future__ import annotations

from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from peewee import CTE, SQL, Field, Model, SqliteDatabase, Value, ValuesList

from giftcard_storage import schema
from giftcard_storage.dialect import among, one_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

# The largest number of rows that one statement saves, a power of two.
LARGEST: Final = 64

# Only lends its dialect: it is never connected.
_COMPILER: Final = SqliteDatabase(None)


class Bulk:
    """A statement that saves rows, of any number at a time.

    Rows go in chunks of powers of two, so that a handful of texts, each built and prepared
    once, serves every number of rows. `query_of` builds the query for a list of parameters.
    """

    def __init__(self, width: int, query_of: Callable[[list[list[Value]]], object]) -> None:
        self._width = width
        self._query_of = query_of
        self._text = cache(self._build)

    def chunks(self, rows: Sequence[tuple[Any, ...]]) -> Iterator[tuple[str, list[Any]]]:
        """Yield the statements, with their parameters, that save all rows."""
        start = 0
        while start < len(rows):
            size = min(LARGEST, 1 << (len(rows) - start).bit_length() - 1)
            yield self._text(size), list(chain.from_iterable(rows[start : start + size]))
            start += size

    def _build(self, size: int) -> str:
        parameters = [[_parameter() for _ in range(self._width)] for _ in range(size)]
        return _text(self._query_of(parameters))


def _parameter() -> Value:
    return Value(None, converter=False)


def _text(query: object) -> str:
    text: str = _COMPILER.get_sql_context().sql(query).query()[0]
    return text


def _columns(model: type[Model]) -> list[Field]:
    columns: list[Field] = model._meta.sorted_fields  # noqa: SLF001 - Peewee's own name for the columns in their order
    return columns


def _select(model: type[Model], key: Field, *conditions: object) -> str:
    """Return the select of whole rows as one JSON text, in the order of the schema."""
    query = model.select(one_text(_columns(model))).where(among(key), *conditions)
    return _text(query)


def _insert(model: type[Model]) -> Bulk:
    columns = _columns(model)
    return Bulk(len(columns), lambda rows: model.insert_many(rows, fields=columns))


def _update(key: Field, fields: Sequence[Field], *guards: Field) -> Bulk:
    """Return the update of `fields` where the key and every guard are equal.

    Rows hold the key, the fields, then the values that the guards must still have.
    """
    model: type[Model] = key.model
    names = [
        key.name,
        *(field.name for field in fields),
        *(f"{guard.name}_at_rest" for guard in guards),
    ]

    def query_of(rows: list[list[Value]]) -> object:
        changed = CTE("changed", ValuesList(rows), columns=names)
        query = model.update({field: getattr(changed.c, field.name) for field in fields})
        query = query.from_(changed).where(key == getattr(changed.c, key.name))
        for guard in guards:
            query = query.where(guard == getattr(changed.c, f"{guard.name}_at_rest"))
        return query.with_cte(changed)

    return Bulk(len(names), query_of)


CARDS: Final = _select(schema.Card, schema.Card.card_id)
AUTHORIZATIONS: Final = _select(schema.Authorization, schema.Authorization.authorization_id)
LIVE_AUTHORIZATIONS: Final = _select(
    schema.Authorization,
    schema.Authorization.order_id,
    SQL("state IN ('OPEN', 'CAPTURED')"),  # To the letter, so that the partial index serves.
)
PURCHASES: Final = _select(schema.Purchase, schema.Purchase.card_id)
PURCHASE_ORDERS: Final = _select(schema.Purchase, schema.Purchase.order_id)
# Row by row, since JSON has no place for its bytes; most requests are new, and find nothing.
REQUESTS: Final = _text(
    schema.Request.select(*_columns(schema.Request)).where(among(schema.Request.request_id))
)

INSERT_CARDS: Final = _insert(schema.Card)
INSERT_AUTHORIZATIONS: Final = _insert(schema.Authorization)
INSERT_POSTINGS: Final = _insert(schema.Posting)
INSERT_PURCHASES: Final = _insert(schema.Purchase)
INSERT_REQUESTS: Final = _insert(schema.Request)
INSERT_PEOPLE: Final = _insert(schema.Person)

UPDATE_CARDS: Final = _update(
    schema.Card.card_id,
    (
        schema.Card.state,
        schema.Card.balance_minor,
        schema.Card.held_minor,
        schema.Card.hold_id,
        schema.Card.version,
    ),
    schema.Card.version,
)
UPDATE_AUTHORIZATIONS: Final = _update(
    schema.Authorization.authorization_id,
    (
        schema.Authorization.state,
        schema.Authorization.captured_minor,
        schema.Authorization.refunded_minor,
        schema.Authorization.refunded_other_minor,
    ),
)
