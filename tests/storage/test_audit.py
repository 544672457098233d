"""The audit finds nothing in a sound database, and every broken invariant in others."""

from contextlib import closing
from datetime import timedelta

import pytest
from peewee import Database

from giftcard_rules.commands import CatchUp
from giftcard_storage.audit import (
    ALL_INVARIANTS,
    LIABILITY,
    LISTED,
    Difference,
    Totals,
    audit,
    totals,
)
from giftcard_storage.database import DatabaseUrl, connect_to_look_over
from giftcard_storage.invariants import INVARIANTS
from giftcard_storage.schema import TABLES
from giftcard_storage.store import Store
from giftcard_storage.walks.relations import WALKS, Range, sliced, statements_of
from given.databases.stored_books import StoredBooks, play_everything
from given.databases.tamperings import TAMPERINGS, open_way, tamper
from given.made_facts import Books, cancel, order


def test_a_new_database_is_sound(database: Database) -> None:
    assert audit(database) == []
    assert totals(database) == []


def test_a_database_in_which_everything_happened_is_sound(played: Database) -> None:
    assert audit(played) == []
    assert audit(played, keys=1) == []


@pytest.mark.parametrize(
    ("invariant", "statement"),
    [
        pytest.param(invariant, statement, id=f"{invariant}: {statement}")
        for invariant, statements in TAMPERINGS.items()
        for statement in statements
    ],
)
def test_tampering_is_found(played: Database, invariant: str, statement: str) -> None:
    with open_way(played):
        assert tamper(played, statement) > 0
        assert invariant in {difference.invariant for difference in audit(played, keys=8)}


def test_every_invariant_has_been_broken() -> None:
    assert TAMPERINGS.keys() == set(ALL_INVARIANTS)


def test_a_difference_says_what_was_expected_and_what_was_found(
    books: StoredBooks, database: Database
) -> None:
    card = books.bought(50_00)
    with open_way(database):
        tamper(database, "UPDATE card SET balance_minor = 4900")
        differences = audit(database)
    assert differences == [
        Difference(
            "card_is_the_sum_of_its_postings",
            f"card {card.card_id}",
            "balance 5000, held 0",
            "balance 4900, held 0",
            1,
        ),
        Difference(
            "card_is_worth_what_its_state_says",
            f"card {card.card_id}",
            "5000 in all",
            "balance 4900, held 0",
            1,
        ),
        Difference(LIABILITY, "fr EUR", "5000", "4900", 1),
    ]


def test_many_differences_are_counted_and_some_are_listed(
    books: StoredBooks, database: Database
) -> None:
    for _ in range(LISTED + 3):
        books.bought()
    with open_way(database):
        tamper(database, "UPDATE card SET version = 0")
        found = audit(database)
    of_postings = "posting_has_its_card_and_version"
    differences = [each for each in found if each.invariant == of_postings]
    assert len(differences) == LISTED
    assert {difference.in_all for difference in differences} == {LISTED + 3}


def test_totals_are_those_of_the_contract(books: StoredBooks, database: Database) -> None:
    books.bought(20_00)
    books.decide(cancel(books.bought(25_00)))
    paid = books.captured(books.authorized(books.bought(50_00), order(40_00)), 30_00).authorization
    books.reversed(paid, 12_00)
    books.bought(100_00, market="be")
    assert totals(database) == [
        Totals("be", "EUR", 100_00, 0, 0, 0, 0, 0, 0, 0, 0, 0, 100_00),
        Totals("fr", "EUR", 95_00, 12_00, 0, 0, 30_00, 10_00, 0, 25_00, 0, 0, 42_00),
    ]
    assert [each.owed_minor for each in totals(database)] == [100_00, 42_00]
    books.wait(timedelta(days=200))
    expire_all(books)
    assert totals(database)[1] == Totals(
        "fr", "EUR", 95_00, 12_00, 0, 0, 30_00, 10_00, 42_00, 25_00, 0, 0, 0
    )


def expire_all(books: StoredBooks) -> None:
    for card in list(books.facts.cards.values()):
        books.decide(CatchUp(card.card_id))


def test_an_audit_sees_one_state_and_blocks_no_writer(
    books: StoredBooks, any_url: DatabaseUrl
) -> None:
    books.bought(20_00)
    with closing(connect_to_look_over(any_url)) as looking:
        with Store(looking).snapshot():
            before = totals(looking)
            books.bought(30_00)  # It would fail at once if it had to wait for the audit.
            assert totals(looking) == before
            assert audit(looking) == []
        assert totals(looking) != before


# Not on PostgreSQL: its plans depend on the number of rows.
def test_a_slice_reads_no_whole_table(embedded: Database) -> None:
    # Tables of one row, and one that no invariant reads, whose letter a subquery has.
    tables = {table._meta.table_name for table in TABLES} - {"event_removal", "mail_position"}
    # SQLite names a scan by the alias, which is the first letter of its table's name.
    read = {f"SCAN {name}" for table in tables for name in (table, table[0])}
    for invariant in INVARIANTS:
        for walk in WALKS:
            if driven := statements_of(walk).get(invariant):
                statement, bounds = sliced(driven, Range("1", "2"), "?")
                plan = embedded.execute_sql(f"EXPLAIN QUERY PLAN {statement}", bounds).fetchall()
                steps = [step for *_, step in plan]
                assert bounds, invariant
                assert not [each for each in steps if "AUTOMATIC" in each], invariant
                assert not read.intersection(steps), invariant


def test_the_plain_books_and_the_stored_ones_agree(books: StoredBooks) -> None:
    plain = Books()
    play_everything(plain)
    play_everything(books)
    states = [
        sorted(card.state.value for card in each.facts.cards.values()) for each in (plain, books)
    ]
    assert states[0] == states[1]
