"""The one place that knows how the databases differ."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from peewee import SQL, Expression, Field, Function, fn

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def among(field: Field) -> Expression:
    """Return the condition that a field is among the values of one array parameter.

    The text of the statement does not grow with the values, so it is built and prepared
    once. Pass the values through `array`.
    """
    return field.in_(SQL("(SELECT value FROM json_each(?))"))


def one_text(columns: Sequence[Field]) -> Function:
    """Return all rows of a query as one JSON text: a list of lists, in the columns' order."""
    return fn.json_group_array(fn.json_array(*columns))


def rows_of(text: str) -> list[list[Any]]:
    """Return the rows that `one_text` wrote."""
    rows: list[list[Any]] = json.loads(text)
    return rows


def array(values: Iterable[Any]) -> str:
    """Return values as the one parameter that `among` takes."""
    return json.dumps(list(values))
