"""The statements of the embedded database, in SQLite's words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from peewee import SQL, BlobField, Field, Model, SqliteDatabase, Value, fn

from giftcard_storage.errors import StaleError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from peewee import Database

    from giftcard_storage.rows import Row

# Only lends its words: it is never connected.
_COMPILER: Final = SqliteDatabase(None)


class SqliteDialect:
    """What is looked up goes and comes back as one JSON text: each step lets other threads run."""

    def begin_writing(self, database: Database) -> None:
        """Take the writers' lock before anything is read, so that nothing read can be stale."""
        database.execute_sql("BEGIN IMMEDIATE")

    def begin_reading(self, database: Database) -> None:
        """Read beside the writer."""
        database.execute_sql("BEGIN DEFERRED")

    def is_open(self, database: Database) -> bool:
        """A file stays open."""
        return not database.is_closed()

    def select(self, key: Field, *conditions: SQL) -> str:
        """Rows as one JSON text, unless there are bytes in them, for which JSON has no place."""
        among = key.in_(SQL("(SELECT value FROM json_each(?))"))
        columns = _columns(key.model)
        if any(isinstance(column, BlobField) for column in columns):
            return _text(key.model.select().where(among, *conditions))
        rows = fn.json_group_array(fn.json_array(*columns))
        return _text(key.model.select(rows).where(among, *conditions))

    def insert(self, model: type[Model]) -> str:
        """One row, which is prepared once and run for each."""
        return _text(model.insert(dict.fromkeys(_columns(model), _parameter())))

    def update(self, fields: Sequence[Field], *keys: Field) -> str:
        """One row, likewise."""
        query = keys[0].model.update(dict.fromkeys(fields, _parameter()))
        return _text(query.where(*(key == _parameter() for key in keys)))

    def find(
        self, database: Database, searches: Iterable[tuple[str, Collection[str]]]
    ) -> list[list[Row]]:
        """One select after the other."""
        found = []
        for text, values in searches:
            rows = database.execute_sql(text, (json.dumps(list(values)),)).fetchall()
            is_json = text.startswith("SELECT json_group_array")
            found.append(json.loads(rows[0][0]) if is_json else rows)
        return found

    def save(self, database: Database, savings: Iterable[tuple[str, Sequence[Row]]]) -> None:
        """One row after the other."""
        for text, rows in savings:
            cursor = database.cursor()
            cursor.executemany(text, rows)
            if cursor.rowcount != len(rows):
                raise StaleError


def _columns(model: type[Model]) -> list[Field]:
    columns: list[Field] = model._meta.sorted_fields  # noqa: SLF001 - Peewee's own name for the columns in their order
    return columns


def _parameter() -> Value:
    return Value(None, converter=False)


def _text(query: object) -> str:
    text: str = _COMPILER.get_sql_context().sql(query).query()[0]
    return text
