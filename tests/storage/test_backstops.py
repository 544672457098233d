"""The database refuses what no path of this project does: every constraint is reached once."""

import re

import pytest
from peewee import Database, IntegrityError

from giftcard_storage.schema import TABLES
from stored_books import StoredBooks, play_everything

# Every CHECK of the tables, and a statement that only it refuses.
CHECKS = {
    "card_origin": "UPDATE card SET origin = 'GIFT'",
    "card_state": "UPDATE card SET state = 'BLOCKED' WHERE state = 'EXPIRED'",
    "card_initial_is_positive": (
        "UPDATE card SET initial_minor = 0 WHERE balance_minor = 0 AND held_minor = 0"
    ),
    "card_balance_is_not_negative": "UPDATE card SET balance_minor = -1 WHERE state = 'HELD'",
    "card_held_is_not_negative": (
        "UPDATE card SET held_minor = -1, balance_minor = 0 WHERE state = 'ACTIVE'"
    ),
    "card_is_not_topped_up": (
        "UPDATE card SET balance_minor = initial_minor + 1 WHERE state = 'ACTIVE'"
    ),
    "card_held_by_a_hold": "UPDATE card SET hold_id = NULL WHERE state = 'HELD'",
    "card_held_has_money_set_aside": "UPDATE card SET held_minor = 0 WHERE state = 'HELD'",
    "card_in_a_final_state_is_empty": "UPDATE card SET balance_minor = 1 WHERE state = 'REDEEMED'",
    "card_version_is_positive": "UPDATE card SET version = 0",
    "authorization_state": "UPDATE authorization SET state = 'VOID' WHERE state = 'RELEASED'",
    "authorization_is_within_the_order": (
        "UPDATE authorization SET order_total_minor = authorized_minor - 1"
        " WHERE refunded_other_minor = 0"
    ),
    "authorization_forfeits_no_less_than_nothing": "UPDATE authorization SET forfeited_minor = -1",
    "authorization_captures_no_more_than_authorized": (
        "UPDATE authorization SET captured_minor = authorized_minor + 1 WHERE state = 'CAPTURED'"
    ),
    "authorization_refunds_no_more_than_captured": (
        "UPDATE authorization SET refunded_minor = captured_minor + 1"
    ),
    "authorization_refunds_no_more_than_others_paid": (
        "UPDATE authorization SET refunded_other_minor = order_total_minor - authorized_minor + 1"
    ),
    "authorization_captured_money": (
        "UPDATE authorization SET captured_minor = 1 WHERE state = 'OPEN'"
    ),
    "posting_moves_money": (
        "INSERT INTO posting SELECT card_id, version, 9, kind, source, destination, 0,"
        " authorization_id, to_card_id, posted_at FROM posting WHERE kind = 'ISSUE'"
    ),
    "posting_goes_somewhere": (
        "INSERT INTO posting SELECT card_id, version, 9, kind, source, source, amount_minor,"
        " authorization_id, to_card_id, posted_at FROM posting WHERE kind = 'ISSUE'"
    ),
    "person_role": "UPDATE person SET role = 'STRANGER'",
}

# Every unique index, with its columns, and a statement that it refuses.
UNIQUE = {
    # R10
    "purchase.order_id, purchase.market": "UPDATE purchase SET order_id = '1', market = 'fr'",
    # R13
    "authorization.order_id, authorization.market": (
        "UPDATE authorization SET order_id = '1', market = 'fr' WHERE state = 'CAPTURED'"
    ),
    "card.card_id": "INSERT INTO card SELECT * FROM card",
    "authorization.authorization_id": (
        "INSERT INTO authorization SELECT * FROM authorization WHERE state = 'RELEASED'"
    ),
    "posting.card_id, posting.version, posting.ordinal": (
        "INSERT INTO posting SELECT * FROM posting"
    ),
    "purchase.card_id": (
        "INSERT INTO purchase SELECT card_id, market, order_id || '2', payment_method,"
        " payment_reference, design FROM purchase"
    ),
    "request.request_id, request.caller": "INSERT INTO request SELECT * FROM request",
    "person.card_id, person.role, person.authorization_id": (
        "INSERT INTO person SELECT * FROM person"
    ),
}

TRIGGERS = {
    "posting_is_append_only_update": "UPDATE posting SET amount_minor = 1",
    "posting_is_append_only_delete": "DELETE FROM posting",
    "request_is_append_only_update": "UPDATE request SET reason = NULL",
    "request_is_append_only_delete": "DELETE FROM request",
}

