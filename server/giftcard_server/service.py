"""The running service: what it is made of, how it starts, how it drains."""

from __future__ import annotations

import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

from giftcard.v1 import gift_card_service_pb2 as pb
from giftcard.v1 import gift_card_service_pb2_grpc as pb_grpc
from giftcard_rules import codes
from giftcard_server import keys, responses
from giftcard_server.callers import certified_caller, uncertified_caller
from giftcard_server.committer import Committer
from giftcard_server.housekeeping import Housekeeping
from giftcard_server.http import HttpServer
from giftcard_server.interception import Interceptor
from giftcard_server.markets import markets_of
from giftcard_server.metrics import DomainMetrics, LiabilityCollector, RpcMetrics
from giftcard_server.probe import Probe
from giftcard_server.readers import Readers
from giftcard_server.recurring import Recurring
from giftcard_server.requests import Reader
from giftcard_server.servicer import GiftCardServicer, service_methods
from giftcard_server.throttle import Throttle
from giftcard_storage import database, outlook
from giftcard_storage.errors import StorageError
from giftcard_storage.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from giftcard_rules.codes import Key, KeyRing
    from giftcard_rules.terms import Terms
    from giftcard_server.settings import Settings
    from giftcard_storage.outlook import Holdings

SERVICE: Final = pb.DESCRIPTOR.services_by_name["GiftCardService"].full_name
# Larger than any sound request, so that an unsound one gets a clear answer from us.
MESSAGE_BYTES: Final = 256 * 1024
METADATA_BYTES: Final = 16 * 1024
CHECKPOINT_SECONDS: Final = 0.25
FIRST_WORKER: Final = 1


class StartRefusedError(Exception):
    """The server must not start like this; the text says why and what to do."""


def utc_now() -> datetime:
    """Return the time: the one place where the service reads a clock for its rules."""
    return datetime.now(UTC)


