"""The supervisor of `giftcard serve --workers N`: one port, one /metrics, N worker processes.

It answers no RPC itself. It holds the port, starts the workers, replaces workers that die, and
adds up their metrics.
"""

from __future__ import annotations

import os
import selectors
import signal
import tempfile
import threading
import time
from contextlib import ExitStack, closing
from functools import partial
from typing import TYPE_CHECKING, Final

import structlog
from prometheus_client.multiprocess import MultiProcessCollector

from giftcard_server.callers.access import Access
from giftcard_server.clocks.judged_clock import LOOK_SECONDS
from giftcard_server.errors import StartRefusedError
from giftcard_server.figures import registry_of
from giftcard_server.keys.key_ring import ring_of
from giftcard_server.keys.new_database import require_file
from giftcard_server.metrics import WorkersCollector
from giftcard_server.opening import judged_clock_of, prepare_database
from giftcard_server.ops_http import http_server
from giftcard_server.probe import Probe
from giftcard_server.recurring import Recurring, stop_all
from giftcard_server.shared_overview import SharedOverview
from giftcard_server.workers.shared_port import SharedPort
from giftcard_server.workers.worker_slot import WorkerSlot

if TYPE_CHECKING:
    from collections.abc import Callable

    from giftcard_server.process.stop_signal import StopSignal
    from giftcard_server.settings import Settings

STOP: Final = (signal.SIGTERM, signal.SIGINT)
# For what a worker does before and after draining.
GRACE_SECONDS: Final = 5.0

log = structlog.get_logger(__name__)


def drain_within(settings: Settings) -> float:
    """Return the seconds within which a worker must end after SIGTERM."""
    return settings.drain_pause_seconds + settings.drain_seconds + GRACE_SECONDS


