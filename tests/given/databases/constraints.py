"""The constraints of a database by its own catalog, and which of them has refused a statement."""

import re
from typing import Final

import psycopg
from peewee import Database, PeeweeException

from giftcard_storage.engines import POSTGRESQL, SQLITE, engine_of
from giftcard_storage.engines.engine import Engine
from giftcard_storage.schema import TABLES

# By engine, the names of triggers, and of checks with their definitions.
TRIGGERS: Final[dict[Engine, str]] = {
    SQLITE: "SELECT name FROM sqlite_schema WHERE type = 'trigger'",
    POSTGRESQL: "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal",
}
CHECKS: Final[dict[Engine, str]] = {
    SQLITE: "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL",
    POSTGRESQL: """
        SELECT '"' || conname || '" ' || pg_get_constraintdef(oid) FROM pg_constraint
        WHERE contype = 'c' AND connamespace = current_schema()::regnamespace
    """,
}
# Columns of unique indexes, in their order, by the index.
UNIQUE: Final[dict[Engine, str]] = {
    SQLITE: """
        SELECT list.name, ? || '.' || info.name FROM pragma_index_list(?) AS list,
               pragma_index_info(list.name) AS info
        WHERE list."unique" ORDER BY list.name, info.seqno
    """,
    POSTGRESQL: """
        SELECT indexrelid::regclass::text, %s || '.' || a.attname FROM pg_index
        JOIN pg_attribute a ON a.attrelid = indexrelid
        WHERE indisunique AND indrelid = quote_ident(%s)::regclass ORDER BY 1, a.attnum
    """,
}


def triggers(database: Database) -> set[str]:
    """Return the names of all triggers."""
    found = database.execute_sql(TRIGGERS[engine_of(database)]).fetchall()
    return {name for (name,) in found}


def checks(database: Database) -> set[str]:
    """Return the names of all CHECKs."""
    found = database.execute_sql(CHECKS[engine_of(database)]).fetchall()
    return {name for (text,) in found for name in re.findall(r'"?(\w+)"? CHECK', text)}


def unique_indexes(database: Database) -> set[str]:
    """Return the columns of all unique indexes, primary keys among them."""
    columns: dict[str, list[str]] = {}
    for model in TABLES:
        table = model._meta.table_name
        found = database.execute_sql(UNIQUE[engine_of(database)], (table, table)).fetchall()
        for index, column in found:
            columns.setdefault(index, []).append(column)
    return {", ".join(each) for each in columns.values()}


def foreign_keys(database: Database) -> set[tuple[str, str, str]]:
    """Return the table, the column and the other table of all foreign keys."""
    return {
        (model._meta.table_name, key.column, key.dest_table)
        for model in TABLES
        for key in database.get_foreign_keys(model._meta.table_name)
    }


def refusal(error: PeeweeException) -> str:
    """Return which constraint refused a statement, in SQLite's words on every engine."""
    own = getattr(error, "orig", None)
    if not isinstance(own, psycopg.Error):
        return str(error)
    diagnosis = own.diag
    match own.sqlstate:
        case "23514":
            return f"CHECK constraint failed: {diagnosis.constraint_name}"
        case "23505":
            (columns,) = re.findall(r"Key \(([^)]+)\)=", diagnosis.message_detail or "")
            names = (column.strip('"') for column in columns.split(", "))
            named = (f"{diagnosis.table_name}.{name}" for name in names)
            return f"UNIQUE constraint failed: {', '.join(named)} "
        case "23503":
            return "FOREIGN KEY constraint failed"
        case "23502":
            return f"NOT NULL constraint failed: {diagnosis.table_name}.{diagnosis.column_name}"
        case _:
            return str(diagnosis.message_primary)
