"""What goes wrong in a batch: one command's error is its own, and nothing is half-written."""

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from peewee import Database, IntegrityError
from structlog.testing import capture_logs

from giftcard_rules.commands import Authorize, Command, Issue, Issued, Outcome, Settle
from giftcard_rules.reasons import Reason
from giftcard_server import committer, responses
from giftcard_server.committer import TRIES, Answer, ContendedError, KeyLostError, Submission
from giftcard_server.housekeeping import Housekeeping
from giftcard_storage import database
from giftcard_storage.errors import StorageAwayError
from giftcard_storage.schema import Card, Request
from giftcard_storage.store import Loaded, Store
from made_facts import capture, issue, order, validate
from server.books_on_disk import BooksOnDisk, audited, authorize_of, reasons, submission
from server.together import SOON_SECONDS

BUSY_MILLISECONDS = 50
EMPTY_PAGES = 2


@pytest.fixture
def books(tmp_path: Path) -> Iterator[BooksOnDisk]:
    with audited(tmp_path) as opened:
        yield opened


def _raise(error: Exception) -> Callable[[str], bytes]:
    def fingerprint(_key_id: str) -> bytes:
        raise error

    return fingerprint


NOWHERE = issue(market="nowhere")
TAKEN = issue()


@pytest.mark.parametrize(
    ("culprit", "error"),
    [
        pytest.param(submission(issue(), _raise(ValueError())), ValueError, id="no fingerprint"),
        pytest.param(submission(issue(), _raise(KeyLostError())), KeyLostError, id="key lost"),
        pytest.param(submission(NOWHERE), KeyError, id="no such market"),
        pytest.param(submission(Settle("no card")), KeyError, id="no such card"),
        pytest.param(
            submission(validate("no card", order())), AttributeError, id="no command to keep"
        ),
        pytest.param(submission(issue(new_card=TAKEN.new_card)), IntegrityError, id="a constraint"),
    ],
)
@pytest.mark.parametrize("place", [0, 1, 3])
def test_an_unexpected_error_is_its_own_commands_alone(
    books: BooksOnDisk, culprit: Submission, error: type[Exception], place: int
) -> None:
    books.submit(TAKEN)
    card = issue()
    sound: list[Issue | Authorize] = [card, authorize_of(card), issue()]
    commands: list[Command | Submission] = [*sound[:place], culprit, *sound[place:]]
    answers = books.together(commands)
    failed = answers.pop(place)
    assert isinstance(failed, error)
    assert reasons(answers) == [None, None, None]
    assert not [answer for answer in answers if isinstance(answer, Answer) and answer.replayed]
    assert {row["request_id"] for row in books.rows(Request)} == {
        TAKEN.key.request_id,
        *(each.key.request_id for each in sound),
    }
    with pytest.raises(error):
        books.submit(culprit)


def test_a_batch_that_is_broken_off_is_not_written_and_leaves_nobody_waiting(
    tmp_path: Path,
) -> None:
    broken_off = False

    def encode(outcome: Outcome) -> bytes:
        if broken_off and isinstance(outcome, Issued) and outcome.card.initial_minor == 66_00:
            raise KeyboardInterrupt
        return responses.encode(outcome)

    with audited(tmp_path, encode=encode) as books:
        books.submit(issue())
        before, broken_off = books.dump(), True
        cards = [issue(), issue(66_00), issue()]
        assert reasons(books.together(cards)) == ["KeyboardInterrupt"] * 3
        assert books.dump() == before
        broken_off = False
        assert reasons(books.together(cards)) == [None] * 3


def locked(books: BooksOnDisk) -> Callable[[], object]:
    """Have another program write for longer than we wait."""
    books.connection.execute_sql(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
    rival = database.connect(books.url)
    rival.execute_sql("BEGIN IMMEDIATE")
    return lambda: (rival.execute_sql("ROLLBACK"), rival.close())


def full(books: BooksOnDisk) -> Callable[[], object]:
    """Leave no room for more than a few pages, so that it runs full within a transaction."""
    (pages,) = books.connection.execute_sql("PRAGMA page_count").fetchone()
    books.connection.execute_sql(f"PRAGMA max_page_count = {pages + EMPTY_PAGES}")
    return lambda: books.connection.execute_sql("PRAGMA max_page_count = 1000000")


@pytest.mark.parametrize("away", [locked, full])
def test_storage_that_is_away_is_said_to_all_and_nothing_is_half_written(
    books: BooksOnDisk, away: Callable[[BooksOnDisk], Callable[[], object]]
) -> None:
    books.submit(issue())
    before = books.dump()
    come_back = away(books)
    cards = [issue(message="x" * 500) for _ in range(40)]
    assert reasons(books.together(cards)) == [StorageAwayError.__name__] * 40
    assert books.dump() == before
    come_back()
    assert reasons(books.together(cards)) == [None] * 40
    assert len(books.rows(Card)) == 41


def test_r34_a_batch_that_had_to_wait_for_storage_is_decided_at_the_time_when_it_could(
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
        housekeeping.stop()
    assert [(each["event"], each["task"]) for each in logged] == [("put off", "housekeeping")]


class FasterRival(Store):
    """A store beside which another replica changes every card that is loaded, so many times.

    SQLite lets no other writer in between, so it is done from within; it is rolled back with
    the rest.
    """

    times = 0

    def __init__(self, connection: Database) -> None:
        super().__init__(connection)
        self._connection = connection

    def load(self, commands: Iterable[Command]) -> Loaded:
        """Load, and be overtaken."""
        loaded = super().load(commands)
        if self.times > 0 and loaded.versions:
            self.times -= 1
            Card.update(version=Card.version + 1).execute(self._connection)
        return loaded


CONTENDED = ContendedError.__name__
FOR_EVER = 10_000


@pytest.mark.parametrize(
    ("times", "outcomes"),
    [
        pytest.param(1, [None, None], id="once"),
        pytest.param(TRIES - 1, [None, None], id="until the last try"),
        pytest.param(TRIES, [None, None], id="until each is tried on its own"),
        # The last of them wants a new card, which nobody fights over.
        pytest.param(FOR_EVER, [CONTENDED, None], id="for ever"),
    ],
)
def test_a_card_that_moved_on_meanwhile_is_decided_again_a_few_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int, outcomes: list[str | None]
) -> None:
    monkeypatch.setattr(committer, "PAUSE_SECONDS", 0)
    stores: list[FasterRival] = []

    def overtaken(connection: Database) -> Store:
        stores.append(FasterRival(connection))
        return stores[0]

    with audited(tmp_path, store=overtaken) as books:
        card = issue()
        books.submit(card)
        stores[0].times = times
        hold = authorize_of(card)
        commands: list[Command] = [hold, issue()]
        assert reasons(books.together(commands)) == outcomes
        stores[0].times = 0
        assert reasons(books.together(commands)) == [None] * 2
        versions = {row["card_id"]: row["version"] for row in books.rows(Card)}
        assert versions[card.new_card.card_id] == 2
