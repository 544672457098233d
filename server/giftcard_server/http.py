"""HTTP beside gRPC: `/metrics`, `/healthz` (the process lives), `/readyz` (send it traffic)."""

from __future__ import annotations

import socket
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Final

from prometheus_client.exposition import choose_encoder

if TYPE_CHECKING:
    from collections.abc import Callable

    from prometheus_client import CollectorRegistry

IDLE_SECONDS: Final = 10
TEXT: Final = "text/plain; charset=utf-8"


class HttpServer:
    """Answers on `host:port` from a thread of its own; port 0 takes any free one."""

    def __init__(
        self, host: str, port: int, registry: CollectorRegistry, is_ready: Callable[[], bool]
    ) -> None:
        class Handler(_Handler):
            pass

        Handler.registry = registry
        Handler.is_ready = staticmethod(is_ready)
        server = _ServerOnIPv6 if ":" in host else _Server
        self._server = server((host.strip("[]"), port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, name="http", daemon=True)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True


class _ServerOnIPv6(_Server):
    address_family = socket.AF_INET6


class _Handler(BaseHTTPRequestHandler):
    registry: CollectorRegistry
    is_ready: Callable[[], bool]
    server_version = "giftcard"
    sys_version = ""
    timeout = IDLE_SECONDS

    def do_GET(self) -> None:
        """Answer one of the three paths."""
        match self.path.partition("?")[0]:
            case "/metrics":
                encode, content_type = choose_encoder(self.headers.get("Accept", ""))
                self._send(HTTPStatus.OK, encode(self.registry), content_type)
            case "/healthz":
                self._send(HTTPStatus.OK, b"ok\n", TEXT)
            case "/readyz" if self.is_ready():
                self._send(HTTPStatus.OK, b"ready\n", TEXT)
            case "/readyz":
                self._send(HTTPStatus.SERVICE_UNAVAILABLE, b"not ready\n", TEXT)
            case _:
                self._send(HTTPStatus.NOT_FOUND, b"not found\n", TEXT)

    def _send(self, status: HTTPStatus, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Stay silent: probes and scrapes are no news, and paths are the caller's text."""
