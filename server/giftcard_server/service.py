"""The running service: what it is made of, how it starts, how it drains."""

from __future__ import annotations

import gc
import signal
import threading
import time
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final

import structlog
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

from giftcard_server.callers.access import Access
from giftcard_server.callers.callers import caller_of
from giftcard_server.deciding.committer import Committer
from giftcard_server.deciding.housekeeping import Housekeeping
from giftcard_server.deciding.validate_reader import ValidateReader
from giftcard_server.edge import responses
from giftcard_server.edge.calls_in_progress import LOOK_SECONDS, CallsInProgress
from giftcard_server.edge.gift_cards import GiftCardServicer
from giftcard_server.edge.grpc_server import SERVICE, grpc_server
from giftcard_server.edge.health import NOT_SERVING, SERVING, Health
from giftcard_server.edge.interception import Interceptor
from giftcard_server.edge.requests import RequestReader
from giftcard_server.errors import StartRefusedError
from giftcard_server.guesses.attempts import attempts_of
from giftcard_server.keys.key_ring import ring_of
from giftcard_server.keys.known_cards import require_known
from giftcard_server.markets import markets_of
from giftcard_server.metrics import DomainMetrics, LiabilityCollector, RpcMetrics
from giftcard_server.ops_http import HttpServer, http_server
from giftcard_server.probe import Probe
from giftcard_server.recurring import Recurring
from giftcard_storage import database, overview
from giftcard_storage.errors import StorageError
from giftcard_storage.sealing import Sealing
from giftcard_storage.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from giftcard_server.settings import Settings
    from giftcard_storage.overview import Holdings

log = structlog.get_logger(__name__)

CHECKPOINT_SECONDS: Final = 0.25
BREAKER_SECONDS: Final = 1.0
FIRST_WORKER: Final = 1
GC_THRESHOLDS: Final = (20_000, 50, 100)


def utc_now() -> datetime:
    """Return the time: the one place where the service reads a clock for its rules."""
    return datetime.now(UTC)


class Service:
    """A server on one database. Raises `StartRefusedError` or `StorageError` when made.

    `now` is its clock. `worker` is its number among those that share a port; it leaves HTTP
    to their supervisor. `reread` reads the settings anew, for what may change while it runs.
    """

    def __init__(
        self,
        settings: Settings,
        now: Callable[[], datetime] = utc_now,
        worker: int | None = None,
        reread: Callable[[], Settings] | None = None,
    ) -> None:
        self._settings = settings
        self._worker = worker
        self._now = now
        self._draining = threading.Event()
        url = settings.database_url
        ring = ring_of(settings)
        if settings.migrate_on_start or not url.engine.is_migrated_by_command:
            database.migrate(url, ring)
        if url.engine.is_migrated_by_command:
            database.require_schema(url)
        terms = settings.terms
        markets = markets_of(terms)
        writing, reading = database.connect(url), database.connect(url)
        self._looking = database.connect_to_look_over(url)
        self._connections = [writing, reading, self._looking]
        self._looking_lock = threading.Lock()
        self._probe = Probe(url)
        made_by = partial(overview.made_by, self._looking)
        require_known(self._holdings(), made_by, ring, terms)
        for key_id, cards in overview.sealed(self._looking).items():
            if ring.get(key_id) is None:  # No payment needs them.
                log.warning("people are out of reach without their key", key=key_id, cards=cards)

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
            Store(writing, Sealing(ring)), markets, responses.encode, now, metrics, **limits
        )
        attempts = attempts_of(settings, ring, self.registry, settings.refusal_places)
        servicer = GiftCardServicer(
            RequestReader(ring, markets),
            self._committer,
            ValidateReader(Store(reading), markets, now, **limits),
            attempts,
            metrics,
            now,
            caller_of,
        )
        self._health = Health(SERVICE)
        access, calls = Access(settings, reread), CallsInProgress()
        self._interceptor = Interceptor(access.callers, calls, rpc_metrics)
        self._grpc = grpc_server(
            settings, servicer, self._health, self._interceptor, shares_its_port=worker is not None
        )
        housekeeping = Housekeeping(self._due, self._committer, settings.housekeeping_seconds)
        # One of them is enough, and two would stand in each other's way.
        self._recurring: list[Recurring] = [housekeeping] if worker in {None, FIRST_WORKER} else []
        self._recurring += [
            access.reloading,
            Recurring("overdue calls", calls.end_overdue, LOOK_SECONDS, ()),
            Recurring("breakers", attempts.show, BREAKER_SECONDS, ()),
        ]
        if url.engine.needs_checkpoints:
            tidying = database.connect(url)
            self._connections.append(tidying)
            checkpoint = partial(database.checkpoint, tidying)
            self._recurring.append(
                Recurring("checkpoint", checkpoint, CHECKPOINT_SECONDS, (StorageError,))
            )
        self._http: HttpServer | None = None
        try:
            self.grpc_port = self._listen(access)
            if worker is None:
                self._http = http_server(settings, access, self.registry, self._is_ready)
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
        self._health.set(SERVING)

    def drain(self) -> None:
        """Stop: readiness off, running calls finish, nothing acknowledged is lost."""
        self._draining.set()
        self._health.set(NOT_SERVING)
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

    def _holdings(self) -> list[Holdings]:
        with self._looking_lock:
            return overview.holdings(self._looking)

    def _due(self, limit: int) -> list[str]:
        with self._looking_lock:
            return overview.due(self._looking, self._now(), limit)

    def _is_ready(self) -> bool:
        return not self._draining.is_set() and self._probe.is_answered()

    def _listen(self, access: Access) -> int:
        address, certificates = self._settings.grpc_listen, access.certificates
        if certificates is None:
            return self._grpc.add_insecure_port(address)
        return self._grpc.add_secure_port(address, certificates.for_grpc())


def run(service: Service, stop: Iterable[signal.Signals], say_ready: Callable[[], object]) -> None:
    """Answer until one of the signals comes, which have to be blocked, and drain."""
    _calm_the_collector()
    service.start()
    say_ready()
    log.info("ready", listening=service.listening)
    signal.sigwait(stop)
    log.info("draining")
    service.drain()
    log.info("stopped")


def _calm_the_collector() -> None:
    """Look for cycles less often: a batch makes many objects and no cycles among them."""
    gc.collect()
    gc.freeze()  # What is made by now lives as long as the process.
    gc.set_threshold(*GC_THRESHOLDS)
