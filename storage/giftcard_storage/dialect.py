"""The one place that knows how the databases differ."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from peewee import SQL, Expression, Field

if TYPE_CHECKING:
    from collections.abc import Iterable


def among(field: Field) -> Expression:
    """Return the condition that a field is among the values of one array parameter.

    The text of the statement does not grow with the values, so it is built and prepared
    once. Pass the values through `array`.
    """
    return field.in_(SQL("(SELECT value FROM json_each(?))"))


def array(values: Iterable[Any]) -> str:
    """Return values as the one parameter that `among` takes."""
    return json.dumps(list(values))
