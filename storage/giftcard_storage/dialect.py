"""What the statements of the hot path say in one database's own words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from peewee import SQL, Expression, Field

if TYPE_CHECKING:
    from collections.abc import Iterable


def among(field: Field, values: Iterable[Any]) -> Expression:
    """Return the condition that a field is among values, which go as one array parameter."""
    return field.in_(SQL("(SELECT value FROM json_each(?))", (json.dumps(list(values)),)))
