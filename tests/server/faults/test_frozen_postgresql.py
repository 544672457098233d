"""A PostgreSQL that is frozen, not gone: nothing waits for it for good, and all is known later."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import grpc
import pytest

from giftcard_server.errors import ClockWrongError
from giftcard_storage.errors import CommitLostError
from given.calls import sent
from given.calls.answered import Refusal, refusal, refusal_of
from given.calls.shop import shop_at
from given.calls.watching import Watch, positions, watching
from given.databases.books_on_disk import BooksOnDisk, authorize_of, submission
from given.databases.cutting_proxy import Cut, CuttingProxy
from given.databases.kinds import Databases, Kind, Place
from given.databases.postgresql_process import PostgresqlProcess
from given.made_facts import issue
from given.servers.giftcard_command import giftcard
from given.servers.http_get import get
from given.servers.server_process import ServerProcess
from given.waiting import wait_until

CALLS: Final = 40
# After which the server would end a call by itself, as CANCELLED.
CALL_SECONDS: Final = 30.0
READINESS_SECONDS: Final = 1.0
# It bounds every round trip of the test, also those that have to succeed.
SHORT_SECONDS: Final = 1.5


@contextmanager
def frozen(postgresql: PostgresqlProcess) -> Iterator[None]:
    """Freeze PostgreSQL for as long as the block takes."""
    postgresql.freeze()
    try:
        yield
    finally:
        postgresql.thaw()


def ended(call: Any) -> grpc.StatusCode | Refusal:
    """Return how a call ended."""
    try:
        call.result()
    except grpc.RpcError as error:
        return refusal_of(error)
    return grpc.StatusCode.OK


@pytest.mark.slow
def test_calls_and_streams_end_unavailable_and_readiness_says_so_while_postgresql_is_frozen(
    tmp_path: Path,
) -> None:
    with PostgresqlProcess() as postgresql:
        place = Place.on_server(postgresql.new_database(), tmp_path)
        with (
            ServerProcess(tmp_path, settings=place.environment) as server,
            shop_at(server.target) as shop,
        ):
            requests = [sent.authorize(shop.bought().code) for _ in range(CALLS)]
            watch = Watch(shop.channel)
            before = watch.take(CALLS)
            with frozen(postgresql):
                begun = time.monotonic()
                calls = [
                    shop.stub.Authorize.future(request, timeout=2 * CALL_SECONDS)
                    for request in requests
                ]
                while time.monotonic() < begun + 2 * READINESS_SECONDS:
                    asked = time.monotonic()
                    assert get(f"{server.http_url}/readyz")[0] == HTTPStatus.SERVICE_UNAVAILABLE
                    assert time.monotonic() - asked < READINESS_SECONDS
                endings = [ended(call) for call in calls]
                endings.append(refusal(watch.end))
                assert time.monotonic() - begun < CALL_SECONDS
            for ending in endings:
                assert isinstance(ending, Refusal)
                assert ending.status is grpc.StatusCode.UNAVAILABLE
                assert ending.retry_after is not None
                assert ending.retry_after > timedelta()
            assert '"why": "storage is away"' in server.log_text()
            wait_until(lambda: get(f"{server.http_url}/readyz")[0] == HTTPStatus.OK)
            answers = [shop.call(request) for request in requests]
            assert len({each.authorization.authorization_id for each in answers}) == CALLS
            # The consumer resumes, and misses nothing of what was done in spite of the refusals.
            with watching(shop.channel, after_position=before[-1].position) as resumed:
                events = [*before, *resumed.take(CALLS)]
            assert positions(events) == list(range(1, 2 * CALLS + 1))
            assert len({event.event_id for event in events}) == 2 * CALLS
        assert giftcard("audit", settings=server.place).returncode == 0


def bound(books: BooksOnDisk) -> None:
    """Have the committer's database wait no longer than a test wants to."""
    database: Any = books.connection
    database._round_trip_seconds = database.connection().round_trip_seconds = SHORT_SECONDS


@pytest.fixture
def proxy(databases: Databases) -> Iterator[CuttingProxy]:
    with CuttingProxy(databases.postgresql.port) as forwarding:
        yield forwarding


@pytest.fixture
def books(databases: Databases, proxy: CuttingProxy, tmp_path: Path) -> Iterator[BooksOnDisk]:
    with databases.empty(Kind.POSTGRESQL, tmp_path) as place:
        through = Place(proxy.through(place.url), place.key_file)
        with closing(BooksOnDisk(through)) as opened:
            yield opened


def test_the_fate_of_a_commit_that_is_never_answered_is_looked_up(
    books: BooksOnDisk, proxy: CuttingProxy
) -> None:
    card = issue()
    books.submit(card)
    bound(books)
    wanted = submission(authorize_of(card))
    proxy.is_silent_after_commit = True
    answer = books.submit(wanted)
    assert not proxy.is_silent_after_commit
    assert not answer.replayed
    assert books.submit(wanted).encoded == answer.encoded
    books.assert_clean()


def test_a_clock_that_is_wrong_after_a_lost_commit_does_not_say_that_nothing_was_done(
    books: BooksOnDisk, proxy: CuttingProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = issue()
    tries = iter([books.now])

    def now() -> datetime:
        try:
            return next(tries)
        except StopIteration:
            raise ClockWrongError from None

    with monkeypatch.context() as patched:
        patched.setattr(books.committer, "_now", now)
        proxy.cut_at = Cut.AFTER_COMMIT
        with pytest.raises(CommitLostError):
            books.submit(card)
    assert books.submit(card).replayed
