"""PostgreSQL killed under load, again and again: what was acknowledged is there, and done once."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import pytest

from conftest import StartServer
from giftcard_client.histories.recording.history import History
from giftcard_client.histories.recording.recorder import Answer
from giftcard_storage import database
from giftcard_storage.schema import Authorization, Posting
from given.calls import sent
from given.calls.journal import (
    Journal,
    assert_bought_once,
    assert_consistent,
    check,
    not_decided,
)
from given.calls.shop import Shop, shop_at
from given.databases.cutting_proxy import Cut, CuttingProxy
from given.databases.kinds import Databases, Kind, Place
from given.databases.postgresql_process import PASSWORD, PostgresqlProcess
from given.servers.giftcard_command import giftcard
from given.servers.http_get import get
from given.servers.server_process import LOG_CHARACTERS_SHOWN, ServerProcess
from given.waiting import wait_until

CALLERS: Final = 8
LONGEST_SECONDS: Final = 0.6  # Of load, from its first answer on.
SEED: Final = 20_261_122


@pytest.mark.timeout(300)  # PostgreSQL starts six times, on a machine that may be busy.
@pytest.mark.parametrize("kills", [1, pytest.param(5, marks=pytest.mark.slow)])
def test_what_was_acknowledged_survives_kills_of_postgresql(tmp_path: Path, kills: int) -> None:
    chance = random.Random(SEED)  # noqa: S311 - when to pull the plug
    history, everybody = History(), list[Journal]()
    with PostgresqlProcess() as postgresql:
        place = Place.on_server(postgresql.new_database(), tmp_path)
        settings = {**place.environment, "GIFTCARD_LOG_LEVEL": "DEBUG"}
        with ServerProcess(tmp_path, settings=settings) as server:
            for _ in range(kills):
                journals = [
                    Journal(random.Random(chance.random()), history, is_lost=not_decided)  # noqa: S311 - likewise
                    for _ in range(CALLERS)
                ]
                everybody += journals
                with living(server, journals):
                    time.sleep(chance.uniform(0, LONGEST_SECONDS))
                    kill_and_start(postgresql, server, journals)
                    answered_again(journals, server)
                each_of(journals, server, check)
            each_of(everybody, server, Journal.find_all_again)
            assert_bought_once(server, everybody)
            assert_consistent(history, server.place)
            assert '"event": "defect"' not in server.log_text()
            assert PASSWORD not in server.log_text()


@contextmanager
def living(server: ServerProcess, journals: list[Journal]) -> Iterator[None]:
    """Have callers live, from the first answer on until the block is over."""
    is_over = threading.Event()
    with shop_at(server.target) as shop, ThreadPoolExecutor(CALLERS) as threads:
        lives = [threads.submit(journal.live_on_at, shop, is_over) for journal in journals]
        try:
            wait_until(lambda: any(journal.acknowledged for journal in journals))
            yield
        finally:
            is_over.set()
            for life in lives:  # What a caller has failed by explains what came after it.
                life.result()


def kill_and_start(
    postgresql: PostgresqlProcess, server: ServerProcess, journals: list[Journal]
) -> None:
    """Pull the plug until every caller has lost a call; the server stays, and is ready again."""
    postgresql.kill()
    wait_until(lambda: readiness(server) == HTTPStatus.SERVICE_UNAVAILABLE)
    wait_until(lambda: all(journal.lost for journal in journals))
    assert get(f"{server.http_url}/healthz")[0] == HTTPStatus.OK
    postgresql.start()
    wait_until(lambda: readiness(server) == HTTPStatus.OK)


def readiness(server: ServerProcess) -> int:
    return get(f"{server.http_url}/readyz")[0]


def answered_again(journals: list[Journal], server: ServerProcess) -> None:
    """Wait until everybody has got an answer once more."""
    before = [len(journal.acknowledged) for journal in journals]

    def left() -> list[Answer | None]:
        return [
            journal.undecided
            for journal, count in zip(journals, before, strict=True)
            if len(journal.acknowledged) == count
        ]

    try:
        wait_until(lambda: not left())
    except AssertionError as error:
        error.add_note(f"ready: {readiness(server)}; last heard by those who wait: {left()}")
        error.add_note(server.log_text()[-LOG_CHARACTERS_SHOWN:])
        raise


def each_of(
    journals: list[Journal], server: ServerProcess, do: Callable[[Journal, Shop], object]
) -> None:
    with shop_at(server.target) as shop, ThreadPoolExecutor(CALLERS) as threads:
        list(threads.map(do, journals, [shop] * len(journals)))


@pytest.fixture
def proxy(databases: Databases) -> Iterator[CuttingProxy]:
    with CuttingProxy(databases.postgresql.port) as forwarding:
        yield forwarding


@pytest.mark.parametrize("kind", [Kind.POSTGRESQL], indirect=True, ids=str)
@pytest.mark.parametrize("cut_at", list(Cut))
def test_a_commit_whose_answer_is_lost_is_answered_as_if_nothing_had_happened(
    place: Place, proxy: CuttingProxy, start_server: StartServer, cut_at: Cut
) -> None:
    through_proxy = {**place.environment, "GIFTCARD_DATABASE_URL": proxy.through(place.url)}
    server = start_server(settings=through_proxy)
    with shop_at(server.target) as shop:
        request = sent.authorize(shop.bought().code)
        proxy.cut_at = cut_at
        held, is_replay = shop.answered(request)
        assert proxy.cut_at is None
        assert not is_replay
        assert shop.answered(request) == (held, True)
        (authorization_id,) = rows(place, Authorization.select(Authorization.authorization_id))
        request = sent.capture(authorization_id)
        proxy.cut_at = cut_at
        captured, _ = shop.answered(request)
        assert shop.answered(request) == (captured, True)
    captures = Posting.select(Posting.amount_minor).where(Posting.kind == "CAPTURE")
    assert rows(place, captures) == [50_00]
    assert giftcard("audit", settings=server.place).returncode == 0


def rows(place: Place, query: Any) -> list[Any]:
    """Return the one column of what a query finds."""
    with closing(database.connect(place.database_url)) as connection:
        return [value for (value,) in query.tuples().execute(connection)]
