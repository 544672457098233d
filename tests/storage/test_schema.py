"""The tables as queries see them are the tables as the migrations make them."""

from typing import Any

import pytest
from peewee import Database, Model

from giftcard_storage.schema import TABLES
from giftcard_storage.sqlite_file import APPLICATION_ID


def columns(database: Database, table: str) -> list[tuple[Any, ...]]:
    return [
        (name, kind, bool(not_null), bool(key))
        for _, name, kind, not_null, _, key in database.execute_sql(
            f'PRAGMA table_info("{table}")'
        ).fetchall()
    ]


@pytest.mark.parametrize("model", TABLES, ids=lambda model: model._meta.table_name)
def test_the_columns_are_those_of_the_migrated_table_in_their_order(
    database: Database, model: type[Model]
) -> None:
    meta = model._meta
    keys = {field.column_name for field in meta.get_primary_keys()}
    types = {"TEXT": "TEXT", "BIGINT": "INTEGER", "BOOL": "INTEGER", "BLOB": "BLOB"}
    assert columns(database, meta.table_name) == [
        (
            field.column_name,
            types[field.field_type],
            not field.null,
            field.column_name in keys,
        )
        for field in meta.sorted_fields
    ]


def test_there_is_no_other_table(database: Database) -> None:
    ours = {model._meta.table_name for model in TABLES}
    assert set(database.get_tables()) == ours | {"schema_migration"}


def test_every_table_of_ours_is_strict_and_lies_by_its_primary_key(database: Database) -> None:
    listed = database.execute_sql("PRAGMA table_list").fetchall()
    properties = {name: (without_rowid, strict) for _, name, _, _, without_rowid, strict in listed}
    for model in TABLES:
        assert properties[model._meta.table_name] == (1, 1)


@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 2),  # FULL: what is acknowledged outlives a power cut.
        ("foreign_keys", 1),
        ("application_id", APPLICATION_ID),
        ("ignore_check_constraints", 0),
        ("recursive_triggers", 1),  # Else REPLACE gets around the append-only tables.
    ],
)
def test_a_connection_keeps_money_safely(database: Database, pragma: str, value: object) -> None:
    assert database.execute_sql(f"PRAGMA {pragma}").fetchone() == (value,)
