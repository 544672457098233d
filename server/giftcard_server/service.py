"""The running service: how it is composed, how it starts and how it drains."""

from __future__ import annotations

import gc
import threading
import time
from contextlib import ExitStack, closing
from functools import partial
from typing import TYPE_CHECKING, Final, NoReturn

import structlog

from giftcard_server.background import in_background, watching
from giftcard_server.callers.access import Access
from giftcard_server.clocks.judged_clock import utc_now
from giftcard_server.deciding.write_check import WriteCheck
from giftcard_server.edge.calls_in_progress import CallsInProgress
from giftcard_server.edge.draining import finish_calls
from giftcard_server.edge.grpc_server import CONFIDANTS, SERVICES, grpc_server
from giftcard_server.edge.health import NOT_SERVING, SERVING, Health
from giftcard_server.edge.interception import Interceptor
from giftcard_server.edge.marks import marks_of
from giftcard_server.edge.parking.choice import parking_of, rpc_threads
from giftcard_server.edge.watching import Telling
from giftcard_server.errors import StartRefusedError
from giftcard_server.figures import registry_of
from giftcard_server.keys.key_ring import ring_of
from giftcard_server.keys.known_cards import out_of_reach, require_known
from giftcard_server.keys.new_database import require_age, require_file
from giftcard_server.known_terms import require_terms
from giftcard_server.logs import where
from giftcard_server.mail.worker import MailWorker
from giftcard_server.metrics import RpcMetrics
from giftcard_server.opening import judged_clock_of, prepare_database
from giftcard_server.ops_http import HttpServer, http_server
from giftcard_server.parts import (
    Parts,
    events_of,
    parts_of,
)
from giftcard_server.probe import Probe
from giftcard_server.process.last_resort import EXIT_BROKEN, end_at_once
from giftcard_server.process.ready_threads import ReadyThreads
from giftcard_server.recurring import stop_all
from giftcard_server.sandbox import trusted_clock_of, with_sandbox
from giftcard_server.shared_overview import SharedOverview
from giftcard_server.tracing.call_log import CallLog
from giftcard_storage import database

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from giftcard_rules.codes import KeyRing
    from giftcard_server.edge.parking.parked_calls import Parking
    from giftcard_server.process.stop_signal import StopSignal
    from giftcard_server.settings import Settings

log = structlog.get_logger(__name__)

BREAKER_SECONDS: Final = 1.0
# Does the housekeeping alone, as several would contend for the same cards.
FIRST_WORKER: Final = 1
# Beyond what draining may take.
LAST_RESORT_SECONDS: Final = 3.0
GC_THRESHOLDS: Final = (20_000, 50, 100)


