"""Tamperings with a database, and for each the invariant that detects it.

`{used}` and the like stand for cards of `play_everything`; see `PLACES`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from peewee import Database

from giftcard_storage.audit import LIABILITY
from giftcard_storage.engines import POSTGRESQL, SQLITE, engine_of
from giftcard_storage.engines.engine import Engine
from given.databases.event_tamperings import EVENT_TAMPERINGS

PLACES: Final = {
    # The card that was captured in part and refunded in parts, and the first one that came back.
    "used": "(SELECT card_id FROM purchase WHERE order_id = 'purchase-used')",
    "back": "(SELECT MIN(card_id) FROM card WHERE refund_order_id = 'order-used')",
    "active": (
        "(SELECT MIN(card_id) FROM card"
        " WHERE state = 'ACTIVE' AND origin = 'PURCHASE' AND NOT blocked AND card_id NOT IN"
        " (SELECT card_id FROM event WHERE type = 'CARD_BLOCKED'"
        " UNION ALL SELECT card_id FROM new_event WHERE type = 'CARD_BLOCKED'))"
    ),
    "cancelled": "(SELECT MIN(card_id) FROM card WHERE state = 'CANCELLED')",
    "held": "(SELECT card_id FROM card WHERE state = 'HELD')",
    "hold": "(SELECT hold_id FROM card WHERE state = 'HELD')",
    "owed": "(SELECT MIN(card_id) FROM refund_due WHERE authorization_id IS NOT NULL)",
    # A table whose name is a word of SQL itself.
    "authorization": '"authorization"',
}

TAMPERINGS: Final[dict[str, tuple[str, ...]]] = {
    "posting_moves_as_its_kind": (
        "UPDATE posting SET destination = 'SETTLED' WHERE kind = 'ISSUE'",
        "UPDATE posting SET source = 'HELD' WHERE kind = 'REFUND'",
        "UPDATE posting SET kind = 'GIFT' WHERE kind = 'FORFEIT'",
        "UPDATE posting SET to_card_id = NULL WHERE kind = 'REISSUE'",
        "UPDATE posting SET to_card_id = card_id WHERE kind = 'REFUND'",
        "UPDATE posting SET to_card_id = {back} WHERE kind = 'LAPSE'",
        "UPDATE posting SET authorization_id = NULL WHERE kind = 'LAPSE'",
        "UPDATE posting SET authorization_id = {hold} WHERE kind = 'ISSUE'",
    ),
    "posting_has_its_card_and_version": (
        "UPDATE card SET version = 1 WHERE card_id = {used}",
        "DELETE FROM card WHERE card_id = {used}",
        "UPDATE posting SET version = 0 WHERE version = 1",
    ),
    "posting_is_for_an_authorization_of_its_card": (
        "UPDATE posting SET authorization_id = {hold} WHERE kind = 'CAPTURE'",
        "DELETE FROM {authorization}",
    ),
    "posting_leads_to_the_card_that_replaces": (
        "UPDATE posting SET to_card_id = {active} WHERE kind = 'REISSUE'",
        "UPDATE posting SET to_card_id = 'no card' WHERE kind = 'REISSUE'",
        "UPDATE card SET authorization_id = {hold} WHERE card_id = {back}",
    ),
    "account_is_never_negative": (
        # The end is right, but in between an account was negative.
        "UPDATE posting SET version = version + 100 WHERE card_id = {held} AND kind = 'ISSUE'",
        "UPDATE posting SET version = version + 100 WHERE card_id = {used} AND kind = 'AUTHORIZE'",
        "UPDATE posting SET version = version + 100 WHERE card_id = {used} AND kind = 'CAPTURE'",
    ),
    "card_begins_with_its_first_posting": (
        "UPDATE card SET initial_minor = initial_minor + 1 WHERE card_id = {active}",
        "UPDATE card SET initial_minor = initial_minor - 1 WHERE card_id = {back}",
        "UPDATE posting SET ordinal = 7 WHERE card_id = {active}",
    ),
    "card_is_the_sum_of_its_postings": (
        "UPDATE card SET balance_minor = balance_minor + 1 WHERE card_id = {active}",
        "UPDATE card SET held_minor = held_minor - 1 WHERE state = 'HELD'",
        "DELETE FROM posting WHERE card_id = {active}",
    ),
    "card_state_follows_from_its_postings": (
        "UPDATE card SET state = 'CANCELLED' WHERE card_id = {used}",
        "UPDATE card SET state = 'EXPIRED' WHERE card_id = {active}",
        "UPDATE card SET state = 'ACTIVE' WHERE card_id = {held}",
        "UPDATE posting SET kind = 'EXPIRE' WHERE kind = 'REINSTATE'",
        "UPDATE posting SET kind = 'FORFEIT' WHERE kind = 'CHARGE_BACK'",
        (
            "INSERT INTO posting SELECT card_id, version, 9, 'EXPIRE', 'CARD', 'BREAKAGE', 1,"
            " NULL, NULL, posted_at FROM posting WHERE kind = 'CANCEL'"
        ),
    ),
    "card_is_worth_what_its_state_says": (
        "UPDATE card SET balance_minor = balance_minor - 1 WHERE card_id = {active}",
        "UPDATE card SET balance_minor = 1 WHERE card_id = {cancelled}",
        "UPDATE card SET hold_id = NULL WHERE state = 'HELD'",
        (
            "UPDATE card SET balance_minor = balance_minor + held_minor, held_minor = 0 WHERE"
            " state = 'HELD'"
        ),
    ),
    "settled_is_what_was_captured_and_not_refunded": (
        "UPDATE {authorization} SET refunded_minor = 0 WHERE refunded_minor > 0",
        "DELETE FROM posting WHERE kind = 'REFUND'",
    ),
    "authorization_is_the_sum_of_its_postings": (
        "UPDATE {authorization} SET authorized_minor = 1 WHERE authorization_id = {hold}",
        "UPDATE {authorization} SET captured_minor = captured_minor - 1 WHERE captured_minor > 0",
        "UPDATE {authorization} SET forfeited_minor = 1 WHERE state = 'CAPTURED'",
        "UPDATE {authorization} SET restored_minor = 0 WHERE restored_minor > 0",
        "DELETE FROM posting WHERE kind = 'RESTORE'",
        "UPDATE {authorization} SET state = 'LAPSED' WHERE state = 'RELEASED'",
    ),
    "authorization_is_opened_once_and_closed_once": (
        (
            "INSERT INTO posting SELECT card_id, version + 50, ordinal, kind, source, destination,"
            " 1, authorization_id, to_card_id, posted_at FROM posting WHERE kind = 'CAPTURE'"
        ),
        "DELETE FROM posting WHERE kind = 'AUTHORIZE'",
        "UPDATE {authorization} SET state = 'RELEASED' WHERE authorization_id = {hold}",
    ),
    "authorization_is_of_the_market_of_its_card": (
        "UPDATE {authorization} SET market = 'de'",
        "UPDATE {authorization} SET currency = 'CHF'",
        "DELETE FROM card WHERE card_id = {held}",
    ),
    "hold_is_an_open_authorization": (
        "UPDATE card SET hold_id = 'none' WHERE state = 'HELD'",
        "UPDATE {authorization} SET state = 'LAPSED' WHERE authorization_id = {hold}",
        "UPDATE {authorization} SET card_id = {active} WHERE authorization_id = {hold}",
        "UPDATE {authorization} SET authorized_minor = 1 WHERE authorization_id = {hold}",
    ),
    "open_authorization_is_the_hold_of_its_card": (
        "UPDATE {authorization} SET state = 'OPEN' WHERE state = 'RELEASED'",
        "UPDATE card SET hold_id = 'none' WHERE state = 'HELD'",
    ),
    "order_has_one_live_card": (
        "UPDATE {authorization} SET order_id = 'order-1', market = 'fr' WHERE state = 'CAPTURED'",
    ),
    "purchase_has_one_card": ("UPDATE purchase SET order_id = 'purchase-1'",),
    "purchase_reference_is_of_the_purchase_of_its_card": (
        "UPDATE purchase_reference SET card_id = {back} WHERE card_id = {used}",
        "UPDATE purchase_reference SET payment_reference = 'other' WHERE card_id = {used}",
        "DELETE FROM purchase WHERE card_id = {used}",
    ),
    "bought_card_has_its_purchase": (
        "DELETE FROM purchase WHERE card_id = {used}",
        "UPDATE purchase SET card_id = {back} WHERE card_id = {used}",
        "UPDATE purchase SET market = 'de'",
    ),
    "replacement_names_what_it_replaces": (
        "UPDATE card SET replaces_card_id = {active} WHERE card_id = {back}",
        "UPDATE card SET refund_order_id = 'another' WHERE card_id = {back}",
        "UPDATE card SET replaces_card_id = {back} WHERE card_id = {active}",
        "UPDATE card SET currency = 'CHF' WHERE card_id = {back}",
    ),
    "card_has_its_request": (
        "DELETE FROM request WHERE method = 'Issue'",
        "DELETE FROM request WHERE method = 'Capture'",
        "UPDATE request SET reason = 'CARD_HELD' WHERE method = 'Reverse'",
    ),
    "authorization_has_its_request": (
        "DELETE FROM request WHERE method = 'Authorize'",
        "UPDATE request SET authorization_id = NULL WHERE authorization_id = {hold}",
    ),
    "request_has_its_authorization": (
        "DELETE FROM {authorization} WHERE authorization_id = {hold}",
        "UPDATE request SET authorization_id = NULL WHERE authorization_id = {hold}",
    ),
    "card_lives_under_noted_terms": (
        "UPDATE card SET terms_from = '2020-01-01' WHERE card_id = {active}",
    ),
    "replacement_lives_under_the_terms_of_its_purchase": (
        "UPDATE card SET terms_from = '2020-01-01' WHERE card_id = {back}",
        "UPDATE card SET terms_from = '2020-01-01' WHERE card_id = {used}",
    ),
    "only_a_blocked_card_has_a_time_of_its_block": (
        "UPDATE card SET blocked_at = 1 WHERE card_id = {active}",
        "UPDATE card SET blocked = FALSE WHERE blocked",
    ),
    "authorization_says_of_its_capture_what_its_posting_says": (
        "UPDATE {authorization} SET captured_at = captured_at + 1 WHERE captured_at > 0",
        "UPDATE {authorization} SET captured_at = 1 WHERE authorization_id = {hold}",
        "UPDATE {authorization} SET other_tender_minor = 0 WHERE authorization_id = {hold}",
        "UPDATE {authorization} SET refunded_for = 'TECHNICAL' WHERE state = 'RELEASED'",
    ),
    "other_tenders_give_back_no_more_than_they_took": (
        "UPDATE {authorization} SET other_tender_minor = 0 WHERE refunded_other_minor > 0",
    ),
    "what_was_lost_comes_back_whole_with_the_whole_order": (
        "UPDATE {authorization} SET restored_minor = restored_minor - 1 WHERE restored_minor > 0",
        "UPDATE {authorization} SET refunded_minor = 0 WHERE restored_minor > 0",
        "UPDATE {authorization} SET refunded_for = 'OTHER' WHERE restored_minor > 0",
    ),
    "payment_reference_of_a_purchase_is_noted": (
        "DELETE FROM purchase_reference WHERE card_id = {used}",
        "UPDATE purchase_reference SET market = 'de' WHERE card_id = {used}",
    ),
    "cancelled_purchase_is_due": (
        "DELETE FROM refund_due WHERE authorization_id IS NULL",
        "UPDATE refund_due SET due_minor = due_minor + 1 WHERE authorization_id IS NULL",
        "UPDATE posting SET kind = 'CANCEL' WHERE kind = 'CHARGE_BACK'",
    ),
    "refund_to_other_tenders_is_due": (
        "UPDATE {authorization} SET refunded_other_minor = 1 WHERE refunded_other_minor > 0",
        "DELETE FROM refund_due WHERE authorization_id IS NOT NULL",
        "UPDATE refund_due SET authorization_id = {hold} WHERE card_id = {owed}",
    ),
    "refund_due_is_of_its_card_and_order": (
        "UPDATE refund_due SET market = 'be'",
        "UPDATE refund_due SET currency = 'CHF'",
        "UPDATE refund_due SET order_id = 'another'",
        "DELETE FROM {authorization} WHERE refunded_other_minor > 0",
    ),
    "confirmed_refund_is_the_sum_of_its_confirmations": (
        "UPDATE refund_due SET confirmed_minor = confirmed_minor - 1 WHERE confirmed_minor > 0",
        "UPDATE refund_confirmation SET amount_minor = amount_minor + 1",
        "DELETE FROM refund_confirmation",
    ),
    "confirmation_has_its_refund_due_and_version": (
        "UPDATE refund_confirmation SET version = version + 100",
        "DELETE FROM refund_due WHERE confirmed_minor > 0",
    ),
    "refund_paid_is_what_was_confirmed": (
        "UPDATE posting SET amount_minor = amount_minor + 1 WHERE kind = 'REFUND_PAID'",
        "DELETE FROM refund_confirmation",
    ),
    "confirmation_of_a_cancelled_purchase_has_its_posting": (
        "DELETE FROM posting WHERE kind = 'REFUND_PAID'",
        "UPDATE posting SET kind = 'CANCEL' WHERE kind = 'REFUND_PAID'",
    ),
    LIABILITY: (
        "UPDATE card SET balance_minor = balance_minor + 1 WHERE card_id = {active}",
        "DELETE FROM posting WHERE kind = 'CANCEL'",
        "UPDATE posting SET amount_minor = amount_minor + 1 WHERE kind = 'EXPIRE'",
        "DELETE FROM posting WHERE kind = 'RESTORE'",
        "DELETE FROM posting WHERE kind = 'REINSTATE'",
        "DELETE FROM posting WHERE kind = 'CHARGE_BACK'",
    ),
} | EVENT_TAMPERINGS


# By engine: the statements that switch constraints off, and the query that finds those that
# drop the rest. A session of PostgreSQL that replays another server's changes checks little.
WAYS: Final[dict[Engine, tuple[tuple[str, ...], str]]] = {
    SQLITE: (
        ("PRAGMA defer_foreign_keys = ON", "PRAGMA ignore_check_constraints = ON"),
        """
        SELECT 'DROP ' || type || ' ' || name FROM sqlite_schema
        WHERE type = 'trigger' OR name IN ('order_has_one_live_card', 'purchase_has_one_card')
        """,
    ),
    POSTGRESQL: (
        ("SET LOCAL session_replication_role = replica",),
        """
        SELECT 'ALTER TABLE ' || conrelid::regclass || ' DROP CONSTRAINT ' || conname
        FROM pg_constraint
        WHERE contype = 'c' AND connamespace = current_schema()::regnamespace
        UNION ALL VALUES ('DROP INDEX order_has_one_live_card'),
                         ('DROP INDEX purchase_has_one_card')
        """,
    ),
}


@contextmanager
def open_way(database: Database) -> Iterator[None]:
    """Remove all constraints but types and keys inside.

    In the end everything is rolled back, the changes made inside as well.
    """
    switches, in_the_way = WAYS[engine_of(database)]
    with database.atomic() as transaction:
        for statement in switches:
            database.execute_sql(statement)
        for (statement,) in database.execute_sql(in_the_way).fetchall():
            database.execute_sql(statement)
        yield
        transaction.rollback()


def tamper(database: Database, statement: str) -> int:
    """Run a statement that no path of this project can run; return how many rows it changed."""
    hit: int = database.execute_sql(statement.format(**PLACES)).rowcount
    return hit
