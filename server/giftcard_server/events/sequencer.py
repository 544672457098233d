"""Gives positions to events that have none, on a connection and a thread of its own.

Each server of a shared database has one, and the one that holds the lease is at work. It looks at
intervals, and at once when this process has committed. The embedded database needs none: there,
a decision and the positions of its events are one transaction.
"""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import structlog

from giftcard_server.recurring import Recurring
from giftcard_storage.errors import StaleError, StorageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from giftcard_server.events.metrics import SequencerMetrics
    from giftcard_storage.sequencing import Sequencing

log = structlog.get_logger(__name__)

EVENTS_AT_ONCE: Final = 1000
# The holder keeps its lease so often; another server looks so often whether it may take it.
KEEP_SECONDS: Final = 0.75
TAKE_SECONDS: Final = 0.5
# After positions were given: so that many commits share one transaction of the sequencer.
BUSY_SECONDS: Final = 0.08
# While there was nothing to do. Another replica's events wait for so long at most.
IDLE_SECONDS: Final = 0.08


def own_name() -> str:
    """Return a name for a holder of the lease that no other has had."""
    return f"{socket.gethostname()}/{os.getpid()}/{uuid.uuid4().hex[:8]}"


class Sequencer(Recurring):
    """Gives positions while it holds the lease. `woken` is set when this process commits."""

    def __init__(
        self,
        sequencing: Sequencing,
        woken: threading.Event,
        metrics: SequencerMetrics,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__("sequencer", self.look, IDLE_SECONDS, (StorageError,))
        self._sequencing = sequencing
        self._woken = woken
        self._metrics = metrics
        self._monotonic = monotonic
        self._holds = False
        self._hold_again_at = 0.0
        self._pause_seconds, self._is_idle = IDLE_SECONDS, True
        self._is_told = False  # That this process has committed, so that events wait for sure.

    def look(self) -> None:
        """Look after the lease, and give positions to what waits for them."""
        self._pause_seconds, self._is_idle = TAKE_SECONDS, False  # Also where the database is away.
        if self._monotonic() >= self._hold_again_at:
            self._hold()
        if self._holds:
            self._is_idle = not self._give()
            self._pause_seconds = BUSY_SECONDS

    def begin_to_stop(self) -> None:
        """Have it stop after the current round, also where it waits for a commit."""
        super().begin_to_stop()
        self._woken.set()

    def leave(self) -> None:
        """Let another server take over at once."""
        if self._holds:
            with suppress(StorageError):
                self._sequencing.let_go()

    def pause(self) -> None:
        """Wait for the next round. A commit wakes the holder, unless it was just at work."""
        if self._is_idle:
            self._woken.wait(IDLE_SECONDS)
        else:
            self.stopping.wait(self._pause_seconds)
        self._is_told = self._woken.is_set()
        self._woken.clear()

    def _hold(self) -> None:
        held, self._holds = self._holds, False
        # Where this fails, it is tried again like a lease that another server holds.
        self._hold_again_at = self._monotonic() + TAKE_SECONDS
        try:
            has_changed = self._sequencing.hold()
        except StaleError:  # Another server was faster.
            has_changed = None
        if has_changed:
            self._metrics.lease_changed()
            log.info("gives positions to events from now on")
        elif held and has_changed is None:
            log.warning("another server gives positions to events now")
        if has_changed is not None:
            self._holds = True
            self._hold_again_at = self._monotonic() + KEEP_SECONDS

    def _give(self) -> bool:
        """Give positions to all events that wait; return whether there were any."""
        given_in_all = 0
        while not self.stopping.is_set() and (self._is_told or self._sequencing.is_waiting()):
            self._is_told = False
            try:
                given = self._sequencing.number(EVENTS_AT_ONCE)
            except StaleError:  # Another server believes in its lease as well.
                self._hold_again_at = 0.0
                break
            self._metrics.gave(given)
            given_in_all += given
            if given < EVENTS_AT_ONCE or self._monotonic() >= self._hold_again_at:
                break  # Nothing else waits, or the lease comes first.
        return given_in_all > 0
