"""The tables as queries see them are the tables as the migrations make them."""

from collections.abc import Callable
from contextlib import closing

import pytest
from peewee import Database, Model

from giftcard_storage.database import DatabaseUrl, connect, connect_to_look_over
from giftcard_storage.engines import POSTGRESQL, SQLITE, engine_of
from giftcard_storage.engines.sqlite_file import APPLICATION_ID
from giftcard_storage.schema import TABLES

# By engine, its names for the types of columns, by Peewee's names.
TYPES = {
    SQLITE: {"TEXT": "TEXT", "BIGINT": "INTEGER", "BOOL": "INTEGER", "BLOB": "BLOB"},
    POSTGRESQL: {"TEXT": "text", "BIGINT": "bigint", "BOOL": "boolean", "BLOB": "bytea"},
}


@pytest.mark.parametrize("model", TABLES, ids=lambda model: model._meta.table_name)
def test_the_columns_are_those_of_the_migrated_table_in_their_order(
    database: Database, model: type[Model]
) -> None:
    meta = model._meta
    keys = {field.column_name for field in meta.get_primary_keys()}
    types = TYPES[engine_of(database)]
    columns = database.get_columns(meta.table_name)
    assert [(each.name, each.data_type, each.null, each.primary_key) for each in columns] == [
        (
            field.column_name,
            types[field.field_type],
            field.null,
            field.column_name in keys,
        )
        for field in meta.sorted_fields
    ]


def test_there_is_no_other_table(database: Database) -> None:
    ours = {model._meta.table_name for model in TABLES}
    assert set(database.get_tables()) == ours | {"schema_migration"}


# Not on PostgreSQL: all its tables are strict, and none are clustered by a key.
def test_every_table_of_a_file_is_strict_and_clustered_by_its_primary_key(
    embedded: Database,
) -> None:
    listed = embedded.execute_sql("PRAGMA table_list").fetchall()
    properties = {name: (without_rowid, strict) for _, name, _, _, without_rowid, strict in listed}
    for model in TABLES:
        assert properties[model._meta.table_name] == (1, 1)


@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 2),  # FULL: an acknowledged commit outlives a power cut.
        ("foreign_keys", 1),
        ("application_id", APPLICATION_ID),
        ("ignore_check_constraints", 0),
        ("recursive_triggers", 1),  # Otherwise REPLACE gets around the append-only tables.
    ],
)
def test_a_connection_to_a_file_is_durable_and_checks_constraints(
    embedded: Database, pragma: str, value: object
) -> None:
    assert embedded.execute_sql(f"PRAGMA {pragma}").fetchone() == (value,)


@pytest.mark.parametrize(
    ("setting", "on_the_hot_path", "looking_over"),
    [
        ("fsync", "on", "on"),
        ("synchronous_commit", "on", "on"),
        ("session_replication_role", "origin", "origin"),
        ("lock_timeout", "1s", "1s"),
        ("idle_in_transaction_session_timeout", "10s", "10s"),
        ("statement_timeout", "10s", "0"),
        ("enable_seqscan", "off", "on"),
        ("enable_hashjoin", "off", "on"),
        ("enable_mergejoin", "off", "on"),
        ("jit", "off", "off"),
        ("application_name", "giftcard", "giftcard"),
    ],
)
def test_a_session_of_a_server_is_durable_and_gives_up_in_time(
    server_url: DatabaseUrl, setting: str, on_the_hot_path: str, looking_over: str
) -> None:
    for open_it, value in ((connect, on_the_hot_path), (connect_to_look_over, looking_over)):
        assert shown(open_it, server_url.location, setting) == value


@pytest.mark.parametrize(
    ("setting", "query", "value"),
    [
        ("lock_timeout", "options=-c%20lock_timeout%3D5s", "5s"),
        ("statement_timeout", "options=-c%20lock_timeout%3D5s", "10s"),
        ("synchronous_commit", "options=-csynchronous_commit%3Dremote_apply", "remote_apply"),
        ("application_name", "application_name=books", "books"),
    ],
)
def test_settings_in_the_url_of_a_server_win(
    server_url: DatabaseUrl, setting: str, query: str, value: str
) -> None:
    assert shown(connect, f"{server_url.location}?{query}", setting) == value


def shown(open_it: Callable[[DatabaseUrl], Database], url: str, setting: str) -> str:
    with closing(open_it(DatabaseUrl.parse(url))) as connection:
        value: str = connection.execute_sql(f"SHOW {setting}").fetchone()[0]
    return value
