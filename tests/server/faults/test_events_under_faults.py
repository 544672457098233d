"""Under load and faults, a consumer that is cut at random sees every event once and in order."""

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Final, Self

import grpc
import psycopg
import pytest

from giftcard_storage.database import DatabaseUrl, connect
from giftcard_storage.errors import StorageError
from giftcard_storage.event_schema import EventLease
from giftcard_storage.events import EventLog, StoredEvent
from given.calls import sent
from given.calls.shop import Shop, shop_at
from given.databases.kinds import Databases, Kind, Place
from given.servers.giftcard_command import giftcard
from given.servers.server_process import ServerProcess
from given.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.xdist_group("events")]

SEED: Final = 20_261_130
REPLICAS: Final = 3
BUYERS: Final = 3  # On each server.
STOPPED_SECONDS: Final = 10
KILLS: Final = 5
STOP_TRIES: Final = 200
ALL: Final = 1_000_000
IDLE_IN_TRANSACTION: Final = """
    SELECT COUNT(*) FROM pg_stat_activity
    WHERE datname = current_database() AND state = 'idle in transaction'
      AND state_change < clock_timestamp() - interval '0.2 s'
"""


class Consumer:
    """Reads events from its place on, on a connection that is cut at random."""

    def __init__(self, url: DatabaseUrl) -> None:
        self.seen: dict[int, StoredEvent] = {}
        self.position = 0
        self.cuts = 0
        self._url = url
        self._chance = random.Random(SEED)  # noqa: S311 - where it is cut
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.error: BaseException | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                with suppress(StorageError), closing(connect(self._url)) as connection:
                    self._read_until_cut(EventLog(connection))
                self.cuts += 1
        except BaseException as error:
            self.error = error
            raise

    def _read_until_cut(self, log: EventLog) -> None:
        while not self._stop.is_set() and self._chance.random() > 0.05:
            events = log.read(self.position, self._chance.randrange(1, 60), frozenset())
            for number, event in enumerate(events, self.position + 1):
                assert event.position == number
                assert self.seen.setdefault(number, event) == event
            if self._chance.random() > 0.2 and events:  # Else it forgets that it was told.
                self.position = events[-1].position
            if not events:
                time.sleep(0.01)


@contextmanager
def load_on(servers: list[ServerProcess]) -> Iterator[list[int]]:
    """Buy cards and pay with them on all servers, and go on when one is away."""
    stop, lives = threading.Event(), list[int]()

    def live(server: ServerProcess) -> None:
        while not stop.is_set():
            with suppress(grpc.RpcError), shop_at(server.target) as shop:
                while not stop.is_set():
                    one_life(shop)
                    lives.append(1)
            time.sleep(0.05)

    threads = [
        threading.Thread(target=live, args=(server,)) for server in servers for _ in range(BUYERS)
    ]
    for thread in threads:
        thread.start()
    try:
        yield lives
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def one_life(shop: Shop) -> None:
    held = shop.held(shop.bought().code, sent.order(40_00))
    captured = shop.call(sent.capture(held.authorization_id, 30_00))
    shop.call(sent.reverse(captured.authorization.authorization_id, 10_00))


def holder_among(servers: list[ServerProcess], place: Place) -> ServerProcess | None:
    with closing(connect(place.database_url)) as connection:
        ((name,),) = EventLease.select(EventLease.holder).tuples().execute(connection)
    by_pid = {str(server.pid): server for server in servers if server.is_running()}
    return by_pid.get(name.split("/")[1]) if name else None


def stop_in_a_transaction(server: ServerProcess, place: Place) -> None:
    """Stop a server, by SIGSTOP, while a transaction of it is open."""
    with psycopg.connect(place.url, autocommit=True) as looking:
        for _ in range(STOP_TRIES):
            os.kill(server.pid, signal.SIGSTOP)
            time.sleep(0.3)
            ((idle,),) = looking.execute(IDLE_IN_TRANSACTION).fetchall()
            if idle:
                return
            os.kill(server.pid, signal.SIGCONT)
            time.sleep(0.05)
    pytest.fail("it was never stopped within a transaction")


def assert_everything_was_seen(place: Place, consumer: Consumer) -> None:
    with closing(connect(place.database_url)) as connection:
        log = EventLog(connection)
        wait_until(lambda: log.backlog().events == 0)
        last = log.last_position()
        wait_until(lambda: consumer.position == last or consumer.error is not None)
        assert consumer.error is None
        told = log.read(0, ALL, frozenset())
    assert [event.position for event in told] == list(range(1, last + 1))
    assert list(consumer.seen.values()) == told
    assert len({event.event_id for event in told}) == last
    versions: dict[str, int] = {}
    for event in told:
        assert versions.get(event.card_id, 0) <= event.card_version
        versions[event.card_id] = event.card_version
    audited = giftcard("audit", settings=place.environment)
    assert audited.returncode == 0, audited.stdout + audited.stderr


def test_three_replicas_of_which_one_is_stopped_and_holders_are_killed(
    databases: Databases, tmp_path: Path
) -> None:
    with ExitStack() as running:
        place = running.enter_context(databases.empty(Kind.POSTGRESQL, tmp_path))
        servers = [
            running.enter_context(ServerProcess(tmp_path / f"{each}", settings=place.environment))
            for each in range(REPLICAS)
        ]
        consumer = running.enter_context(Consumer(place.database_url))
        with load_on(servers) as lives:
            stop_in_a_transaction(servers[0], place)
            before, stopped_at = consumer.position, time.monotonic()
            wait_until(lambda: consumer.position > before + 20)
            time.sleep(max(0.0, stopped_at + STOPPED_SECONDS - time.monotonic()))
            os.kill(servers[0].pid, signal.SIGCONT)
            for _ in range(KILLS):
                wait_until(lambda: holder_among(servers, place) is not None)
                holder = holder_among(servers, place)
                assert holder is not None
                holder.kill()
                at = consumer.position
                wait_until(lambda at=at: consumer.position > at + 5)  # type: ignore[misc] # Its default is the position.
                holder.restart()
        assert len(lives) > 50
        assert consumer.cuts > 5
        assert_everything_was_seen(place, consumer)
        for server in servers:
            assert '"event": "defect"' not in server.log_text()


def test_one_server_on_a_file_that_is_killed(tmp_path: Path) -> None:
    with ExitStack() as running:
        place = Place.in_file(tmp_path)
        server = running.enter_context(
            ServerProcess(tmp_path / "server", settings=place.environment)
        )
        consumer = running.enter_context(Consumer(place.database_url))
        with load_on([server]):
            for _ in range(KILLS):
                at = consumer.position
                wait_until(lambda at=at: consumer.position > at + 20)  # type: ignore[misc] # Likewise.
                server.kill()
                server.restart()
        assert_everything_was_seen(place, consumer)
        assert '"event": "defect"' not in server.log_text()
