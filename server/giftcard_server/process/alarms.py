"""Runs functions at their time, all in one thread; none of them may wait."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from typing import TYPE_CHECKING

import structlog

from giftcard_server.logs import where

if TYPE_CHECKING:
    from collections.abc import Callable

log = structlog.get_logger(__name__)


class Alarms:
    """Functions by the time at which they are due. Any thread may use it.

    The thread exists from the start, so that load can never lack it.
    """

    def __init__(self, name: str) -> None:
        # By time, then in the order in which they were set: functions have no order.
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._is_stopped = False
        threading.Thread(target=self._run, name=name, daemon=True).start()

    @property
    def waiting(self) -> int:
        """How many functions wait for their time."""
        return len(self._due)

    def at(self, due_at: float, function: Callable[[], object]) -> None:
        """Run a function at a time of the monotonic clock, or at once where that has passed."""
        with self._changed:
            heapq.heappush(self._due, (due_at, next(self._numbers), function))
            if self._due[0][2] is function:  # The thread waits for a later one, or for any.
                self._changed.notify()

    def stop(self) -> None:
        """Let the thread end. What is still due is not run."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify()

    def _run(self) -> None:
        while (function := self._next()) is not None:
            try:
                function()
            except Exception as error:  # noqa: BLE001 - the others shall be run at their time
                log.error("defect", error=where(error))  # noqa: TRY400 - the text may quote a request

    def _next(self) -> Callable[[], object] | None:
        """Wait for the next function that is due; return None once it is stopped."""
        with self._changed:
            while not self._is_stopped:
                seconds = self._due[0][0] - time.monotonic() if self._due else None
                if seconds is not None and seconds <= 0:
                    return heapq.heappop(self._due)[2]
                self._changed.wait(seconds)
            return None
