"""HTTP beside gRPC: `/metrics`, `/healthz` (the process lives), `/readyz` (it wants traffic)."""

from __future__ import annotations

import socket
import sys
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any, Final, cast

import grpc
import structlog
from prometheus_client import Counter, Gauge

from giftcard_server.callers.roles import METRICS
from giftcard_server.errors import CallerRefusedError
from giftcard_server.logs import where
from giftcard_server.process.ready_threads import ReadyThreads
from giftcard_server.scraping.at_once import answered_at_once, hand_over_with_request
from giftcard_server.scraping.exposition import AT_ONCE, Exposition

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from prometheus_client import CollectorRegistry

    from giftcard_server.callers.access import Access
    from giftcard_server.callers.callers import Callers
    from giftcard_server.callers.certificates import Certificates
    from giftcard_server.settings import Settings

log = structlog.get_logger(__name__)

# The limit of one read, and that of a whole connection, for clients that send a byte at a time.
IDLE_SECONDS: Final = 10
CONNECTION_SECONDS: Final = 30
CONNECTION_LIMIT: Final = 12
TEXT: Final = "text/plain; charset=utf-8"
_STATUS: Final = {
    grpc.StatusCode.UNAUTHENTICATED: HTTPStatus.UNAUTHORIZED,
    grpc.StatusCode.PERMISSION_DENIED: HTTPStatus.FORBIDDEN,
}


def http_server(
    settings: Settings,
    access: Access,
    registry: CollectorRegistry,
    why_not_ready: Callable[[], str],
) -> HttpServer:
    """Return a server with these settings. Raises OSError where it cannot listen."""
    certificates = access.certificates
    if certificates is not None:
        expires = Gauge(
            "giftcard_certificate_expires_timestamp_seconds",
            "When the server's certificate expires, in seconds since 1970.",
            registry=registry,
        )
        expires.set_function(certificates.expires)
    return HttpServer(
        settings.http_listen,
        registry,
        why_not_ready,
        access.callers,
        certificates if settings.http_tls else None,
    )


class HttpServer:
    """Answers on `host:port` in threads of its own; with port 0 it listens on any free port.

    With `certificates` it uses TLS, and `/metrics` needs a caller with the role for it.
    """

    def __init__(
        self,
        listen: str,
        registry: CollectorRegistry,
        why_not_ready: Callable[[], str],
        callers: Callers,
        certificates: Certificates | None = None,
    ) -> None:
        class Handler(_Handler):
            pass

        Handler.why_not_ready = staticmethod(why_not_ready)
        Handler.callers = callers
        Handler.refused = Counter(
            "giftcard_http_refused",
            "Scrapes that were refused for who sent them, by status.",
            ("status",),
            registry=registry,
        )
        host, _, port = listen.rpartition(":")
        server = _ServerOnIPv6 if ":" in host else _Server
        self._server = server((host.strip("[]"), int(port)), Handler)
        self._server.certificates = certificates
        self._server.exposition = Exposition(registry)
        self._thread = threading.Thread(target=self._server.serve_forever, name="http", daemon=True)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()
        self._server.threads.shutdown()


