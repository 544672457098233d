"""The embedded database's own words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from peewee import SQL, BlobField, Database, Field, Function, SqliteDatabase, Value, fn

from giftcard_storage.dialect import Dialect, Selection, columns_of, json_of
from giftcard_storage.errors import StaleError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from giftcard_storage.rows import Found, Row


class SqliteDialect(Dialect):
    """What is found comes back as one JSON text, too: each step lets other threads run."""

    compiler = SqliteDatabase(None)

    def begin_writing(self, database: Database) -> None:
        """Take the writers' lock before anything is read, so that nothing read can be stale."""
        database.execute_sql("BEGIN IMMEDIATE")

    def begin_reading(self, database: Database) -> None:
        """Read beside the writer."""
        database.execute_sql("BEGIN DEFERRED")

    def select(self, key: Field, *conditions: SQL) -> Selection:
        """Rows as one JSON text, unless there are bytes in them, for which JSON has no place."""
        among = key.in_(SQL("(SELECT value FROM json_each(?))"))
        columns = columns_of(key.model)
        if any(isinstance(column, BlobField) for column in columns):
            return Selection(self.text(key.model.select().where(among, *conditions)))
        found = fn.json_group_array(fn.json_array(*columns))
        return Selection(self.text(key.model.select(found).where(among, *conditions)), is_json=True)

    def find(
        self, database: Database, searches: Iterable[tuple[Selection, Collection[str]]]
    ) -> list[Sequence[Found]]:
        """One select after the other."""
        found = []
        for (text, is_json), values in searches:
            rows = database.execute_sql(text, (json.dumps(list(values)),)).fetchall()
            found.append(json.loads(rows[0][0]) if is_json else rows)
        return found

    def save(self, database: Database, savings: Iterable[tuple[str, Sequence[Row]]]) -> None:
        """One statement after the other."""
        for text, rows in savings:
            if database.execute_sql(text, (json_of(rows),)).rowcount != len(rows):
                raise StaleError

    def clear_log(self, database: Database) -> bool:
        """What was deleted is overwritten in the file (`secure_delete`), but not in its log."""
        busy, _, _ = database.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy

    def rows(self, parameter: Value) -> Function:
        """The binary form, which is not read anew for each column."""
        return fn.jsonb_each(parameter)

    def saved(self, column: Field, place: int) -> SQL:
        """JSON's numbers and texts are SQLite's own; bytes are in hex."""
        value = f"saved.value->>{place}"
        return SQL(f"unhex({value})" if isinstance(column, BlobField) else f"({value})")
