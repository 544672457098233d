"""The statements of the hot path, by Peewee from the schema.

Peewee builds a statement when a batch needs it, and the commands of the batch share that
cost as they share the commit. Sets go in one array, or as rows of one prepared statement,
so that no text grows with the batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from peewee import SQL, Field, Model, Value

from giftcard_storage import schema
from giftcard_storage.dialect import among

if TYPE_CHECKING:
    from collections.abc import Iterable

    from peewee import Expression, ModelInsert, ModelSelect, ModelUpdate

# To the letter, so that the partial index serves.
LIVE: Final = SQL("state IN ('OPEN', 'CAPTURED')")

CHANGES_OF_A_CARD: Final = (
    schema.Card.state,
    schema.Card.balance_minor,
    schema.Card.held_minor,
    schema.Card.hold_id,
    schema.Card.version,
)
CHANGES_OF_AN_AUTHORIZATION: Final = (
    schema.Authorization.state,
    schema.Authorization.captured_minor,
    schema.Authorization.refunded_minor,
    schema.Authorization.refunded_other_minor,
)


def select(key: Field, values: Iterable[Any], *conditions: Expression | SQL) -> ModelSelect:
    """Select the rows whose key is among the values, columns in the order of the schema."""
    query: ModelSelect = key.model.select()
    return query.where(among(key, values), *conditions)


def insert(model: type[Model]) -> ModelInsert:
    """Insert a row, its columns in the order of the schema."""
    columns = model._meta.sorted_fields  # noqa: SLF001 - Peewee's own name for them
    return model.insert(dict.fromkeys(columns, _parameter()))


def update(fields: Iterable[Field], *keys: Field) -> ModelUpdate:
    """Update the fields, in their order in the schema, where every key is equal."""
    query: ModelUpdate = keys[0].model.update(dict.fromkeys(fields, _parameter()))
    return query.where(*(key == _parameter() for key in keys))


def _parameter() -> Value:
    return Value(None, converter=False)
