"""Slow clients of HTTP, more than there are connections: probes are answered all the same."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from http import HTTPStatus
from pathlib import Path
from statistics import median
from typing import Final

import pytest

from given.servers.http_get import get
from given.servers.mutual import CALLERS, Mutual, toml_of
from given.servers.server_process import ServerProcess

pytestmark = pytest.mark.one_database

SLOW: Final = 64
PROBES: Final = 10
# What Kubernetes waits for, unless told. Slow clients delay each probe or none, and a busy machine
# some of them.
PROBE_SECONDS: Final = 1.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("slow_http")) as started:
        yield started


def say_nothing(_connection: socket.socket) -> None:
    """Connect, and that is all."""


def send_half_a_request(connection: socket.socket) -> None:
    connection.sendall(b"GET /readyz HTT")


def take_no_answer(connection: socket.socket) -> None:
    """Ask for what is long, and read nothing."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    connection.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")


SLOWLY: Final = (say_nothing, send_half_a_request, take_no_answer)


def address(server: ServerProcess) -> tuple[str, int]:
    host, _, port = server.http_url.rpartition("//")[2].rpartition(":")
    return host, int(port)


def be_slow(server: ServerProcess, how: Callable[[socket.socket], None], open_: ExitStack) -> None:
    for _ in range(SLOW):
        connection = open_.enter_context(closing(socket.create_connection(address(server))))
        how(connection)


@pytest.mark.parametrize("how", SLOWLY)
def test_probes_get_through_beside_slow_clients(
    server: ServerProcess, how: Callable[[socket.socket], None]
) -> None:
    took = []
    with ExitStack() as opened:
        be_slow(server, how, opened)
        for _ in range(PROBES):
            for path in ("/healthz", "/readyz"):
                began = time.monotonic()
                assert get(server.http_url + path)[0] == HTTPStatus.OK
                took.append(time.monotonic() - began)
    assert median(took) < PROBE_SECONDS, took
    assert get(f"{server.http_url}/metrics")[0] == HTTPStatus.OK


def test_probes_get_through_beside_clients_that_never_shake_hands(tmp_path: Path) -> None:
    mutual = Mutual(tmp_path / "certificates")
    took = []
    told = mutual.environment | {"GIFTCARD_HTTP_TLS": "true"}
    with (
        ServerProcess(tmp_path / "server", config=toml_of(CALLERS), settings=told) as server,
        ExitStack() as opened,
    ):
        be_slow(server, say_nothing, opened)
        url = f"https://localhost:{address(server)[1]}"
        for _ in range(PROBES):
            began = time.monotonic()
            assert mutual.status(f"{url}/readyz", None) == HTTPStatus.OK
            took.append(time.monotonic() - began)
    assert median(took) < PROBE_SECONDS, took
