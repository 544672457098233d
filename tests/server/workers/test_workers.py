"""Several workers on one port: together they are one server, also when one of them dies."""

import json
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from http import HTTPStatus
from itertools import pairwise
from pathlib import Path
from typing import Final

import grpc
import pytest

from giftcard_server.errors import StartRefusedError
from giftcard_server.service import Service
from given.calls import sent
from given.calls.answered import refusal
from given.calls.shop import SERVICE, Shop, shop_at
from given.databases.postgresql_process import PostgresqlProcess
from given.servers.giftcard_command import SCRIPT, giftcard
from given.servers.many_workers import (
    WORKERS,
    Callers,
    ManyWorkers,
    is_gone,
    many_workers,
    settings_on,
    shop_of_its_own,
    total,
)
from given.servers.mutual import CALLERS, Mutual, uri
from given.servers.running import settings
from given.servers.server_process import ServerNotReady
from given.waiting import wait_until

# So many connections that the kernel gives all of them to one worker once in 2**23 runs.
CONNECTIONS: Final = 24
FIRST, SECOND = 1, 2


@pytest.fixture(scope="module")
def server(
    postgresql: PostgresqlProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ManyWorkers]:
    """A server with workers, for all tests that do not change it."""
    folder = tmp_path_factory.mktemp("workers")
    command = (str(SCRIPT), "serve", "--workers", str(WORKERS))
    url = postgresql.new_database()
    # The command line wins over the environment.
    with many_workers(url, folder, command=command, GIFTCARD_WORKERS="1") as started:
        yield started


@pytest.fixture
def url(postgresql: PostgresqlProcess) -> str:
    return postgresql.new_database()


def test_all_workers_answer_and_their_metrics_are_added_up(server: ManyWorkers) -> None:
    def counted() -> list[float]:
        rpc = {"grpc_service": SERVICE, "grpc_method": "Issue"}
        now = server.samples()
        return [
            total(now, "grpc_server_started_total", **rpc),
            total(now, "grpc_server_handled_total", **rpc, grpc_code="OK"),
            total(now, "grpc_server_handled_total", **rpc, grpc_code="FailedPrecondition"),
            total(now, "grpc_server_handling_seconds_count", **rpc),
            total(now, "grpc_server_handling_seconds_bucket", **rpc, le="+Inf"),
            total(now, "giftcard_operations_total", operation="Issue", outcome="ok"),
            total(now, "giftcard_replays_total", operation="Issue"),
            total(now, "giftcard_posted_minor_total", kind="ISSUE", market="fr"),
        ]

    before = counted()
    with ExitStack() as shops:
        for _ in range(CONNECTIONS):
            shop = shops.enter_context(shop_of_its_own(server.process.target))
            request = sent.issue(30_00)
            assert shop.call(request) == shop.call(request)
            refusal(lambda: shop.call(sent.issue(1)))  # noqa: B023 - called at once
    added = [now - then for now, then in zip(counted(), before, strict=True)]
    each = [3, 2, 1, 3, 3, 1, 1, 30_00]
    assert added == [CONNECTIONS * count for count in each]
    for worker in (FIRST, SECOND):
        assert server.operations_of(worker) > 0


def test_metrics_of_no_single_worker_appear_once(server: ManyWorkers) -> None:
    with shop_at(server.process.target) as shop:
        shop.bought()
    now = server.samples()
    names = {name for name, _ in now}
    assert names >= {"process_resident_memory_bytes", "python_gc_collections_total"}
    assert (total(now, "giftcard_workers", state="wanted"), server.status("/healthz")) == (2, 200)
    assert len([name for name, _ in now if name == "giftcard_outstanding_liability_minor"]) == 1
    wait_until(lambda: server.value("giftcard_outstanding_liability_minor", market="fr") > 0)


