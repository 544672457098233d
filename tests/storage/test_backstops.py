"""The database refuses what no path of this project does: a test reaches every constraint."""

import pytest
from peewee import Database, DatabaseError

from giftcard_storage.engines import POSTGRESQL, SQLITE, engine_of
from given.databases.act_backstops import (
    ACT_CHECKS,
    ACT_EMPTYING,
    ACT_FOREIGN_KEYS,
    ACT_TRIGGERS,
    ACT_UNIQUE,
)
from given.databases.constraints import checks, foreign_keys, refusal, triggers, unique_indexes
from given.databases.delivery_backstops import DELIVERY_CHECKS, DELIVERY_UNIQUE
from given.databases.event_backstops import (
    EVENT_CHECKS,
    EVENT_EMPTYING,
    EVENT_TRIGGERS,
    EVENT_UNIQUE,
)
from given.databases.switch_backstops import SWITCH_CHECKS, SWITCH_UNIQUE
from given.databases.tamperings import PLACES
from given.databases.walk_backstops import WALK_CHECKS, WALK_UNIQUE

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
    "authorization_state": "UPDATE {authorization} SET state = 'VOID' WHERE state = 'RELEASED'",
    "authorization_is_within_the_order": (
        "UPDATE {authorization} SET order_total_minor = authorized_minor - 1"
        " WHERE refunded_other_minor = 0 AND other_tender_minor IS NULL"
    ),
    "authorization_forfeits_no_less_than_nothing": (
        "UPDATE {authorization} SET forfeited_minor = -1"
    ),
    "authorization_captures_no_more_than_authorized": (
        "UPDATE {authorization} SET captured_minor = authorized_minor + 1 WHERE state = 'CAPTURED'"
    ),
    "authorization_refunds_no_more_than_captured": (
        "UPDATE {authorization} SET refunded_minor = captured_minor + 1"
    ),
    "authorization_refunds_no_more_than_others_paid": (
        "UPDATE {authorization} SET refunded_other_minor = order_total_minor - authorized_minor + 1"
    ),
    "authorization_captured_money": (
        "UPDATE {authorization} SET captured_minor = 1 WHERE state = 'OPEN'"
    ),
    "authorization_others_took_no_more_than_was_due": (
        "UPDATE {authorization} SET other_tender_minor = order_total_minor - authorized_minor + 1"
    ),
    "authorization_restores_no_more_than_was_lost": (
        "UPDATE {authorization} SET restored_minor = forfeited_minor + 1"
    ),
    "authorization_refunded_for": "UPDATE {authorization} SET refunded_for = 'FUN'",
    "clock_mark_is_a_time": "INSERT INTO clock_mark VALUES ('server', 0)",
    "posting_moves_money": (
        "INSERT INTO posting SELECT card_id, version, 9, kind, source, destination, 0,"
        " authorization_id, to_card_id, posted_at FROM posting WHERE kind = 'ISSUE'"
    ),
    "posting_goes_somewhere": (
        "INSERT INTO posting SELECT card_id, version, 9, kind, source, source, amount_minor,"
        " authorization_id, to_card_id, posted_at FROM posting WHERE kind = 'ISSUE'"
    ),
    "data_key_is_wrapped": "UPDATE data_key SET wrapped = substr(wrapped, 1, 32)",
    "person_role": "UPDATE person SET role = 'STRANGER'",
    "person_is_sealed": "UPDATE person SET sealed = substr(sealed, 1, 128)",
    "refund_due_is_money": "UPDATE refund_due SET due_minor = 0, confirmed_minor = 0",
    # Nobody has to change what is due to get there: a confirmation of more is enough.
    "refund_confirmed_is_no_more_than_due": (
        "INSERT INTO refund_confirmation"
        " SELECT card_id, 99, due_minor - confirmed_minor + 1, 'reference', 1 FROM refund_due"
    ),
    "refund_confirmation_is_money": (
        "INSERT INTO refund_confirmation SELECT card_id, 99, 0, 'reference', 1 FROM refund_due"
    ),
    **EVENT_CHECKS,
    **SWITCH_CHECKS,
    **DELIVERY_CHECKS,
    **ACT_CHECKS,
    **WALK_CHECKS,
}

