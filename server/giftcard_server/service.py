"""The running service: how it is composed, how it starts and how it drains."""

from __future__ import annotations

import gc
import signal
import threading
import time
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Final

import structlog

from giftcard_server.callers.access import Access
from giftcard_server.clocks.judged_clock import LOOK_SECONDS as LOOK_AT_CLOCKS_SECONDS
from giftcard_server.clocks.judged_clock import TrustedClock
from giftcard_server.deciding.housekeeping import Housekeeping
from giftcard_server.edge.calls_in_progress import LOOK_SECONDS, CallsInProgress
from giftcard_server.edge.grpc_server import SERVICE, grpc_server
from giftcard_server.edge.health import NOT_SERVING, SERVING, Health
from giftcard_server.edge.interception import Interceptor
from giftcard_server.errors import ClockWrongError, StartRefusedError
from giftcard_server.keys.key_ring import ring_of
from giftcard_server.keys.known_cards import require_known
from giftcard_server.metrics import RpcMetrics
from giftcard_server.ops_http import HttpServer, http_server
from giftcard_server.parts import (
    Parts,
    judged_clock_of,
    parts_of,
    prepare_database,
    registry_of,
)
from giftcard_server.probe import Probe
from giftcard_server.recurring import Recurring
from giftcard_server.shared_overview import SharedOverview
from giftcard_storage import database
from giftcard_storage.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from giftcard_rules.codes import KeyRing
    from giftcard_rules.terms import Terms
    from giftcard_server.settings import Settings
    from giftcard_storage.database import DatabaseUrl

log = structlog.get_logger(__name__)

CHECKPOINT_SECONDS: Final = 0.25
BREAKER_SECONDS: Final = 1.0
FIRST_WORKER: Final = 1
GC_THRESHOLDS: Final = (20_000, 50, 100)


class Service:
    """A server on one database. Raises `StartRefusedError` or `StorageError` when made.

    `now` is a clock to trust, by default that of this machine, which is judged. `worker` is its
    number among those that share a port; their supervisor answers HTTP. `reread` reads the settings
    again, for those that may change while it runs.
    """

    def __init__(
        self,
        settings: Settings,
        now: Callable[[], datetime] | None = None,
        worker: int | None = None,
        reread: Callable[[], Settings] | None = None,
    ) -> None:
        self._settings = settings
        self._draining = threading.Event()
        url, ring = settings.database_url, ring_of(settings)
        prepare_database(settings, ring)
        with ExitStack() as opened:
            overview = SharedOverview(url)
            opened.callback(overview.close)
            self._probe = Probe(url)
            opened.callback(self._probe.close)
            _require_known_cards(overview, ring, settings.terms)
            self.registry = registry_of(settings, overview)
            # In one process alone: several would contend for the same cards.
            keeps_house = worker in {None, FIRST_WORKER}
            judged = partial(judged_clock_of, settings, opened, self.registry, marks=keeps_house)
            self._clock = TrustedClock(now) if now else judged()
            parts = self.parts = parts_of(settings, ring, self.registry, self._clock.now, opened)
            servicer, self._health = parts.servicer, Health(SERVICE)
            access, calls = Access(settings, reread), CallsInProgress()
            self._interceptor = Interceptor(access.callers, calls, RpcMetrics(self.registry))
            services = (servicer, self._health, self._interceptor)
            self._grpc = grpc_server(settings, *services, shares_its_port=worker is not None)
            self._recurring = [
                *([_housekeeping(parts, overview)] if keeps_house else []),
                Recurring("clock", self._clock.look, LOOK_AT_CLOCKS_SECONDS, ()),
                access.reloading,
                Recurring("overdue calls", calls.end_overdue, LOOK_SECONDS, ()),
                Recurring("breakers", parts.attempts.show, BREAKER_SECONDS, ()),
                *([_checkpointing(url, opened)] if url.engine.needs_checkpoints else []),
            ]
            self._http: HttpServer | None = None
            self._listen(access, with_http=worker is None)
            self._opened = opened.pop_all()

    @property
    def listening(self) -> str:
        """Where it listens and its database, in one line."""
        return self._settings.listening(self.grpc_port, self._http.port if self._http else None)

    def start(self) -> None:
        """Start to answer."""
        self._grpc.start()
        if self._http:
            self._http.start()
        for recurring in self._recurring:
            recurring.start()
        self._health.set(SERVING)

    def drain(self) -> None:
        """Stop: readiness off, then finish the running calls and close the connections."""
        self._draining.set()
        self._health.set(NOT_SERVING)
        # Load balancers need a moment to notice; calls that they still send are answered.
        time.sleep(self._settings.drain_pause_seconds)
        stopped = self._grpc.stop(self._settings.drain_seconds)
        self._interceptor.end_streams()  # A stream that watches health would outlast the pause.
        stopped.wait()
        for recurring in self._recurring:
            recurring.stop()
        if self._http:
            self._http.stop()
        self._opened.close()

    def _why_not_ready(self) -> str:
        if self._draining.is_set():
            return "the server is stopping"
        if not self._probe.is_answered():
            return "the database does not answer"
        return self._clock.why_wrong()

    def _listen(self, access: Access, *, with_http: bool) -> None:
        settings, certificates = self._settings, access.certificates
        try:
            self.grpc_port = (
                self._grpc.add_insecure_port(settings.grpc_listen)
                if certificates is None
                else self._grpc.add_secure_port(settings.grpc_listen, certificates.for_grpc())
            )
            if with_http:
                self._http = http_server(settings, access, self.registry, self._why_not_ready)
        except (OSError, RuntimeError) as error:
            raise StartRefusedError(settings.cannot_listen(error)) from error


def _require_known_cards(
    overview: SharedOverview, ring: KeyRing, terms: Mapping[str, Terms]
) -> None:
    """Raise `StartRefusedError` unless the ring and the markets have what the cards rely on."""
    require_known(overview.holdings(), overview.made_by, ring, terms)
    for key_id, cards in overview.sealed().items():
        if ring.get(key_id) is None:  # No payment needs them.
            log.warning("people are out of reach without their key", key=key_id, cards=cards)


def _housekeeping(parts: Parts, overview: SharedOverview) -> Housekeeping:
    def due(limit: int) -> list[str]:
        try:
            return overview.due(parts.now(), limit)
        except ClockWrongError:
            return []  # Nothing is due while nobody knows the time; the clock has logged it.

    return Housekeeping(due, parts.committer, parts.settings.housekeeping_seconds)


def _checkpointing(url: DatabaseUrl, opened: ExitStack) -> Recurring:
    """Return what checkpoints an embedded database, on a connection of its own."""
    connection = database.connect(url)
    opened.callback(database.close, connection)
    checkpoint = partial(database.checkpoint, connection)
    return Recurring("checkpoint", checkpoint, CHECKPOINT_SECONDS, (StorageError,))


def run(service: Service, stop: Iterable[signal.Signals], say_ready: Callable[[], object]) -> None:
    """Answer until one of the signals arrives, then drain. The signals have to be blocked."""
    _calm_the_collector()
    service.start()
    say_ready()
    log.info("ready", listening=service.listening)
    signal.sigwait(stop)
    log.info("draining")
    service.drain()
    log.info("stopped")


def _calm_the_collector() -> None:
    """Collect garbage less often: a batch makes many objects, and no cycles among them."""
    gc.collect()
    gc.freeze()  # These objects live as long as the process.
    gc.set_threshold(*GC_THRESHOLDS)