@pytest.mark.parametrize("name", ["GIFTCARD_GRPC_LISTEN", "GIFTCARD_HTTP_LISTEN"])
def test_a_second_server_with_workers_on_the_same_port_is_refused(
    server: ManyWorkers, url: str, tmp_path: Path, name: str
) -> None:
    other = "GIFTCARD_GRPC_LISTEN" if name == "GIFTCARD_HTTP_LISTEN" else "GIFTCARD_HTTP_LISTEN"
    taken = {
        "GIFTCARD_GRPC_LISTEN": server.process.target,
        "GIFTCARD_HTTP_LISTEN": server.process.http_url.removeprefix("http://"),
    }[name]
    environment = settings_on(url, tmp_path) | {name: taken, other: "127.0.0.1:0"}
    environment["GIFTCARD_MAIL"] = "none"
    refused = giftcard("serve", "--workers", "2", settings=environment)
    assert refused.returncode == 2
    assert "is another server running there?" in refused.stderr
    assert "Traceback" not in refused.stderr
    with shop_at(server.process.target) as shop:
        assert shop.bought().code


def test_a_second_server_without_workers_on_the_same_port_is_refused(
    server: ManyWorkers, tmp_path: Path
) -> None:
    with pytest.raises(StartRefusedError, match=r"is another server running there\?"):
        Service(settings(tmp_path, grpc_listen=server.process.target))


def test_a_mistake_that_hits_all_workers_is_reported_once(url: str, tmp_path: Path) -> None:
    nowhere = str(tmp_path / "nowhere")
    with (
        pytest.raises(ServerNotReady, match="ended with exit code 2") as caught,
        many_workers(url, tmp_path, GIFTCARD_KEY_FILE=nowhere),
    ):
        pass
    assert str(caught.value).count(f"there is no key file {nowhere}") == 1
    assert "Traceback" not in str(caught.value)


def test_a_worker_that_is_killed_is_replaced_and_nothing_acknowledged_is_lost(
    url: str, tmp_path: Path
) -> None:
    with many_workers(url, tmp_path) as server:
        callers = Callers(server)
        with callers.calling():
            scrapes = [server.samples()]
            busiest = max(server.pids(), key=server.operations_of)
            killed = server.pids()[busiest]
            os.kill(killed, signal.SIGKILL)
            wait_until(callers.lost)
            so_far = callers.acknowledged()
            wait_until(lambda: callers.acknowledged() > so_far + 100)
            scrapes.append(server.samples())
            wait_until(lambda: server.pids()[busiest] != killed)
            wait_until(server.all_are_ready)
            scrapes.append(server.samples())
        scrapes.append(server.samples())
        for then, now in pairwise(scrapes):
            assert [key for key in then if counts(key[0]) and not now[key] >= then[key]] == []
        ok = {"grpc_service": SERVICE, "grpc_code": "OK"}
        answered = total(scrapes[-1], "grpc_server_handled_total", **ok)
        declined = total(scrapes[-1], "giftcard_operations_total", outcome="declined")
        assert answered + declined >= callers.acknowledged()
        assert total(scrapes[-1], "giftcard_workers_replaced_total") == 1
        callers.check()


def counts(name: str) -> bool:
    """Whether a series of the workers must not go down."""
    return name.startswith(("grpc_", "giftcard_")) and name.endswith(
        ("_total", "_count", "_sum", "_bucket")
    )


@pytest.mark.slow
def test_a_server_drains_all_its_workers_on_sigterm_under_load(url: str, tmp_path: Path) -> None:
    with many_workers(url, tmp_path) as server:
        callers = Callers(server)
        with callers.calling():
            assert server.process.terminate() == 0
        assert {line["worker"] for line in server.events("stopped") if "worker" in line} == {1, 2}
        assert not server.events("killing a worker that does not drain")
        server.process.restart()
        callers.check()