# Every unique index, with its columns, and a statement that it refuses.
UNIQUE = {
    # R10
    "purchase.order_id, purchase.market": "UPDATE purchase SET order_id = '1', market = 'fr'",
    # R13
    "authorization.order_id, authorization.market": (
        "UPDATE {authorization} SET order_id = '1', market = 'fr' WHERE state = 'CAPTURED'"
    ),
    "card.card_id": "INSERT INTO card SELECT * FROM card",
    "authorization.authorization_id": (
        "INSERT INTO {authorization} SELECT * FROM {authorization} WHERE state = 'RELEASED'"
    ),
    "posting.card_id, posting.version, posting.ordinal": (
        "INSERT INTO posting SELECT * FROM posting"
    ),
    "purchase.card_id": (
        "INSERT INTO purchase SELECT card_id, market, order_id || '2', payment_method,"
        " payment_reference, design, deliver_on FROM purchase"
    ),
    "purchase_reference.payment_reference, purchase_reference.market": (
        "INSERT INTO purchase_reference SELECT * FROM purchase_reference"
    ),
    "terms_version.market, terms_version.in_force_from": (
        "INSERT INTO terms_version VALUES ('fr', '', '1'), ('fr', '', '2')"
    ),
    "clock_mark.server_id": "INSERT INTO clock_mark VALUES ('server', 1), ('server', 2)",
    "request.request_id, request.caller": "INSERT INTO request SELECT * FROM request",
    "ring_key_in_use.key_id": "INSERT INTO ring_key_in_use VALUES ('1'), ('1')",
    "schema_fence.migration": "INSERT INTO schema_fence VALUES ('1'), ('1')",
    "data_key.card_id, data_key.data_key_id": "INSERT INTO data_key SELECT * FROM data_key",
    "person.card_id, person.role, person.authorization_id": (
        "INSERT INTO person SELECT * FROM person"
    ),
    "refund_due.card_id": (
        "INSERT INTO refund_due SELECT card_id, NULL, market, currency, order_id, due_minor, 0,"
        " due_at, NULL, NULL FROM refund_due"
    ),
    "refund_due.authorization_id": (
        "INSERT INTO refund_due SELECT {active}, authorization_id, market, currency, order_id,"
        " due_minor, 0, due_at, NULL, NULL FROM refund_due WHERE card_id = {owed}"
    ),
    "refund_confirmation.card_id, refund_confirmation.version": (
        "INSERT INTO refund_confirmation SELECT * FROM refund_confirmation"
    ),
    **EVENT_UNIQUE,
    **SWITCH_UNIQUE,
    **DELIVERY_UNIQUE,
    **ACT_UNIQUE,
    **WALK_UNIQUE,
}

# Every trigger, and a statement that it refuses. PostgreSQL has one for TRUNCATE of its own.
TRIGGERS = {
    "posting_is_append_only_update": "UPDATE posting SET amount_minor = 1",
    "posting_is_append_only_delete": "DELETE FROM posting",
    "request_is_append_only_update": "UPDATE request SET reason = NULL",
    "request_is_append_only_delete": "DELETE FROM request",
    "refund_confirmation_is_append_only_update": "UPDATE refund_confirmation SET amount_minor = 1",
    "refund_confirmation_is_append_only_delete": "DELETE FROM refund_confirmation",
    **EVENT_TRIGGERS,
    **ACT_TRIGGERS,
}
EMPTYING = {
    "posting_is_append_only_truncate": "TRUNCATE posting",
    "request_is_append_only_truncate": "TRUNCATE request",
    "refund_confirmation_is_append_only_truncate": "TRUNCATE refund_confirmation",
    **EVENT_EMPTYING,
    **ACT_EMPTYING,
}
# Those that refuse nothing; `test_refunds.py` has what they do.
KEEPING = {
    "refund_due_of_a_cancelled_purchase",
    "refund_due_to_other_tenders",
    "refund_due_of_a_new_authorization",
    "refund_due_is_confirmed",
}
# `test_fences.py` has what it refuses.
FENCING = {SQLITE: set[str](), POSTGRESQL: {"card_changes_with_events"}}
TRIGGERS_OF = {SQLITE: TRIGGERS, POSTGRESQL: TRIGGERS | EMPTYING}

# Statements that would get around such triggers elsewhere.
AROUND = {
    SQLITE: {"INSERT OR REPLACE INTO posting SELECT * FROM posting"},
    POSTGRESQL: {
        (
            "INSERT INTO posting SELECT * FROM posting"
            " ON CONFLICT (card_id, version, ordinal) DO UPDATE SET amount_minor = 1"
        ),
        "TRUNCATE card CASCADE",
    },
}

