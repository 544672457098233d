"""Connections to PostgreSQL that are cut before, during, and at the end of a transaction."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress

import psycopg
import pytest
from peewee import Database

from giftcard_rules.decide import decide
from giftcard_rules.facts import Facts
from giftcard_storage.audit import audit, totals
from giftcard_storage.database import DatabaseUrl, close, connect
from giftcard_storage.errors import CommitLostError, StorageAwayError, translated
from giftcard_storage.overview import due, has_cards, holdings
from giftcard_storage.store import Store
from given.databases.cutting_proxy import Cut, CuttingProxy
from given.databases.postgresql_process import PostgresqlProcess
from given.databases.stored_books import StoredBooks, books_on
from given.made_facts import MARKETS, NOW, issue, order, validate

CUT = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@pytest.fixture
def cut(server_url: DatabaseUrl) -> Iterator[Callable[[], None]]:
    """Return a function that cuts every connection to the database but its own."""
    with closing(psycopg.connect(server_url.location, autocommit=True)) as other:
        yield lambda: assert_cut(other.execute(CUT.encode()).fetchall())


def assert_cut(found: list[tuple[bool]]) -> None:
    assert found == [(True,)]


@pytest.fixture
def served_books(served: Database) -> StoredBooks:
    """Books on a server."""
    return books_on(served)


def save_a_card(store: Store) -> None:
    store.save(store.load([]), [decide(issue(), Facts(), MARKETS, NOW)], [], NOW)


def cards_in(url: DatabaseUrl) -> int:
    with closing(connect(url)) as looking:
        count: int = looking.execute_sql("SELECT count(*) FROM card").fetchone()[0]
    return count


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        pytest.param(lambda books, _: books.bought().version, 1, id="a command"),
        pytest.param(lambda _, served: has_cards(served), True, id="whether there are cards"),
        pytest.param(lambda _, served: len(holdings(served)), 1, id="the holdings"),
        pytest.param(lambda _, served: due(served, NOW, 10), [], id="due cards"),
        pytest.param(lambda _, served: audit(served), [], id="the audit"),
        pytest.param(lambda _, served: len(totals(served)), 1, id="the totals"),
    ],
)
def test_a_connection_that_was_cut_reconnects_at_the_next_transaction(
    served: Database,
    served_books: StoredBooks,
    cut: Callable[[], None],
    use: Callable[[StoredBooks, Database], object],
    expected: object,
) -> None:
    # Often enough for the driver to prepare the statements, which are lost with the connection.
    for _ in range(8):
        served_books.bought()
    cut()
    assert use(served_books, served) == expected
    cut()
    assert use(served_books, served) == expected
    assert audit(served) == []


@pytest.mark.parametrize(
    "go_on",
    [
        pytest.param(lambda store: store.load([validate("a card", order())]), id="loading"),
        pytest.param(save_a_card, id="saving"),
    ],
)
def test_a_transaction_that_is_cut_in_the_middle_changes_nothing(
    server_url: DatabaseUrl,
    served_books: StoredBooks,
    cut: Callable[[], None],
    go_on: Callable[[Store], object],
) -> None:
    store = served_books.store

    def transact() -> None:
        with store.transaction():
            save_a_card(store)
            cut()
            go_on(store)

    with pytest.raises(StorageAwayError) as error:
        transact()
    assert not isinstance(error.value, CommitLostError)
    assert cards_in(server_url) == 0
    assert served_books.bought().version == 1


def test_a_snapshot_that_is_cut_in_the_middle_raises_storage_away(
    served_books: StoredBooks, cut: Callable[[], None]
) -> None:
    store = served_books.store
    card = served_books.bought()
    question = [validate(card.card_id, order())]

    def look() -> None:
        with store.snapshot():
            store.load(question)
            cut()
            store.load(question)

    with pytest.raises(StorageAwayError):
        look()
    with store.snapshot():
        assert store.load(question).facts.cards == {card.card_id: card}


def test_a_connection_that_was_cut_is_unusable_after_its_next_use(
    served: Database, cut: Callable[[], None]
) -> None:
    assert served.is_connection_usable()
    cut()
    with suppress(StorageAwayError), translated():
        served.execute_sql("SELECT 1")
    assert not served.is_connection_usable()
    close(served)  # As the server does when it stops, also with an unusable connection.


@pytest.mark.parametrize(
    ("cut_at", "cards"),
    [
        pytest.param(Cut.BEFORE_COMMIT, 0, id="the server never received it"),
        pytest.param(Cut.AFTER_COMMIT, 1, id="its answer was lost"),
    ],
)
def test_a_commit_without_an_answer_raises_commit_lost_and_may_have_happened(
    server_url: DatabaseUrl, postgresql: PostgresqlProcess, cut_at: Cut, cards: int
) -> None:
    with CuttingProxy(postgresql.port) as proxy:
        through = DatabaseUrl.parse(proxy.through(server_url.location))
        with closing(connect(through)) as connection:
            books = books_on(connection)
            proxy.cut_at = cut_at
            with pytest.raises(CommitLostError):
                books.decide(issue())
            assert proxy.cut_at is None
            assert cards_in(server_url) == cards
            assert books.bought().version == 1
            assert audit(connection) == []
    assert cards_in(server_url) == cards + 1


def test_the_request_record_shows_whether_a_lost_commit_has_happened(
    server_url: DatabaseUrl, postgresql: PostgresqlProcess
) -> None:
    with CuttingProxy(postgresql.port) as proxy:
        through = DatabaseUrl.parse(proxy.through(server_url.location))
        with closing(connect(through)) as connection:
            books = books_on(connection)
            for cut_at in Cut:
                proxy.cut_at = cut_at
                command = issue()
                with pytest.raises(CommitLostError):
                    books.decide(command)
                with books.store.snapshot():
                    known = books.store.load([command]).facts.requests
                assert (command.key in known) is (cut_at is Cut.AFTER_COMMIT)


def test_a_killed_server_raises_storage_away_until_it_is_back() -> None:
    with PostgresqlProcess() as postgresql:
        url = DatabaseUrl.parse(postgresql.new_database())
        with closing(connect(url)) as connection:
            books = books_on(connection)
            card = books.bought()
            postgresql.kill()
            for _ in range(2):
                with pytest.raises(StorageAwayError):
                    books.bought()
                with pytest.raises(StorageAwayError):
                    connect(url)
            postgresql.start()
            found = books.store.load([validate(card.card_id, order())]).facts.cards
            assert found == {card.card_id: card}
            assert books.bought().version == 1


@pytest.mark.parametrize(
    ("setting", "statement", "wait_seconds", "state"),
    [
        ("statement_timeout", "SELECT pg_sleep(5)", 0, "57014"),
        ("idle_in_transaction_session_timeout", "SELECT 1", 0.5, "25P03"),
        ("transaction_timeout", "SELECT 1", 0.5, "25P04"),
        ("default_transaction_read_only", "DELETE FROM person", 0, "25006"),
    ],
)
def test_a_transaction_that_the_server_ends_raises_storage_away(
    served: Database, setting: str, statement: str, wait_seconds: float, state: str
) -> None:
    store = Store(served)
    served.execute_sql(f"SET {setting} = {'on' if 'read_only' in setting else 100}")

    def transact() -> None:
        with store.transaction():
            time.sleep(wait_seconds)
            with translated():
                served.execute_sql(statement)

    with pytest.raises(StorageAwayError, match=state):
        transact()
