"""The audit beside the servers finds what is wrong, says which, and cries no wolf."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path

import pytest
from peewee import Database
from structlog.testing import capture_logs
from structlog.typing import EventDict

from giftcard_server.auditing.continuous import ContinuousAudit
from giftcard_storage.database import DatabaseUrl, connect, migrate
from giftcard_storage.errors import StorageError
from giftcard_storage.walks.audited_database import AuditedDatabase
from giftcard_storage.walks.standing import HELD_MICROSECONDS, Standing, standing
from giftcard_storage.walks.tables import AuditWalk
from given.calls.shop import shop_at
from given.databases.kinds import Databases, Kind
from given.databases.stored_books import StoredBooks, books_on, play_everything
from given.made_facts import order
from given.servers.http_get import get
from given.servers.running import Clock, running, settings, target_of
from given.waiting import wait_until

TAKEN = "UPDATE card SET balance_minor = balance_minor - 1 WHERE card_id = '{}'"
GIVEN_BACK = TAKEN.replace("- 1", "+ 1")


@pytest.fixture
def url(kind: Kind, databases: Databases, tmp_path: Path) -> Iterator[DatabaseUrl]:
    """An empty database of each kind, in turn."""
    with databases.empty(kind, tmp_path) as place:
        migrate(place.database_url)
        yield place.database_url


@pytest.fixture
def database(url: DatabaseUrl) -> Iterator[Database]:
    """A connection to it."""
    with closing(connect(url)) as connection:
        yield connection


@pytest.fixture
def books(database: Database) -> StoredBooks:
    """Books on it in which everything happened."""
    books = books_on(database)
    play_everything(books)
    return books


@pytest.fixture
def begin(url: DatabaseUrl, books: StoredBooks) -> Iterator[Callable[[], ContinuousAudit]]:
    """Begin an audit in slices of three keys, as a server that starts does."""
    connections = []

    def begun() -> ContinuousAudit:
        connections.append(connect(url))

        def now() -> datetime:
            return books.now

        return ContinuousAudit(AuditedDatabase(connections[-1]), now, keys=3, share=0.9)

    yield begun
    for connection in connections:
        connection.close()


def known(database: Database) -> Standing:
    """Return how the audit stands, which has begun."""
    found = standing(database)
    assert found is not None
    return found


def whole_walk(audit: ContinuousAudit) -> list[EventDict]:
    """Let an audit end a walk, and return what it logged."""
    with capture_logs() as logged:
        ended = False
        while not ended:
            with suppress(StorageError):  # A writer may have been at work for too long.
                audit.look()
                ended = not audit.is_walking
    return [each for each in logged if each["event"] == "ledger discrepancy"]


def test_a_tampered_row_is_found_within_a_walk_and_forgotten_once_it_is_right(
    database: Database, books: StoredBooks, begin: Callable[[], ContinuousAudit]
) -> None:
    card_id = books.bought().card_id
    audit = begin()
    assert whole_walk(audit) == []
    assert known(database).discrepancies == 0
    database.execute_sql(TAKEN.format(card_id))
    told = whole_walk(audit)
    assert {each["log_level"] for each in told} == {"error"}
    assert [(each["invariant"], each["subject"]) for each in told] == [
        ("card_is_the_sum_of_its_postings", f"card {card_id}"),
        ("card_is_worth_what_its_state_says", f"card {card_id}"),
        ("liability_is_what_came_in_less_what_went_out", "fr EUR"),
    ]
    assert whole_walk(audit) == []  # It is told once.
    assert known(database).discrepancies == 3
    database.execute_sql(GIVEN_BACK.format(card_id))
    whole_walk(audit)
    assert known(database).discrepancies == 0


def test_it_goes_on_where_it_was_and_one_server_does_it_at_a_time(
    database: Database, books: StoredBooks, begin: Callable[[], ContinuousAudit]
) -> None:
    first, second = begin(), begin()
    for _ in range(3):
        first.look()
    first.leave()
    left = known(database)
    assert 0 < left.place.progress < 1
    second.look()
    assert known(database).holder != left.holder
    held = known(database)
    first.look()  # The second one is at it.
    assert known(database) == held
    assert held.place == left.place
    # Without a sign of life, it is gone.
    AuditWalk.update(moved_at=AuditWalk.moved_at - HELD_MICROSECONDS).execute(database)
    first.look()
    assert known(database).holder == left.holder
    assert whole_walk(first) == []


def test_it_cries_no_wolf_while_cards_change(
    url: DatabaseUrl, database: Database, books: StoredBooks, begin: Callable[[], ContinuousAudit]
) -> None:
    over = threading.Event()

    def shop() -> None:
        for number in range(100):
            if over.is_set():
                return
            card = books.bought(50_00)
            paid = books.captured(
                books.authorized(card, order(40_00, order_id=f"busy-{number}")), 30_00
            )
            books.reversed(paid.authorization, 12_00)

    shopping = threading.Thread(target=shop)
    audit = begin()
    shopping.start()
    try:
        told = [line for _ in range(2) for line in whole_walk(audit)]
    finally:
        over.set()
        shopping.join()
    assert told == []
    assert known(database).ended_at is not None
    assert known(database).discrepancies == 0


def shown(port: int, name: str) -> float | None:
    """Return a gauge of a server; None while it has no figure."""
    lines = get(f"http://127.0.0.1:{port}/metrics")[1].splitlines()
    figures = [line.split(" ")[1] for line in lines if line.startswith(f"{name} ")]
    return float(figures[0]) if figures else None


@pytest.mark.one_database
def test_a_server_audits_and_shows_what_it_found(
    kind: Kind, databases: Databases, tmp_path: Path
) -> None:
    with databases.empty(kind, tmp_path) as place:
        with (
            running(settings(place), Clock()) as service,
            shop_at(target_of(service)) as shop,
        ):
            card_id = shop.bought().card.card_id
        with closing(connect(place.database_url)) as connection:
            connection.execute_sql(TAKEN.format(card_id))
            AuditWalk.delete().execute(connection)  # Else it goes on behind the cards.
        with running(settings(place), Clock()) as service:
            assert service._http is not None
            port = service._http.port
            wait_until(lambda: shown(port, "giftcard_ledger_discrepancies") == 3)
            assert shown(port, "giftcard_audit_walk_progress") is not None
            assert shown(port, "giftcard_audit_last_walk_timestamp_seconds") is not None