class Service:
    """A server on one database. Raises `StartRefusedError` or `StorageError` when made.

    `now` is its clock. `worker` is its number among those that share a port; it leaves HTTP
    to their supervisor.
    """

    def __init__(
        self, settings: Settings, now: Callable[[], datetime] = utc_now, worker: int | None = None
    ) -> None:
        self._settings = settings
        self._worker = worker
        self._now = now
        self._draining = threading.Event()
        url = settings.database_url
        if not url.is_shared or settings.migrate_on_start:
            database.migrate(url)
        if url.is_shared:
            database.require_schema(url)
        terms = settings.terms
        markets = markets_of(terms)
        writing, reading = database.connect(url), database.connect(url)
        self._looking = database.connect_to_look_over(url)
        self._connections = [writing, reading, self._looking]
        self._looking_lock = threading.Lock()
        self._probe = Probe(url)
        ring = self._ring()
        self._require_known(self._holdings(), ring, terms)

        self.registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        rpc_metrics, metrics = RpcMetrics(self.registry), DomainMetrics(self.registry)
        self.registry.register(
            LiabilityCollector(
                self._holdings, [(each.market, each.currency) for each in terms.values()]
            )
        )
        limits = {"waiting_limit": settings.waiting_limit, "batch_limit": settings.batch_limit}
        self._committer = Committer(
            Store(writing), markets, responses.encode, now, metrics, **limits
        )
        servicer = GiftCardServicer(
            Reader(ring, markets),
            self._committer,
            Readers(Store(reading), markets, now, **limits),
            Throttle(
                per_key=settings.attempts_per_key,
                per_caller=settings.attempts_per_caller,
                window=timedelta(seconds=settings.attempt_window_seconds),
            ),
            metrics,
            now,
            certified_caller if settings.tls_client_ca else uncertified_caller,
        )
        self._health = health.HealthServicer()
        self._interceptor = Interceptor(rpc_metrics)
        self._grpc = self._grpc_server(servicer)
        housekeeping = Housekeeping(self._due, self._committer, settings.housekeeping_seconds)
        # One of them is enough, and two would stand in each other's way.
        self._recurring: list[Recurring] = [housekeeping] if worker in {None, FIRST_WORKER} else []
        if not url.is_shared:
            tidying = database.connect(url)
            self._connections.append(tidying)
            checkpoint = partial(database.checkpoint, tidying)
            self._recurring.append(
                Recurring("checkpoint", checkpoint, CHECKPOINT_SECONDS, (StorageError,))
            )
        host, _, port = settings.http_listen.rpartition(":")
        try:
            self.grpc_port = self._listen()
            self._http: HttpServer | None = None
            if worker is None:
                self._http = HttpServer(host, int(port), self.registry, self._is_ready)
        except (OSError, RuntimeError) as error:
            raise StartRefusedError(settings.cannot_listen(error)) from error

    @property
    def listening(self) -> str:
        """Where it listens and on what, in one line."""
        return self._settings.listening(self.grpc_port, self._http.port if self._http else None)

    def start(self) -> None:
        """Begin to answer."""
        self._grpc.start()
        if self._http:
            self._http.start()
        for recurring in self._recurring:
            recurring.start()
        self._set_serving(health_pb2.HealthCheckResponse.SERVING)

    def drain(self) -> None:
        """Stop: readiness off, running calls finish, nothing acknowledged is lost."""
        self._draining.set()
        self._set_serving(health_pb2.HealthCheckResponse.NOT_SERVING)
        # Balancers need a moment to notice; calls that they still send are answered.
        time.sleep(self._settings.drain_pause_seconds)
        stopped = self._grpc.stop(self._settings.drain_seconds)
        self._interceptor.end_streams()  # A watcher of health would stay until the very end.
        stopped.wait()
        for recurring in self._recurring:
            recurring.stop()
        if self._http:
            self._http.stop()
        self._probe.close()
        for connection in self._connections:
            database.close(connection)

    def _ring(self) -> KeyRing:
        if self._settings.database_url.is_shared and self._settings.key_file is None:
            message = (
                "servers that share a database need the same keys: set GIFTCARD_KEY_FILE"
                " (`giftcard keys new` makes such a file)"
            )
            raise StartRefusedError(message)
        path = self._settings.key_path
        if not path.exists():
            if self._settings.key_file is not None:
                message = f"there is no key file {path}"
                raise StartRefusedError(message)
            if outlook.has_cards(self._looking):
                message = (
                    f"the key file {path} is missing, and without it no card on"
                    f" {self._settings.database_url} can be found: put it back"
                )
                raise StartRefusedError(message)
            try:
                keys.make(path)
            except OSError as error:
                message = f"cannot make the key file {path}: {error.strerror}"
                raise StartRefusedError(message) from error
        try:
            return keys.read(path)
        except keys.KeysRefusedError as error:
            raise StartRefusedError(str(error)) from error

    def _require_known(
        self, holdings: Sequence[Holdings], ring: KeyRing, terms: dict[str, Terms]
    ) -> None:
        """Refuse to start without the keys, markets and currencies that cards rely on.

        Keys serve live cards alone; a card that was used can still be refunded, and for that
        its market is needed.
        """
        mistakes = []
        for each in holdings:
            market = terms.get(each.market)
            key = ring.get(each.key_id)
            if key is None and each.live_cards:
                mistakes.append(f"{each.live_cards} live cards need the key {each.key_id}")
            if key is not None and not self._made(key, each.a_card_id):
                mistakes.append(f"the key {each.key_id} is not the one that cards were made with")
            if market is None:
                mistakes.append(f"{each.cards} cards need the market {each.market}")
            elif market.currency != each.currency:
                mistakes.append(f"{each.cards} cards of {each.market} are in {each.currency}")
        if mistakes:
            raise StartRefusedError("; ".join(mistakes))

    def _made(self, key: Key, card_id: str) -> bool:
        """Return whether a card was made with a key: every ring of our own making says "k1"."""
        caller, request_id = outlook.made_by(self._looking, card_id)
        return codes.derive_card_id(key, codes.derive_code(key, caller, request_id)) == card_id

    def _holdings(self) -> list[Holdings]:
        with self._looking_lock:
            return outlook.holdings(self._looking)

    def _due(self, limit: int) -> list[str]:
        with self._looking_lock:
            return outlook.due(self._looking, self._now(), limit)

    def _is_ready(self) -> bool:
        return not self._draining.is_set() and self._probe.is_answered()

    def _set_serving(self, status: int) -> None:
        for service in ("", SERVICE):
            self._health.set(service, status)

    def _grpc_server(self, servicer: GiftCardServicer) -> grpc.Server:
        threads = self._settings.rpc_threads
        server = grpc.server(
            ThreadPoolExecutor(threads, thread_name_prefix="rpc"),
            interceptors=[self._interceptor],
            maximum_concurrent_rpcs=4 * threads,
            options=(
                # With it, a second server would share the port without a word.
                ("grpc.so_reuseport", 0 if self._worker is None else 1),
                ("grpc.max_receive_message_length", MESSAGE_BYTES),
                ("grpc.max_metadata_size", METADATA_BYTES),
            ),
        )
        pb_grpc.add_GiftCardServiceServicer_to_server(servicer, server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        reflection.enable_server_reflection(
            (SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME), server
        )
        self._interceptor.expect(SERVICE, service_methods())
        return server

    def _listen(self) -> int:
        credentials = self._credentials()
        address = self._settings.grpc_listen
        if credentials is None:
            return self._grpc.add_insecure_port(address)
        return self._grpc.add_secure_port(address, credentials)

    def _credentials(self) -> grpc.ServerCredentials | None:
        settings = self._settings
        if settings.tls_certificate is None or settings.tls_key is None:
            return None
        paths = (settings.tls_certificate, settings.tls_key, settings.tls_client_ca)
        try:
            # gRPC would only say that it cannot listen. Nobody is asked for a password.
            sound = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            sound.load_cert_chain(settings.tls_certificate, settings.tls_key, password="")
            if settings.tls_client_ca is not None:
                sound.load_verify_locations(settings.tls_client_ca)
            chain = (settings.tls_key.read_bytes(), settings.tls_certificate.read_bytes())
            authority = settings.tls_client_ca.read_bytes() if settings.tls_client_ca else None
        except OSError as error:
            named = ", ".join(str(path) for path in paths if path is not None)
            message = f"TLS: {error.strerror} (of {named})"
            raise StartRefusedError(message) from error
        return grpc.ssl_server_credentials(
            [chain], authority, require_client_auth=authority is not None
        )
