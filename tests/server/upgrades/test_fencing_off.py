"""A later version fences this server off while it is busy: nothing slips through, reads go on."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from threading import Event
from typing import Final

import grpc
import pytest

from giftcard_storage.database import DatabaseUrl, connect, migrate
from giftcard_storage.versions import Effect
from given.calls import sent
from given.calls.answered import Refusal, refusal, refusal_of
from given.calls.shop import shop_at
from given.databases.kinds import Databases, Kind
from given.databases.later import LATER, migrate_later
from given.servers.http_get import get
from given.servers.server_process import ServerProcess
from given.waiting import wait_until

BUYERS: Final = 4
FENCED_OFF: Final = "a newer version has fenced this server off"


@pytest.fixture
def server(kind: Kind, databases: Databases, tmp_path: Path) -> Iterator[ServerProcess]:
    """A server on a database whose schema no other test needs."""
    with databases.own(kind, tmp_path) as place:
        migrate(place.database_url)
        with ServerProcess(tmp_path / "server", settings=place.environment) as running:
            yield running


def url_of(server: ServerProcess) -> DatabaseUrl:
    return DatabaseUrl.parse(server.database_url)


def cards_of(server: ServerProcess) -> int:
    with closing(connect(url_of(server))) as other:
        return int(other.execute_sql("SELECT COUNT(*) FROM card").fetchone()[0])


def buy_until(stop: Event, server: ServerProcess) -> tuple[int, list[Refusal]]:
    """Buy cards without a pause; return how many were sold, and the refusals."""
    sold, refusals = 0, list[Refusal]()
    with shop_at(server.target) as shop:
        while not stop.is_set():
            try:
                shop.bought()
                sold += 1
            except grpc.RpcError as error:
                refusals.append(refusal_of(error))
    return sold, refusals


def busy(server: ServerProcess, meanwhile: Callable[[], int]) -> list[tuple[int, list[Refusal]]]:
    """Do something while buyers keep a server busy, and a moment longer."""
    stop = Event()
    with ThreadPoolExecutor(BUYERS) as threads:
        buyers = [threads.submit(buy_until, stop, server) for _ in range(BUYERS)]
        try:
            wait_until(lambda: cards_of(server) > BUYERS)
            at_the_fence = meanwhile()
            time.sleep(1)
            assert cards_of(server) == at_the_fence
        finally:
            stop.set()
        return [buyer.result() for buyer in buyers]


def test_nothing_is_written_after_a_fence_and_reads_go_on(
    server: ServerProcess, tmp_path: Path
) -> None:
    with shop_at(server.target) as shop:
        code = shop.bought().code

    def fence_off() -> int:
        assert migrate_later(url_of(server), Effect.FENCES, tmp_path / "later") == [LATER]
        return cards_of(server)

    results = busy(server, fence_off)
    # Every card in the books was acknowledged, or its answer would have been.
    assert sum(sold for sold, _ in results) + 1 == cards_of(server)
    for _, refusals in results:
        assert refusals
        assert {each.status for each in refusals} == {grpc.StatusCode.UNAVAILABLE}
        assert None not in {each.retry_after for each in refusals}
        # A call may have waited so long for the migration that it gave up before it ended.
        assert {each.text for each in refusals} <= {
            FENCED_OFF,
            "storage is away",
            "storage is late",
        }

    with shop_at(server.target) as shop:
        last = refusal(shop.bought)
        assert (last.status, last.text) == (grpc.StatusCode.UNAVAILABLE, FENCED_OFF)
        assert last.retry_after == timedelta(milliseconds=200)
        assert shop.call(sent.validate(code)).usable
    assert get(f"{server.http_url}/readyz") == (
        HTTPStatus.SERVICE_UNAVAILABLE,
        f"not ready: fenced off by {LATER}\n",
    )
    assert get(f"{server.http_url}/healthz")[0] == HTTPStatus.OK
    assert server.log_text().count("replace this server") == 1
    assert server.terminate() == 0


def test_a_busy_server_goes_on_after_a_migration_that_only_expands(
    server: ServerProcess, tmp_path: Path
) -> None:
    stop = Event()
    with ThreadPoolExecutor(BUYERS) as threads:
        buyers = [threads.submit(buy_until, stop, server) for _ in range(BUYERS)]
        wait_until(lambda: cards_of(server) > BUYERS)
        assert migrate_later(url_of(server), Effect.EXPANDS, tmp_path / "later") == [LATER]
        before = cards_of(server)
        wait_until(lambda: cards_of(server) > before + BUYERS)
        stop.set()
        results = [buyer.result() for buyer in buyers]
    assert [refusals for _, refusals in results] == [[]] * BUYERS
    assert sum(sold for sold, _ in results) == cards_of(server)
    assert get(f"{server.http_url}/readyz") == (HTTPStatus.OK, "ready\n")
    assert server.restart().is_running()
