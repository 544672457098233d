"""Failures in a batch: a command's error is its own, and nothing is half-written."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from peewee import IntegrityError
from structlog.testing import capture_logs

from giftcard_rules.codes import Key, KeyRing
from giftcard_rules.commands import Authorize, CatchUp, Command, Issue, Issued, Outcome
from giftcard_rules.reasons import Reason
from giftcard_server.deciding import committer
from giftcard_server.deciding.housekeeping import Housekeeping
from giftcard_server.deciding.submission import Answer, Submission
from giftcard_server.edge import responses
from giftcard_server.errors import ContendedError, KeyLostError
from giftcard_server.recurring import stop_all
from giftcard_storage import database
from giftcard_storage.database import DatabaseUrl
from giftcard_storage.errors import LockedError, StorageAwayError
from giftcard_storage.schema import Card, Request
from given.databases.books_on_disk import BooksOnDisk, audited, authorize_of, reasons, submission
from given.databases.kinds import Kind, Place
from given.made_facts import capture, issue, order, validate
from given.waiting import SOON_SECONDS

BUSY_MILLISECONDS = 50
EMPTY_PAGES = 2


@pytest.fixture
def books(place: Place) -> Iterator[BooksOnDisk]:
    with audited(place) as opened:
        yield opened


NOTHING: Any = None
LOST_RING = KeyRing((Key("lost", b"the secret that nobody has, 32 B."),))
NOWHERE = issue(market="nowhere")
TAKEN = issue()
NAMELESS = issue(new_card=replace(issue().new_card, last4=NOTHING))


@pytest.mark.parametrize(
    ("culprit", "error"),
    [
        pytest.param(Submission(issue(), NOTHING), TypeError, id="no fingerprint"),
        pytest.param(submission(NOWHERE), KeyError, id="no such market"),
        pytest.param(submission(CatchUp("no card")), KeyError, id="no such card"),
        pytest.param(
            submission(validate("no card", order())), AssertionError, id="no command to keep"
        ),
        pytest.param(submission(NAMELESS), IntegrityError, id="a constraint"),
    ],
)
@pytest.mark.parametrize("at", [0, 1, 3])
def test_an_unexpected_error_is_its_own_commands_alone(
    books: BooksOnDisk, culprit: Submission, error: type[Exception], at: int
) -> None:
    assert_it_fails_alone(books, culprit, error, at)


@pytest.mark.parametrize("at", [0, 1, 3])
def test_a_replay_whose_key_is_lost_fails_alone(books: BooksOnDisk, place: Place, at: int) -> None:
    card = issue()
    with audited(place, ring=LOST_RING) as former:
        former.submit(card)
    assert_it_fails_alone(books, submission(card), KeyLostError, at)


# PostgreSQL cannot distinguish a card that was there before from a rival that was faster.
TAKEN_IS = {Kind.SQLITE: IntegrityError, Kind.POSTGRESQL: ContendedError}


def test_a_card_that_exists_already_fails_alone(
    books: BooksOnDisk, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(committer, "PAUSE_SECONDS", 0)
    books.submit(TAKEN)
    assert_it_fails_alone(books, submission(issue(new_card=TAKEN.new_card)), TAKEN_IS[kind], 1)


def assert_it_fails_alone(
    books: BooksOnDisk, culprit: Submission, error: type[Exception], at: int
) -> None:
    before = {row["request_id"] for row in books.rows(Request)}
    card = issue()
    sound: list[Issue | Authorize] = [card, authorize_of(card), issue()]
    commands: list[Command | Submission] = [*sound[:at], culprit, *sound[at:]]
    answers = books.together(commands)
    failed = answers.pop(at)
    assert isinstance(failed, error)
    assert reasons(answers) == [None, None, None]
    assert not [answer for answer in answers if isinstance(answer, Answer) and answer.replayed]
    after = {row["request_id"] for row in books.rows(Request)}
    assert after - before == {each.key.request_id for each in sound}
    with pytest.raises(error):
        books.submit(culprit)


def test_a_batch_that_is_interrupted_is_not_written_and_leaves_no_caller_waiting(
    place: Place,
) -> None:
    broken_off = False

    def encode(outcome: Outcome) -> bytes:
        if broken_off and isinstance(outcome, Issued) and outcome.card.initial_minor == 66_00:
            raise KeyboardInterrupt
        return responses.encode(outcome)

    with audited(place, encode=encode) as books:
        books.submit(issue())
        before, broken_off = books.dump(), True
        cards = [issue(), issue(66_00), issue()]
        assert reasons(books.together(cards)) == ["KeyboardInterrupt"] * 3
        assert books.dump() == before
        broken_off = False
        assert reasons(books.together(cards)) == [None] * 3


def locked(books: BooksOnDisk) -> Callable[[], object]:
    """Let another program write for longer than we wait."""
    books.connection.execute_sql(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
    rival = database.connect(books.url)
    rival.execute_sql("BEGIN IMMEDIATE")
    return lambda: (rival.execute_sql("ROLLBACK"), rival.close())


def locked_on_the_server(books: BooksOnDisk) -> Callable[[], object]:
    """Let another program lock a table for longer than we wait."""
    books.connection.execute_sql("SET lock_timeout = '2ms'")
    rival = database.connect(books.url)
    rival.execute_sql("BEGIN")
    rival.execute_sql("LOCK TABLE card IN EXCLUSIVE MODE")
    return lambda: (rival.execute_sql("ROLLBACK"), rival.close())


def closed_to_us(books: BooksOnDisk) -> Callable[[], object]:
    """Cut the connection, and have every new one refused."""
    (pid,) = books.connection.execute_sql("SELECT pg_backend_pid()").fetchone()
    elsewhere = database.connect(
        DatabaseUrl.parse(books.url.location.rpartition("/")[0] + "/postgres")
    )
    change = f"ALTER DATABASE {books.connection.database} ALLOW_CONNECTIONS"
    elsewhere.execute_sql(f"{change} false")
    elsewhere.execute_sql("SELECT pg_terminate_backend(%s, 5000)", (pid,))
    return lambda: (elsewhere.execute_sql(f"{change} true"), elsewhere.close())


def read_only(books: BooksOnDisk) -> Callable[[], object]:
    """Refuse all writes, like a primary that has become a standby."""
    books.connection.execute_sql("SET default_transaction_read_only = on")
    return lambda: books.connection.execute_sql("SET default_transaction_read_only = off")


def full(books: BooksOnDisk) -> Callable[[], object]:
    """Leave room for a few pages only, so that the database is full within a transaction."""
    (pages,) = books.connection.execute_sql("PRAGMA page_count").fetchone()
    books.connection.execute_sql(f"PRAGMA max_page_count = {pages + EMPTY_PAGES}")
    return lambda: books.connection.execute_sql("PRAGMA max_page_count = 1000000")


@pytest.mark.parametrize(
    ("kind", "away", "error"),
    [
        (Kind.SQLITE, locked, StorageAwayError),
        (
            Kind.SQLITE,
            full,
            StorageAwayError,
        ),  # To fill the disk of PostgreSQL, a test would need a disk of its own.
        (Kind.POSTGRESQL, locked_on_the_server, LockedError),
        (Kind.POSTGRESQL, closed_to_us, StorageAwayError),
        (Kind.POSTGRESQL, read_only, StorageAwayError),
    ],
    indirect=["kind"],
)
def test_storage_that_is_away_fails_all_commands_and_nothing_is_half_written(
    books: BooksOnDisk,
    away: Callable[[BooksOnDisk], Callable[[], object]],
    error: type[StorageAwayError],
) -> None:
    books.submit(issue())
    before = books.dump()
    come_back = away(books)
    cards = [issue(message="x" * 500) for _ in range(40)]
    assert reasons(books.together(cards)) == [error.__name__] * 40
    assert books.dump() == before
    come_back()
    assert reasons(books.together(cards)) == [None] * 40
    assert len(books.rows(Card)) == 41


@pytest.mark.parametrize("kind", [Kind.SQLITE], indirect=True)  # PostgreSQL does not wait to begin.
def test_r34_a_batch_that_waited_for_storage_is_decided_at_the_time_after_its_wait(
    books: BooksOnDisk,
) -> None:
    card = issue()
    hold = authorize_of(card, hold_for=timedelta(seconds=1))
    books.together([card, hold])
    rival = database.connect(books.url)
    rival.execute_sql("BEGIN IMMEDIATE")
    with ThreadPoolExecutor(1) as caller:
        captured = caller.submit(books.submit, capture(hold.authorization_id))
        time.sleep(BUSY_MILLISECONDS / 1000)  # It waits for the rival, at the latest by now.
        books.now += timedelta(seconds=1)
        rival.execute_sql("ROLLBACK")
        assert captured.result(SOON_SECONDS).reason is Reason.AUTHORIZATION_LAPSED
    rival.close()


def test_housekeeping_that_is_told_to_stop_is_no_defect(books: BooksOnDisk) -> None:
    card = issue()
    books.submit(card)

    def due(_limit: int) -> list[str]:
        housekeeping.stopping.set()
        return [card.new_card.card_id]

    housekeeping = Housekeeping(due, books.committer, every_seconds=60)
    with capture_logs() as logged:
        housekeeping.start()
        assert stop_all([housekeeping]) == []
    events = [(each["event"], each["task"]) for each in logged]
    assert events == [("task postponed", "housekeeping")]