class _Server(HTTPServer):
    """Answers at most `CONNECTION_LIMIT` connections at a time, each for `CONNECTION_SECONDS`.

    A further connection takes the place of the oldest one. So clients that are slow, however many,
    never keep a probe out, which is answered within milliseconds.
    """

    request_queue_size = 128
    certificates: Certificates | None = None
    exposition: Exposition

    def __init__(self, *arguments: Any) -> None:  # noqa: ANN401 - the library's
        super().__init__(*arguments)
        # Scrapes may wait for the database, and probes need threads all the same.
        self.threads = ReadyThreads(CONNECTION_LIMIT + AT_ONCE, "http")
        self._lock = threading.Lock()
        self._overdue_at: dict[socket.socket, float] = {}

    def get_request(self) -> tuple[socket.socket, Any]:
        """Return the next connection; one of TLS has its handshake still to come."""
        connection, address = super().get_request()
        if self.certificates is not None:
            try:
                connection = self.certificates.for_http().wrap_socket(
                    connection, server_side=True, do_handshake_on_connect=False
                )
            except OSError:  # The other side has hung up already.
                connection.close()
                raise
        return connection, address

    def server_activate(self) -> None:
        """Begin to listen."""
        super().server_activate()
        hand_over_with_request(self.socket)

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ANN401 - likewise
        """Return whether the request goes to a thread; without TLS a scrape may be answered now."""
        del client_address
        return self.certificates is not None or not answered_at_once(request, self.exposition)

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - likewise
        """Answer in another thread; where there are too many connections, cut the oldest one."""
        request.settimeout(IDLE_SECONDS)
        with self._lock:
            self._overdue_at[request] = time.monotonic() + CONNECTION_SECONDS
            oldest = next(iter(self._overdue_at))
            is_crowded = len(self._overdue_at) > CONNECTION_LIMIT
            if is_crowded:
                del self._overdue_at[oldest]
        if is_crowded:
            _cut(oldest)
        self.threads.submit(self._answer, request, client_address)

    def service_actions(self) -> None:
        """Cut the connections that have had their time; the library calls it twice a second."""
        now = time.monotonic()
        with self._lock:
            overdue = [each for each, at in self._overdue_at.items() if at <= now]
            for each in overdue:
                del self._overdue_at[each]
        for each in overdue:
            _cut(each)

    def finish_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - likewise
        """Shake hands, if it is a connection of TLS, and answer."""
        if self.certificates is not None:
            request.do_handshake()
        super().finish_request(request, client_address)

    def handle_error(self, _request: Any, _client_address: Any) -> None:  # noqa: ANN401 - likewise
        """Log what went wrong with a connection: mostly, that the other side hung up."""
        error = sys.exception()
        log.debug("connection failed", error=where(error) if error else None)

    def _answer(self, request: socket.socket, client_address: object) -> None:
        try:
            self.finish_request(request, client_address)
        except Exception:  # noqa: BLE001 - as the library does; it is one connection's
            self.handle_error(request, client_address)
        finally:
            self.shutdown_request(request)
            with self._lock:
                self._overdue_at.pop(request, None)


class _ServerOnIPv6(_Server):
    address_family = socket.AF_INET6


def _cut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError as error:  # The client has closed it.
        log.debug("connection was closed", error=where(error))


class _Handler(BaseHTTPRequestHandler):
    why_not_ready: Callable[[], str]
    callers: Callers
    refused: Counter
    server_version = "giftcard"
    sys_version = ""
    timeout = IDLE_SECONDS

    def do_GET(self) -> None:
        """Answer one of the three paths."""
        match self.path.partition("?")[0]:
            case "/metrics":
                self._metrics()
            case "/healthz":
                self._send(HTTPStatus.OK, b"ok\n", TEXT)
            case "/readyz":
                self._readiness()
            case _:
                self._send(HTTPStatus.NOT_FOUND, b"not found\n", TEXT)

    def _readiness(self) -> None:
        why_not = self.why_not_ready()
        if why_not:
            self._send(HTTPStatus.SERVICE_UNAVAILABLE, f"not ready: {why_not}\n".encode(), TEXT)
        else:
            self._send(HTTPStatus.OK, b"ready\n", TEXT)

    def _metrics(self) -> None:
        secured = cast("_Server", self.server).certificates is not None
        try:
            if secured:
                self.callers.admitted(METRICS, self._names("URI"), self._names("DNS"))
        except CallerRefusedError as error:
            status = _STATUS[error.status]
            self.refused.labels(str(status.value)).inc()
            self._send(status, f"{error}\n".encode(), TEXT)
            return
        asked = (self.headers.get(name, "") for name in ("Accept", "Accept-Encoding"))
        text = cast("_Server", self.server).exposition.text(*asked)
        if text is None:
            self._send(HTTPStatus.SERVICE_UNAVAILABLE, b"too many scrapes at a time\n", TEXT)
            return
        self._send(HTTPStatus.OK, text.encoded, text.content_type, text.coding)

    def _names(self, kind: str) -> list[str]:
        """Return the names of a kind in the client's certificate; none without a certificate."""
        certificate = cast("ssl.SSLSocket", self.connection).getpeercert() or {}
        names = cast("tuple[tuple[str, str], ...]", certificate.get("subjectAltName", ()))
        return [name for of_kind, name in names if of_kind == kind]

    def _send(self, status: HTTPStatus, body: bytes, content_type: str, coding: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        if coding:
            self.send_header("Content-Encoding", coding)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Log nothing: probes and scrapes are routine, and a path is text of the caller."""
