"""How databases differ, as one interface; each database's own words are in a file of its own.

A statement is a text that Peewee built from the schema, once. It does not grow with what it
looks up or saves: values go in as one array, rows as one JSON text. So the driver prepares it
once as well, and a set of any size takes one step.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from peewee import SQL, Select, Value

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from peewee import Database, Field, Function, Model, Query

    from giftcard_storage.rows import Found, Row


class Selection(NamedTuple):
    """A statement that finds rows: as they are, or all of them as one JSON text."""

    text: str
    is_json: bool = False


class Dialect(ABC):
    """One database's own words. Rows have their columns in the order of the schema."""

    # Only lends its words to what Peewee builds: it is never connected.
    compiler: ClassVar[Database]

    @abstractmethod
    def begin_writing(self, database: Database) -> None:
        """Begin a transaction that sees one state of the database, and may change it."""

    @abstractmethod
    def begin_reading(self, database: Database) -> None:
        """Begin a transaction that sees one state of the database, and keeps nobody waiting."""

    @abstractmethod
    def select(self, key: Field, *conditions: SQL) -> Selection:
        """Return the statement for whole rows whose key is among some values."""

    @abstractmethod
    def find(
        self, database: Database, searches: Iterable[tuple[Selection, Collection[str]]]
    ) -> list[Sequence[Found]]:
        """Run selects, each for all rows with any of the values, and return what each found."""

    @abstractmethod
    def save(self, database: Database, savings: Iterable[tuple[str, Sequence[Row]]]) -> None:
        """Run inserts and updates in turn. Raises `StaleError` where a row has moved on."""

    @abstractmethod
    def clear_log(self, database: Database) -> bool:
        """Clear the database's log of what was deleted; return whether nothing is left of it."""

    @abstractmethod
    def rows(self, parameter: Value) -> Function:
        """Return the table of JSON values that a JSON text of rows is to a statement."""

    @abstractmethod
    def saved(self, column: Field, place: int) -> SQL:
        """Return what a row holds for a column, as a value of the column's type."""

    def insert(self, model: type[Model]) -> str:
        """Return the statement for new rows."""
        columns = columns_of(model)
        values = [self.saved(column, place) for place, column in enumerate(columns)]
        return self.text(model.insert_from(Select((self._rows(),), values), columns))

    def update(self, fields: Sequence[Field], *keys: Field) -> str:
        """Return the statement for rows of new `fields`, then of the `keys` that must be equal."""
        changes = {field: self.saved(field, place) for place, field in enumerate(fields)}
        equal = [key == self.saved(key, place) for place, key in enumerate(keys, len(fields))]
        return self.text(keys[0].model.update(changes).from_(self._rows()).where(*equal))

    def text(self, query: Query) -> str:
        """Return a query as a text, with a mark for each parameter."""
        text: str = self.compiler.get_sql_context().sql(query).query()[0]
        return text

    def _rows(self) -> object:
        return self.rows(parameter()).alias("saved")


def parameter() -> Value:
    """Return the mark of a parameter whose value comes later."""
    return Value(None, converter=False)


def columns_of(model: type[Model]) -> list[Field]:
    """Return a table's columns in the order of the schema."""
    columns: list[Field] = model._meta.sorted_fields  # noqa: SLF001 - Peewee's own name for them
    return columns


def json_of(rows: Sequence[Row]) -> str:
    """Return rows as one JSON text, bytes in hex."""
    return json.dumps(rows, default=bytes.hex)
