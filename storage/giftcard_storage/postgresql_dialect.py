"""PostgreSQL's own words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from peewee import SQL, Database, Field, Function, PostgresqlDatabase, Value, fn

from giftcard_storage.dialect import Dialect, Selection, json_of, parameter
from giftcard_storage.errors import StaleError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from giftcard_storage.rows import Found, Row

# How a value comes out of JSON, by the type of its column.
_FROM_JSON: Final = {
    "TEXT": "(saved.value->>{place})",
    "BIGINT": "(saved.value->>{place})::bigint",
    "BOOL": "(saved.value->>{place})::boolean",
    "BLOB": "decode(saved.value->>{place}, 'hex')",
}


class PostgresqlDialect(Dialect):
    """What belongs together goes in one round trip."""

    compiler = PostgresqlDatabase(None, prefer_psycopg3=True)

    def begin_writing(self, database: Database) -> None:
        """See one state throughout; a row that another one changed since fails the update."""
        _begin(database, "BEGIN ISOLATION LEVEL REPEATABLE READ")

    def begin_reading(self, database: Database) -> None:
        """See one state throughout."""
        _begin(database, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")

    def select(self, key: Field, *conditions: SQL) -> Selection:
        """The values go as one array."""
        return Selection(
            self.text(key.model.select().where(key == fn.ANY(parameter()), *conditions))
        )

    def find(
        self, database: Database, searches: Iterable[tuple[Selection, Collection[str]]]
    ) -> list[Sequence[Found]]:
        """All selects in one round trip."""
        with database.connection().pipeline():
            cursors = []
            for selection, values in searches:
                cursor = database.cursor()
                cursor.execute(selection.text, (list(values),))
                cursors.append(cursor)
            return [cursor.fetchall() for cursor in cursors]

    def save(self, database: Database, savings: Iterable[tuple[str, Sequence[Row]]]) -> None:
        """All statements in one round trip."""
        saved = []
        with database.connection().pipeline():
            for text, rows in savings:
                cursor = database.cursor()
                cursor.execute(text, (json_of(rows),))
                saved.append((cursor, len(rows)))
        if any(cursor.rowcount != count for cursor, count in saved):
            raise StaleError

    def clear_log(self, database: Database) -> bool:  # noqa: ARG002 - as the other one's
        """Nothing that a client can do: dead rows and the log go when the server sees fit."""
        return False

    def rows(self, parameter: Value) -> Function:
        """The binary form, likewise."""
        return fn.jsonb_array_elements(parameter)

    def saved(self, column: Field, place: int) -> SQL:
        """JSON's texts are PostgreSQL's own; all else is read from text."""
        return SQL(_FROM_JSON[column.field_type].format(place=place))


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
