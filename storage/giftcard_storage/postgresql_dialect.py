"""The statements of PostgreSQL, in its own words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from peewee import SQL, Field, Model, PostgresqlDatabase, Select, Value, fn

from giftcard_storage.errors import StaleError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from peewee import Database

    from giftcard_storage.rows import Row

# Only lends its words: it is never connected.
_COMPILER: Final = PostgresqlDatabase(None, prefer_psycopg3=True)
# How a value comes out of the JSON text that rows are saved by, by the type of its column.
_FROM_JSON: Final = {
    "TEXT": "(saved.value->>{place})",
    "BIGINT": "(saved.value->>{place})::bigint",
    "BOOL": "(saved.value->>{place})::boolean",
    "BLOB": "decode(saved.value->>{place}, 'hex')",
}


class PostgresqlDialect:
    """What belongs together goes in one round trip; the rows of a table as one JSON text."""

    def begin_writing(self, database: Database) -> None:
        """See one state throughout; a row that another one changed since fails the update."""
        _begin(database, "BEGIN ISOLATION LEVEL REPEATABLE READ")

    def begin_reading(self, database: Database) -> None:
        """See one state throughout."""
        _begin(database, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")

    def is_open(self, database: Database) -> bool:
        """The other end may have gone."""
        return bool(database.is_connection_usable())

    def select(self, key: Field, *conditions: SQL) -> str:
        """The values go as one array."""
        model = key.model
        return _text(model.select().where(key == fn.ANY(_parameter()), *conditions))

    def insert(self, model: type[Model]) -> str:
        """The rows go as one JSON text."""
        columns = model._meta.sorted_fields  # noqa: SLF001 - Peewee's own name for the columns in their order
        saved = [_saved(column, place) for place, column in enumerate(columns)]
        return _text(model.insert_from(Select((_rows(),), saved), columns))

    def update(self, fields: Sequence[Field], *keys: Field) -> str:
        """Likewise."""
        changes = {field: _saved(field, place) for place, field in enumerate(fields)}
        equal = [key == _saved(key, place) for place, key in enumerate(keys, len(fields))]
        return _text(keys[0].model.update(changes).from_(_rows()).where(*equal))

    def find(
        self, database: Database, searches: Iterable[tuple[str, Collection[str]]]
    ) -> list[list[Row]]:
        """All selects in one round trip."""
        with database.connection().pipeline():
            cursors = []
            for text, values in searches:
                cursor = database.cursor()
                cursor.execute(text, (list(values),))
                cursors.append(cursor)
            return [cursor.fetchall() for cursor in cursors]

    def save(self, database: Database, savings: Iterable[tuple[str, Sequence[Row]]]) -> None:
        """All statements in one round trip."""
        saved = []
        with database.connection().pipeline():
            for text, rows in savings:
                cursor = database.cursor()
                cursor.execute(text, (json.dumps(rows, default=bytes.hex),))
                saved.append((cursor, len(rows)))
        if any(cursor.rowcount != count for cursor, count in saved):
            raise StaleError


def _begin(database: Database, statement: str) -> None:
    """Begin on a connection that may have been cut since it was last used."""
    if database.is_connection_usable():
        try:
            database.cursor().execute(statement)
        except Exception:
            if database.is_connection_usable():
                raise
        else:
            return
    database.close()
    database.connect()
    database.cursor().execute(statement)


def _rows() -> object:
    return fn.jsonb_array_elements(Value(None, converter=False)).alias("saved")


def _saved(column: Field, place: int) -> SQL:
    return SQL(_FROM_JSON[column.field_type].format(place=place))


def _parameter() -> Value:
    return Value(None, converter=False)


def _text(query: object) -> str:
    text: str = _COMPILER.get_sql_context().sql(query).query()[0]
    return text