class Service:
    """A server on one database. Raises `StartRefusedError` or `StorageError` when made.

    `now` is a clock to trust, by default that of this machine, which is judged. `worker` is its
    number among those that share a port; their supervisor answers HTTP. `reread` reads the settings
    again, for those that may change while it runs. `tell_of_writes` is called with why nothing can
    be written, and with "" once it can.
    """

    _http: HttpServer | None = None  # Workers leave it to their supervisor.

    def __init__(
        self,
        settings: Settings,
        now: Callable[[], datetime] | None = None,
        worker: int | None = None,
        reread: Callable[[], Settings] | None = None,
        tell_of_writes: Callable[[str], object] = lambda _why_not: None,
    ) -> None:
        self._settings, self._draining = settings, threading.Event()
        require_file(settings)
        url, ring = settings.database_url, ring_of(settings)
        _require_schema(settings, ring, worker)
        with ExitStack() as opened, ExitStack() as serving:
            overview = opened.enter_context(closing(SharedOverview(url)))
            self._probe = opened.enter_context(closing(Probe(url)))
            sandbox, trusted = trusted_clock_of(settings, now, opened, lambda: self._recurring)
            _require_known_cards(settings, overview, ring, trusted.now() if trusted else utc_now())
            self.registry = registry_of(settings, overview, self._probe)
            may_send = self._may_send if worker in {None, FIRST_WORKER} else None
            clock_of = partial(judged_clock_of, marks=may_send is not None)
            self._clock = trusted or clock_of(settings, opened, self.registry)
            parts = self.parts = parts_of(settings, ring, self.registry, self._clock.now, opened)
            self._writes = WriteCheck(parts.committer, url, tell_of_writes)
            access, calls = Access(settings, reread), CallsInProgress(marks=marks_of(settings))
            call_log = CallLog(settings.log_calls, worker)
            telling = Telling(RpcMetrics(self.registry), call_log, parts.tracer)
            watched_by = (access.callers, calls, telling)
            self._interceptor = Interceptor(*watched_by, _parking_of(settings, parts, serving))
            self._events = events_of(settings, access.callers, self.registry, opened)
            servicers = with_sandbox(parts, self._events, sandbox, opened)
            self._health = Health(*SERVICES, *(CONFIDANTS if self._events else ()))
            serving.callback(self._health.close)
            serving.callback((threads := ReadyThreads(rpc_threads(settings), "rpc")).shutdown)
            answering = (threads, servicers, self._health, self._interceptor)
            self._grpc = grpc_server(settings, *answering, shares_its_port=worker is not None)
            serving.callback(self._interceptor.close)
            self._recurring = watching(parts, self._clock, self._writes, access, calls)
            self._recurring += [call_log, *in_background(parts, overview, opened, may_send)]
            self._listen(access, with_http=worker is None)
            self._opened, self._serving = opened.pop_all(), serving.pop_all()

    @property
    def listening(self) -> str:
        """Where it listens and its database, in one line."""
        return self._settings.listening(self.grpc_port, self._http.port if self._http else None)

    @property
    def stops_within_seconds(self) -> float:
        """How long it may take to stop, at most."""
        settings = self._settings
        return settings.drain_pause_seconds + settings.drain_seconds + LAST_RESORT_SECONDS

    def start(self) -> None:
        """Start to answer."""
        self._grpc.start()
        if self._http:
            self._http.start()
        if self._events:
            self._events.delivery.start()
        for recurring in self._recurring:
            recurring.start()
        self._health.set(SERVING)

    def drain(self) -> None:
        """Finish, and stop listening, in a process that goes on."""
        self.finish()
        self._grpc.stop(None)
        self._serving.close()
        if self._http:
            self._http.stop()

    def finish(self) -> None:
        """Stop: readiness off, then finish the calls that were taken, and close the database.

        Callers stay connected, and their calls are refused, until the process ends.
        """
        self._draining.set()
        for recurring in self._recurring:
            if isinstance(recurring, MailWorker):  # It may be sending, and shall note that.
                recurring.begin_to_stop()
        self._health.set(NOT_SERVING)
        # Load balancers need a moment to notice; calls that they still send are answered.
        time.sleep(self._settings.drain_pause_seconds)
        if self._events:
            self._events.delivery.drain()
        unanswered = finish_calls(self._interceptor, self._settings.drain_seconds)
        # What goes on uses the connections still. Nothing of it is acknowledged.
        if unanswered:
            log.error("calls are left without an answer", calls=unanswered)
        delivery = [self._events.delivery] if self._events else []
        tasks = stop_all([*self._recurring, *delivery])
        if tasks:
            log.warning("tasks are left unfinished", tasks=tasks)
        if not unanswered and not tasks:
            self._opened.close()

    def _may_send(self) -> bool:
        """Return whether e-mail may leave this server: only while it would answer calls."""
        return not self._why_not_ready()

    def _why_not_ready(self) -> str:
        if self._draining.is_set():
            return "the server is stopping"
        why_not = self._probe.why_not_ready() or self._clock.why_wrong()
        if why_not:
            return why_not
        return self._writes.why_not and f"nothing can be written: {self._writes.why_not}"

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


def _require_schema(settings: Settings, ring: KeyRing | None, worker: int | None) -> None:
    """Bring the schema up to date where that is this process's task, and check it."""
    if worker is None:
        prepare_database(settings, ring)
    else:  # The supervisor has done so.
        database.require_schema(settings.database_url)


def _parking_of(settings: Settings, parts: Parts, serving: ExitStack) -> Parking | None:
    """Return where calls are parked, if they are, on threads that `serving` will end."""
    serving.callback(parts.alarms.stop)
    parking = parking_of(settings)
    if parking:
        serving.callback(parking.threads.shutdown)
        for batcher in parts.batchers:
            batcher.spare = parking.threads.run
    return parking


def _require_known_cards(
    settings: Settings, overview: SharedOverview, ring: KeyRing, now: datetime
) -> None:
    """Raise `StartRefusedError` unless the ring, the markets and the cards fit together."""
    require_age(settings, overview)
    markets = settings.known_markets
    known = (overview.holdings(), overview.keys_in_use(), overview.made_by)
    require_known(*known, ring, markets)
    require_terms(overview, markets, now)
    for key_id, cards in out_of_reach(overview.sealed(), ring).items():
        log.warning("people are out of reach without their key", key=key_id, cards=cards)


def run(service: Service, signalled: StopSignal, say_ready: Callable[[], object]) -> NoReturn:
    """Answer until there is a signal to stop, then finish, and end the process."""
    try:
        stop = threading.Event()
        signalled.stop_by(stop.set, service.stops_within_seconds)
        _calm_the_collector()
        service.start()
        say_ready()
        log.info("ready", listening=service.listening)
        stop.wait()
        log.info("draining")
        service.finish()
        log.info("stopped")
    except BaseException as error:  # noqa: BLE001 - other threads would keep the process alive
        end_at_once(EXIT_BROKEN, "the process cannot go on", error=where(error))
    end_at_once(0)


def _calm_the_collector() -> None:
    """Collect garbage less often: a batch makes many objects, and no cycles among them."""
    gc.collect()
    gc.freeze()  # These objects live as long as the process.
    gc.set_threshold(*GC_THRESHOLDS)