class Supervisor:
    """Workers on one port. Raises `StartRefusedError` or `StorageError` when made or started.

    `reread` reads the settings again, as for a `Service`. The caller has to block the signals of
    `STOP` before; the workers inherit the mask.
    """

    def __init__(self, settings: Settings, reread: Callable[[], Settings]) -> None:
        self._settings = settings
        self._has_started = self._is_stopping = False
        self._draining = threading.Event()
        self._replaced = 0
        url = settings.database_url
        # Migrating happens once, before there are workers, and alone needs the key ring.
        require_file(settings)
        migrates = settings.migrate_on_start or not url.engine.is_migrated_by_command
        prepare_database(settings, ring_of(settings) if migrates else None)
        with ExitStack() as opened, ExitStack() as connected:
            self._probe = connected.enter_context(closing(Probe(url)))
            overview = connected.enter_context(closing(SharedOverview(url)))
            self.registry = registry_of(settings, overview, self._probe)
            self.registry.register(WorkersCollector(settings.workers, self._alive, self._count))
            self._access = Access(settings, reread)
            self._clock = judged_clock_of(settings, connected, None, marks=False)
            self._looking = Recurring("clock", self._clock.look, LOOK_SECONDS, ())
            try:
                self._port = SharedPort(settings.grpc_listen)
                opened.callback(self._port.close)
                self._http = http_server(settings, self._access, self.registry, self._why_not_ready)
            except OSError as error:
                raise StartRefusedError(settings.cannot_listen(error)) from error
            self._folder = opened.enter_context(_folder_of_counters())
            self._selector = opened.enter_context(selectors.DefaultSelector())
            self._opened, self._connected = opened.pop_all(), connected.pop_all()
        environment = self._environment()
        self._slots = [WorkerSlot(1 + each, environment) for each in range(settings.workers)]

    @property
    def listening(self) -> str:
        """Where it listens and its database, in one line."""
        return self._settings.listening(self._port.number, self._http.port)

    def start(self, signalled: StopSignal) -> bool:
        """Start the workers; return True when all are ready, False if a signal stops that."""
        stop, stopping = os.pipe()
        self._selector.register(stop, selectors.EVENT_READ, partial(self._stop, stop))
        wake = partial(os.write, stopping, b".")
        signalled.stop_by(wake, drain_within(self._settings) + 2 * GRACE_SECONDS)
        self._http.start()
        self._access.reloading.start()
        self._looking.start()
        try:
            # The first worker alone, so that a mistake that hits all workers is reported once.
            for some in (self._slots[:1], self._slots[1:]):
                for slot in some:
                    self._start(slot)
                while not (self._is_stopping or all(slot.is_ready for slot in some)):
                    self._tend()
                if self._is_stopping:
                    return False
        except BaseException:
            self.drain()
            raise
        # Only now, as the workers have made their files.
        MultiProcessCollector(self.registry, path=self._folder)
        self._has_started = True
        return True

    def watch(self) -> None:
        """Replace workers that die, until a signal stops that."""
        while not self._is_stopping:
            self._tend()

    def drain(self) -> None:
        """Stop: readiness off, drain the workers, kill those that take too long."""
        self._draining.set()
        for slot in self._running():
            slot.tell_to_drain()
        give_up_at = time.monotonic() + drain_within(self._settings)
        while self._running():
            left = give_up_at - time.monotonic()
            if left <= 0:
                for slot in self._running():
                    log.error("killing a worker that does not drain", worker=slot.number)
                    slot.kill()
                left = GRACE_SECONDS
            self._hear(left)
        self._http.stop()
        if not stop_all((self._access.reloading, self._looking)):
            self._connected.close()
        self._opened.close()

    def _tend(self) -> None:
        """Wait for a signal, output of a worker, or a due restart, and handle it."""
        due = [slot.due_at for slot in self._slots if slot.due_at is not None]
        self._hear(max(0.0, min(due) - time.monotonic()) if due else None)
        if self._is_stopping:
            return
        for slot in self._slots:
            if slot.due_at is not None and slot.due_at <= time.monotonic():
                self._replaced += 1
                self._start(slot)

    def _hear(self, seconds: float | None) -> None:
        for key, _ in self._selector.select(seconds):
            key.data()

    def _start(self, slot: WorkerSlot) -> None:
        try:
            slot.start()
        except OSError as error:
            self._ended(slot, type(error).__name__)
            return
        self._selector.register(slot.fileno(), selectors.EVENT_READ, partial(self._hear_of, slot))
        log.info("worker starts", worker=slot.number, pid=slot.pid)

    def _hear_of(self, slot: WorkerSlot) -> None:
        pipe, pid = slot.fileno(), slot.pid
        exit_code = slot.hear()
        if exit_code is not None:
            self._selector.unregister(pipe)
            self._ended(slot, slot.refusal or f"exit code {exit_code}")
        elif slot.is_ready:
            log.info("worker ready", worker=slot.number, pid=pid)

    def _ended(self, slot: WorkerSlot, why: str) -> None:
        if self._draining.is_set():
            log.info("worker ended", worker=slot.number, why=why)
            return
        if not self._has_started:
            raise StartRefusedError(slot.refusal or f"worker {slot.number} ended: {why}")
        log.error("worker ended", worker=slot.number, why=why, again_in_seconds=slot.pause_seconds)

    def _stop(self, stop: int) -> None:
        os.read(stop, 1)
        self._is_stopping = True

    def _running(self) -> list[WorkerSlot]:
        return [slot for slot in self._slots if slot.is_running]

    def _alive(self) -> int:
        return sum(slot.is_ready for slot in self._slots)

    def _count(self) -> int:
        return self._replaced

    def _why_not_ready(self) -> str:
        if self._draining.is_set():
            return "the server is stopping"
        if not self._alive():
            return "no worker answers"
        if why_not_ready := self._probe.why_not_ready() or self._clock.why_wrong():
            return why_not_ready
        why_not = [slot.why_not_writable for slot in self._slots if slot.is_ready]
        return f"nothing can be written: {why_not[0]}" if why_not and all(why_not) else ""

    def _environment(self) -> dict[str, str]:
        """Return this environment with what workers need: the port, and the folder of counters."""
        host = self._settings.grpc_listen.rpartition(":")[0]
        return dict(os.environ) | {
            "GIFTCARD_GRPC_LISTEN": f"{host}:{self._port.number}",
            "GIFTCARD_MIGRATE_ON_START": "false",
            "PROMETHEUS_MULTIPROC_DIR": self._folder,
        }


def _folder_of_counters() -> tempfile.TemporaryDirectory[str]:
    try:
        return tempfile.TemporaryDirectory(prefix="giftcard-workers-", ignore_cleanup_errors=True)
    except OSError as error:
        message = f"cannot make a folder for the workers' metrics (TMPDIR): {error.strerror}"
        raise StartRefusedError(message) from error