FOREIGN_KEYS = {
    ("authorization", "card_id", "card"): "UPDATE {authorization} SET card_id = 'no card'",
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
        "INSERT INTO purchase"
        " VALUES ('no card', 'fr', 'order', 'BANK_CARD', 'ref', 'classic', NULL)"
    ),
    ("purchase_reference", "card_id", "card"): (
        "INSERT INTO purchase_reference VALUES ('fr', 'reference', 'no card')"
    ),
    ("data_key", "card_id", "card"): (
        "INSERT INTO data_key SELECT 'no card', data_key_id, key_id, wrapped, role, ''"
        " FROM data_key LIMIT 1"
    ),
    ("refund_due", "card_id", "card"): (
        "INSERT INTO refund_due VALUES ('no card', NULL, 'fr', 'EUR', 'order', 1, 0, 1, NULL, NULL)"
    ),
    ("refund_due", "authorization_id", "authorization"): (
        "UPDATE refund_due SET authorization_id = 'none' WHERE card_id = {owed}"
    ),
    ("refund_confirmation", "card_id", "refund_due"): (
        "INSERT INTO refund_confirmation VALUES ('no card', 2, 1, 'reference', 1)"
    ),
    **ACT_FOREIGN_KEYS,
    ("person", "card_id", "card"): (
        "INSERT INTO person SELECT 'no card', role, '', data_key_id, sealed, search_hash,"
        " search_key_id, restricted FROM person LIMIT 1"
    ),
}

# By engine: values of a wrong type, which files refuse too as their tables are STRICT; and a
# missing value.
TYPES = {
    SQLITE: {
        "REAL value in INTEGER column": "UPDATE card SET balance_minor = 0.5",
        "TEXT value in INTEGER column": "UPDATE card SET expires_at = 'tomorrow'",
        "BLOB value in TEXT column": "UPDATE person SET role = x'00'",
        "NOT NULL constraint failed": "UPDATE card SET currency = NULL",
    },
    POSTGRESQL: {
        'for type bigint: "0.5"': "UPDATE card SET balance_minor = '0.5'",
        'for type bigint: "tomorrow"': "UPDATE card SET expires_at = 'tomorrow'",
        '"answer" is of type bytea': "UPDATE request SET answer = 1",
        '"blocked" is of type boolean': "UPDATE card SET blocked = 1",
        "NOT NULL constraint failed": "UPDATE card SET currency = NULL",
    },
}


def refused(database: Database, statement: str) -> str:
    with pytest.raises(DatabaseError) as error:
        database.execute_sql(statement.format(**PLACES))
    return refusal(error.value)


def refused_apart(database: Database, statement: str) -> str:
    """Roll back after the refusal, which would end a transaction on PostgreSQL."""
    with database.atomic() as savepoint:
        why = refused(database, statement)
        savepoint.rollback()
    return why


@pytest.mark.parametrize("name", CHECKS)
def test_a_check_refuses(played: Database, name: str) -> None:
    assert f"CHECK constraint failed: {name}" in refused(played, CHECKS[name])


@pytest.mark.parametrize("columns", UNIQUE)
def test_r10_r13_and_every_other_unique_index_refuses(played: Database, columns: str) -> None:
    assert f"UNIQUE constraint failed: {columns} " in refused(played, UNIQUE[columns])


def test_the_ledger_and_the_records_are_append_only(played: Database) -> None:
    for name, statement in TRIGGERS_OF[engine_of(played)].items():
        table = name.partition("_is_append_only")[0]
        assert f"{table} is append-only" in refused_apart(played, statement)


def test_no_other_statement_changes_a_posting_either(played: Database) -> None:
    for statement in AROUND[engine_of(played)]:
        assert "posting is append-only" in refused_apart(played, statement)


@pytest.mark.parametrize("key", FOREIGN_KEYS, ids=" ".join)
def test_a_foreign_key_refuses(played: Database, key: tuple[str, str, str]) -> None:
    assert "FOREIGN KEY constraint failed" in refused(played, FOREIGN_KEYS[key])


def test_a_column_refuses_values_of_another_type(played: Database) -> None:
    for why, statement in TYPES[engine_of(played)].items():
        assert why in refused_apart(played, statement).replace("cannot store ", "")


def test_every_check_is_reached(played: Database) -> None:
    assert checks(played) == CHECKS.keys()


def test_every_unique_index_is_reached(played: Database) -> None:
    assert unique_indexes(played) == UNIQUE.keys()


def test_every_trigger_is_reached(played: Database) -> None:
    engine = engine_of(played)
    assert triggers(played) == TRIGGERS_OF[engine].keys() | KEEPING | FENCING[engine]


def test_every_foreign_key_is_reached(played: Database) -> None:
    assert foreign_keys(played) == FOREIGN_KEYS.keys()