FOREIGN_KEYS = {
    ("authorization", "card_id", "card"): "UPDATE authorization SET card_id = 'no card'",
    ("posting", "card_id", "card"): (
        "INSERT INTO posting SELECT 'no card', version, ordinal, kind, source, destination,"
        " amount_minor, authorization_id, to_card_id, posted_at FROM posting WHERE kind = 'ISSUE'"
        " LIMIT 1"
    ),
    ("posting", "to_card_id", "card"): (
        "INSERT INTO posting SELECT card_id, version, 9, kind, source, destination,"
        " amount_minor, authorization_id, 'no card', posted_at FROM posting WHERE kind = 'REFUND'"
    ),
    ("purchase", "card_id", "card"): (
        "INSERT INTO purchase VALUES ('no card', 'fr', 'order', 'BANK_CARD', 'ref', 'classic')"
    ),
    ("person", "card_id", "card"): (
        "INSERT INTO person VALUES ('no card', 'RECIPIENT', '', 'name', 'e@mail', '', '')"
    ),
}

# STRICT: a column takes its own type alone; and what must be there must.
TYPES = {
    "REAL value in INTEGER column": "UPDATE card SET balance_minor = 0.5",
    "TEXT value in INTEGER column": "UPDATE card SET expires_at = 'tomorrow'",
    "BLOB value in TEXT column": "UPDATE person SET name = x'00'",
    "NOT NULL constraint failed": "UPDATE card SET currency = NULL",
}


@pytest.fixture
def full(books: StoredBooks, database: Database) -> Database:
    """A database in which every state and kind stands."""
    play_everything(books)
    return database


def schema(database: Database) -> list[str]:
    rows = database.execute_sql("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL").fetchall()
    return [sql for (sql,) in rows]


def refused(database: Database, statement: str) -> str:
    with pytest.raises(IntegrityError) as error:
        database.execute_sql(statement)
    return str(error.value)


@pytest.mark.parametrize("name", CHECKS)
def test_a_check_refuses(full: Database, name: str) -> None:
    assert f"CHECK constraint failed: {name}" in refused(full, CHECKS[name])


@pytest.mark.parametrize("columns", UNIQUE)
def test_r10_r13_and_every_other_unique_index_refuses(full: Database, columns: str) -> None:
    assert f"UNIQUE constraint failed: {columns} " in refused(full, UNIQUE[columns])


@pytest.mark.parametrize("name", TRIGGERS)
def test_the_ledger_and_the_records_are_append_only(full: Database, name: str) -> None:
    table = name.partition("_")[0]
    assert f"{table} is append-only" in refused(full, TRIGGERS[name])


def test_a_posting_cannot_be_replaced_either(full: Database) -> None:
    replaced = "INSERT OR REPLACE INTO posting SELECT * FROM posting"
    assert "posting is append-only" in refused(full, replaced)


@pytest.mark.parametrize("key", FOREIGN_KEYS, ids=" ".join)
def test_a_foreign_key_refuses(full: Database, key: tuple[str, str, str]) -> None:
    assert "FOREIGN KEY constraint failed" in refused(full, FOREIGN_KEYS[key])


@pytest.mark.parametrize("why", TYPES)
def test_a_column_takes_its_own_type_alone(full: Database, why: str) -> None:
    assert why in refused(full, TYPES[why]).replace("cannot store ", "")


def test_every_check_has_been_reached(database: Database) -> None:
    named = {name for sql in schema(database) for name in re.findall(r'"(\w+)" CHECK', sql)}
    assert named == CHECKS.keys()


def test_every_unique_index_has_been_reached(database: Database) -> None:
    found = set()
    for model in TABLES:
        table = model._meta.table_name
        for row in database.execute_sql(f'PRAGMA index_list("{table}")').fetchall():
            name, unique = row[1], row[2]
            if unique:
                columns = database.execute_sql(f'PRAGMA index_info("{name}")').fetchall()
                found.add(", ".join(f"{table}.{column}" for _, _, column in columns))
    assert found == UNIQUE.keys()


def test_every_trigger_has_been_reached(database: Database) -> None:
    rows = database.execute_sql("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall()
    assert {name for (name,) in rows} == TRIGGERS.keys()


def test_every_foreign_key_has_been_reached(database: Database) -> None:
    found = {
        (model._meta.table_name, key.column, key.dest_table)
        for model in TABLES
        for key in database.get_foreign_keys(model._meta.table_name)
    }
    assert found == FOREIGN_KEYS.keys()
