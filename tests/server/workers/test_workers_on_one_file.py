"""Several workers on the embedded database: they take turns, and are one server all the same."""

import os
import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import pytest

from giftcard_storage.audit import audit, totals
from giftcard_storage.database import DatabaseUrl, connect
from given.calls import sent
from given.calls.shop import Shop
from given.servers.many_workers import (
    Callers,
    ManyWorkers,
    many_workers,
    shop_of_its_own,
)
from given.waiting import wait_until

CARD_MINOR: Final = 50_00
ROUNDS: Final = 8
# So many connections that the kernel gives all of them to one worker once in 2**15 runs.
CONNECTIONS: Final = 16
FIRST, SECOND = 1, 2
HELD: Final = {"AUTHORIZED": 1, "CARD_HELD": CONNECTIONS - 1}
POSITIONS: Final = "SELECT COUNT(*), MIN(position), MAX(position) FROM event"


def url_in(folder: Path) -> str:
    return f"sqlite:///{folder / 'giftcard.db'}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ManyWorkers]:
    """A server with workers on a file that was not there before."""
    folder = tmp_path_factory.mktemp("workers")
    with many_workers(url_in(folder), folder) as started:
        yield started


@pytest.fixture(scope="module")
def shops(server: ManyWorkers) -> Iterator[list[Shop]]:
    """A caller for each of many connections, so that both workers are called."""
    with ExitStack() as opened:
        yield [
            opened.enter_context(shop_of_its_own(server.process.target)) for _ in range(CONNECTIONS)
        ]


def at_once(shops: list[Shop], requests: list[Any]) -> list[tuple[str, bool]]:
    """Send a request from each caller; return the answers or reasons, and what is a replay."""
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        answered = threads.map(Shop.answered, shops, requests)
        return [(_came_of(answer), replayed) for answer, replayed in answered]


def _came_of(answer: bytes) -> str:
    return "CARD_HELD" if b"CARD_HELD" in answer else "AUTHORIZED"


def test_of_callers_of_both_workers_who_race_for_a_card_one_wins_every_time(
    server: ManyWorkers, shops: list[Shop]
) -> None:
    before = [server.operations_of(worker) for worker in (FIRST, SECOND)]
    for _ in range(ROUNDS):
        code = shops[0].bought(CARD_MINOR).code
        came = at_once(shops, [sent.authorize(code) for _ in shops])
        assert Counter(outcome for outcome, _ in came) == HELD
    for worker, operations in zip((FIRST, SECOND), before, strict=True):
        assert server.operations_of(worker) > operations
    with closing(connect(DatabaseUrl.parse(server.process.database_url))) as connection:
        assert audit(connection) == []
        assert [each.outstanding_minor for each in totals(connection)] == [ROUNDS * CARD_MINOR]
        # No position is given twice or left out, whichever worker has decided.
        count, first, last = connection.execute_sql(POSITIONS).fetchone()
        assert (count, first, last) == (2 * ROUNDS, 1, 2 * ROUNDS)


def test_a_request_that_reaches_both_workers_at_once_is_done_once(shops: list[Shop]) -> None:
    request = sent.authorize(shops[0].bought(CARD_MINOR).code)
    came = at_once(shops, [request] * CONNECTIONS)
    assert Counter(came) == {("AUTHORIZED", False): 1, ("AUTHORIZED", True): CONNECTIONS - 1}


@pytest.mark.slow
def test_a_worker_that_is_killed_leaves_the_file_to_the_other_and_nothing_is_lost(
    tmp_path: Path,
) -> None:
    with many_workers(url_in(tmp_path), tmp_path) as server:
        callers = Callers(server)
        with callers.calling():
            killed = server.pids()[SECOND]
            os.kill(killed, signal.SIGKILL)  # In its turn, most likely, as it is under load.
            so_far = callers.acknowledged()
            wait_until(lambda: callers.acknowledged() > so_far + 50)
            wait_until(lambda: server.pids()[SECOND] != killed)
            wait_until(server.all_are_ready)
        assert server.status("/readyz") == HTTPStatus.OK
        callers.check()
        with callers.calling():
            assert server.process.terminate() == 0
        assert not server.events("killing a worker that does not drain")
