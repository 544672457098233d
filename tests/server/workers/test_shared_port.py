"""A port that is held for workers: they may share it, and no other process may bind it."""

import socket
from pathlib import Path
from typing import Final

import pytest

from giftcard_server.errors import StartRefusedError
from giftcard_server.service import Service
from giftcard_server.workers.shared_port import SharedPort
from given.servers.running import settings

HOSTS: Final = ("127.0.0.1", "localhost", "0.0.0.0")  # noqa: S104 - for a moment


def listening_beside(port: int) -> socket.socket:
    """Listen as a worker does."""
    return socket.create_server(("127.0.0.1", port), reuse_port=True)


@pytest.mark.parametrize("host", HOSTS)
def test_workers_can_share_a_held_port(host: str) -> None:
    held = SharedPort(f"{host}:0")
    with listening_beside(held.number) as worker, listening_beside(held.number):
        client = socket.create_connection(worker.getsockname())
        client.close()
    with pytest.raises(OSError, match="Address already in use"):
        socket.create_server(("127.0.0.1", held.number))
    held.close()
    socket.create_server(("127.0.0.1", held.number)).close()


@pytest.mark.parametrize("host", HOSTS)
def test_a_held_port_is_refused_to_other_servers_without_any_worker(
    tmp_path: Path, host: str
) -> None:
    held = SharedPort(f"{host}:0")
    with pytest.raises(OSError, match="Address already in use"):
        SharedPort(f"{host}:{held.number}")
    with pytest.raises(StartRefusedError, match=r"is another server running there\?"):
        Service(settings(tmp_path, grpc_listen=f"127.0.0.1:{held.number}"))
    held.close()


def test_a_port_that_other_processes_share_is_refused() -> None:
    with listening_beside(0) as other, pytest.raises(OSError, match="Address already in use"):
        SharedPort(f"127.0.0.1:{other.getsockname()[1]}")


def test_a_port_with_connections_in_time_wait_is_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as former:
        port = former.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port))
        former.accept()[0].close()  # The side that closes first is left in TIME_WAIT.
        client.close()
    held = SharedPort(f"127.0.0.1:{port}")
    assert held.number == port
    held.close()


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(OSError, match="Cannot assign requested address"):
        SharedPort("192.0.2.1:0")
