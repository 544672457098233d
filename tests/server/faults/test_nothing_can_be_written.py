"""A full disk, and a database that takes no writes: readiness says so, and comes back by itself."""

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path
from typing import Any

import grpc
import psycopg
import pytest

from giftcard_server.deciding import write_check
from giftcard_server.deciding.write_check import WriteCheck
from giftcard_server.service import Service
from giftcard_storage import database
from giftcard_storage.database import DatabaseUrl
from given.calls import sent
from given.calls.answered import refusal, refusal_of
from given.calls.shop import Shop, shop_at
from given.databases.kinds import Place
from given.databases.postgresql_process import PostgresqlProcess
from given.servers.giftcard_command import giftcard
from given.servers.http_get import get
from given.servers.many_workers import many_workers, shop_of_its_own
from given.servers.running import Clock, running, settings, target_of, writing_elsewhere
from given.servers.server_process import ServerProcess
from given.servers.small_disk import SmallDisk, small_disk
from given.waiting import wait_until

pytestmark = pytest.mark.one_database

CALLERS = 8
UNDECIDED = 3 * CALLERS
NOT_READY = HTTPStatus.SERVICE_UNAVAILABLE
READY = (HTTPStatus.OK, "ready\n")
FULL = re.compile(r"not ready: nothing can be written: the disk is full.*\n")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk") as mounted:
        yield mounted


def is_full(url: str) -> bool:
    status, text = get(f"{url}/readyz")
    return status == NOT_READY and FULL.fullmatch(text) is not None


def events(server: ServerProcess, event: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in server.log_text().splitlines()]
    return [line for line in lines if line["event"] == event]


def is_refused(shop: Shop) -> bool:
    """Buy a card; return whether it could not be decided."""
    try:
        shop.call(sent.issue())
    except grpc.RpcError as error:
        return refusal_of(error).status is grpc.StatusCode.UNAVAILABLE
    return False


@pytest.mark.slow
def test_a_full_disk_takes_the_readiness_until_there_is_room(
    disk: SmallDisk, tmp_path: Path
) -> None:
    told = {"GIFTCARD_DATABASE_URL": f"sqlite:///{disk.folder}/giftcard.db"}
    with ServerProcess(tmp_path / "log", settings=told) as server, shop_at(server.target) as shop:
        ready = f"{server.http_url}/readyz"
        assert shop.bought().code
        assert get(ready) == READY
        disk.fill()
        refused = 0
        while refused < UNDECIDED:  # The log has a little room that it has used before.
            with ThreadPoolExecutor(CALLERS) as threads:
                refused += sum(threads.map(is_refused, [shop] * CALLERS))
        wait_until(lambda: is_full(server.http_url))
        assert get(f"{server.http_url}/healthz")[0] == HTTPStatus.OK
        # The first one, and later how many more there were: not a line for each call.
        assert 1 <= len(events(server, "undecided")) <= 1 + UNDECIDED // 4
        disk.clear()
        wait_until(lambda: get(ready) == READY)
        assert shop.bought().code
        # Twice where a checkpoint has emptied the log meanwhile, which then has room once more.
        assert 1 <= len(events(server, "nothing can be written")) <= 2
        assert events(server, "defect") == []
        assert server.terminate() == 0
        audited = giftcard("audit", settings=server.place)
        assert audited.returncode == 0, audited.stdout


def test_a_full_disk_is_seen_before_anybody_buys(
    disk: SmallDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_check, "IDLE_SECONDS", 0)
    with running(settings(disk.folder), Clock()) as service:
        url = http_url_of(service)
        assert get(f"{url}/readyz") == READY
        disk.fill()
        wait_until(lambda: is_full(url))
        disk.clear()
        wait_until(lambda: get(f"{url}/readyz") == READY)


@pytest.mark.slow
def test_a_program_that_does_not_let_anybody_write_takes_the_readiness(tmp_path: Path) -> None:
    told = settings(tmp_path)
    with running(told, Clock()) as service, shop_at(target_of(service)) as shop:
        url = http_url_of(service)
        with writing_elsewhere(told.database_url):
            no = refusal(lambda: shop.call(sent.issue()))
            assert no.status is grpc.StatusCode.UNAVAILABLE
            wait_until(lambda: "another program is writing" in get(f"{url}/readyz")[1])
        wait_until(lambda: get(f"{url}/readyz") == READY)


def http_url_of(service: Service) -> str:
    listening = re.search(r"http (\S+),", service.listening)
    assert listening is not None
    return f"http://{listening[1]}"


@pytest.mark.slow
def test_workers_whose_database_takes_no_writes_are_not_ready(tmp_path: Path) -> None:
    with PostgresqlProcess() as postgresql:
        url = postgresql.new_database()
        with many_workers(url, tmp_path) as server:
            target, ready = server.process.target, f"{server.process.http_url}/readyz"
            assert get(ready) == READY
            alter(url, "ALTER SYSTEM SET default_transaction_read_only = on")

            def refuses_and_says_so() -> bool:
                with shop_of_its_own(target) as shop:  # Each worker finds out by its own calls.
                    is_refused(shop)
                status, text = get(ready)
                why = "not ready: nothing can be written: no connection that may write"
                return status == NOT_READY and text.startswith(why)

            wait_until(refuses_and_says_so)
            alter(url, "ALTER SYSTEM RESET default_transaction_read_only")
            wait_until(lambda: get(ready) == READY)
            with shop_of_its_own(target) as shop:
                assert shop.bought().code


def alter(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET default_transaction_read_only = off")
        connection.execute(statement.encode())
        connection.execute("SELECT pg_reload_conf()")


def test_a_check_that_writes_changes_nothing(place: Place) -> None:
    url = place.database_url
    database.migrate(url)
    assert database.why_not_writable(url) == ""
    assert database.migrate(url) == []


class Committed:
    """What the check sees of a committer."""

    def __init__(self) -> None:
        self.commits = 0
        self.failure: Exception | None = None


def test_a_committer_that_writes_is_left_alone(tmp_path: Path) -> None:
    committer: Any = Committed()
    told: list[str] = []
    seconds = [0.0]
    url = DatabaseUrl.of_file(tmp_path / "missing" / "giftcard.db")  # To try would fail.
    check = WriteCheck(committer, url, told.append, lambda: seconds[0])
    for _ in range(3):
        committer.commits += 1
        seconds[0] += 2 * write_check.IDLE_SECONDS
        check.look()
    assert (told, check.why_not) == ([], "")
    committer.failure = OSError()
    check.look()
    assert told == [check.why_not] != [""]
    committer.commits, committer.failure = committer.commits + 1, None
    check.look()
    assert told[1:] == [check.why_not] == [""]
