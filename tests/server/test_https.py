"""HTTP with TLS: metrics need a role and health does not; no client can keep the server busy."""

import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from giftcard_server import ops_http as serving
from giftcard_server.service import Service
from given.servers.http_get import get
from given.servers.mutual import CALLERS, Mutual, uri
from given.servers.running import Clock, running, settings
from given.waiting import wait_until

pytestmark = pytest.mark.one_database


@pytest.fixture(scope="module")
def mutual(tmp_path_factory: pytest.TempPathFactory) -> Mutual:
    return Mutual(tmp_path_factory.mktemp("https"))


@pytest.fixture(scope="module")
def service(mutual: Mutual) -> Iterator[Service]:
    with_tls = settings(mutual.folder, **mutual.settings, callers=CALLERS, http_tls=True)
    with running(with_tls, Clock()) as started:
        yield started


def port_of(service: Service) -> int:
    """Return the address of HTTP."""
    listening = re.search(r"http \S+:(\d+)", service.listening)
    assert listening is not None
    return int(listening[1])


def ask(service: Service, mutual: Mutual, path: str, certified: tuple[Path, Path] | None) -> int:
    """Return the status, or 0 where there was no connection."""
    return mutual.status(f"https://localhost:{port_of(service)}{path}", certified)


@pytest.mark.parametrize(
    ("path", "name", "status"),
    [
        ("/healthz", None, 200),
        ("/readyz", None, 200),
        ("/metrics", None, 401),
        ("/metrics", "stranger", 401),
        ("/metrics", "checkout", 403),
        ("/metrics", "idle", 403),
        ("/metrics", "operator", 200),
        ("/healthz", "stranger", 200),
    ],
)
def test_metrics_need_the_role_operator_and_health_needs_none(
    service: Service, mutual: Mutual, path: str, name: str | None, status: int
) -> None:
    certified = mutual.of(uri(name)) if name else None
    assert ask(service, mutual, path, certified) == status


def test_a_refused_scrape_is_counted(service: Service, mutual: Mutual) -> None:
    def counted() -> float:
        return (
            service.registry.get_sample_value("giftcard_http_refused_total", {"status": "403"}) or 0
        )

    before = counted()
    ask(service, mutual, "/metrics", mutual.of(uri("refunds")))
    assert counted() == before + 1


def test_the_certificate_of_a_foreign_authority_ends_the_connection(
    service: Service, mutual: Mutual, tmp_path: Path
) -> None:
    theirs = Mutual(tmp_path / "theirs").of(uri("operator"))
    assert ask(service, mutual, "/metrics", theirs) == 0
    assert ask(service, mutual, "/healthz", None) == 200


def test_the_expiry_of_the_servers_certificate_is_a_metric(service: Service) -> None:
    name = "giftcard_certificate_expires_timestamp_seconds"
    assert (service.registry.get_sample_value(name) or 0) > 1_700_000_000


IDLERS: Final = serving.CONNECTION_LIMIT + 8


@pytest.mark.slow
def test_silent_connections_are_closed_and_their_number_is_limited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "CONNECTION_SECONDS", 0.5)
    with running(settings(tmp_path), Clock()) as service:
        port = port_of(service)
        url = f"http://127.0.0.1:{port}"
        idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(IDLERS)]
        try:
            for each in idle:  # A byte at a time does not keep a connection open.
                each.sendall(b"G")
            wait_until(lambda: get(f"{url}/healthz") == (200, "ok\n"))
            for each in idle:
                each.settimeout(20)
                assert each.recv(1) == b""
        finally:
            for each in idle:
                each.close()