@pytest.mark.slow
def test_readiness_goes_off_before_the_workers_stop(url: str, tmp_path: Path) -> None:
    with many_workers(url, tmp_path, GIFTCARD_DRAIN_PAUSE_SECONDS="3") as server:
        assert server.status("/readyz") == HTTPStatus.OK
        os.kill(server.process.pid, signal.SIGTERM)
        wait_until(lambda: server.status("/readyz") == HTTPStatus.SERVICE_UNAVAILABLE)
        assert server.status("/healthz") == HTTPStatus.OK
        with shop_at(server.process.target) as shop:
            assert shop.bought().code
        assert server.process.wait() == 0


@pytest.mark.slow
def test_a_worker_that_does_not_drain_is_killed(url: str, tmp_path: Path) -> None:
    with many_workers(url, tmp_path, GIFTCARD_DRAIN_SECONDS="0") as server:
        stuck = server.pids()[SECOND]
        os.kill(stuck, signal.SIGSTOP)
        assert server.process.terminate() == 0
        (event,) = server.events("killing a worker that does not drain")
        assert event["worker"] == SECOND
        assert is_gone(stuck)


def test_ctrl_c_reaches_all_processes_and_each_worker_drains_once(url: str, tmp_path: Path) -> None:
    with many_workers(url, tmp_path) as server:
        folder = server.folder_of_counters()
        os.killpg(server.process.pid, signal.SIGINT)
        assert server.process.wait() == 0
    assert sorted(line.get("worker", 0) for line in server.events("draining")) == [0, 1, 2]
    assert "Traceback" not in server.process.log_text()
    assert not folder.exists()


def test_workers_drain_when_their_supervisor_is_killed(url: str, tmp_path: Path) -> None:
    with many_workers(url, tmp_path) as server:
        folder, pids = server.folder_of_counters(), server.pids().values()
        server.process.kill()
        wait_until(lambda: all(is_gone(pid) for pid in pids))
        assert not folder.exists()
        host, _, port = server.process.target.rpartition(":")
        socket.create_server((host, int(port))).close()


@pytest.mark.slow
def test_a_worker_that_cannot_start_is_tried_again_while_the_others_answer(
    postgresql: PostgresqlProcess, url: str, tmp_path: Path
) -> None:
    name = url.rpartition("/")[2]
    with many_workers(url, tmp_path) as server:
        postgresql.run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        os.kill(server.pids()[SECOND], signal.SIGKILL)
        wait_until(lambda: len(server.events("worker ended")) >= 3)
        assert server.status("/readyz") == HTTPStatus.OK
        with shop_at(server.process.target) as shop:
            assert shop.bought().code
        pauses = [line["again_in_seconds"] for line in server.events("worker ended")]
        assert pauses == sorted(set(pauses))  # Each one longer than the one before.
        # Why a replacement refuses to start is in the log.
        assert "cannot be reached" in server.events("worker ended")[1]["why"]
        assert server.value("giftcard_workers", state="alive") == 1
        postgresql.run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        wait_until(server.all_are_ready)
        assert server.process.terminate() == 0


def test_every_worker_knows_the_callers_and_metrics_are_for_operators(
    postgresql: PostgresqlProcess, tmp_path: Path
) -> None:
    mutual = Mutual(tmp_path / "certificates")
    environment = mutual.environment | {
        "GIFTCARD_CALLERS": json.dumps(CALLERS),
        "GIFTCARD_HTTP_TLS": "true",
    }
    with many_workers(postgresql.new_database(), tmp_path, **environment) as server:
        target = server.process.target
        for _ in range(4 * WORKERS):  # Each connection may reach another worker.
            with mutual.channel(target, mutual.of(uri("refunds"))) as channel:
                no = refusal(partial(Shop(channel).call, sent.authorize()))
            assert no.status is grpc.StatusCode.PERMISSION_DENIED
        url = server.process.http_url.replace("http://127.0.0.1", "https://localhost") + "/metrics"
        asked = {name: mutual.status(url, mutual.of(uri(name))) for name in ("refunds", "operator")}
        assert asked == {"refunds": 403, "operator": 200}
