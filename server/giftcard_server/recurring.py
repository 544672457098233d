"""A task that runs at intervals in a thread of its own, and goes on after its failures."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final, Protocol

import structlog

from giftcard_server.logs import Summarized, where

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

log = structlog.get_logger(__name__)

# A round takes milliseconds, unless it waits for a database that hangs.
STOP_SECONDS: Final = 1.0


class Recurring:
    """Runs `task` at once, and then every `every_seconds`, until it is stopped.

    An error of a type in `postponed_by` is expected, and the next round may do better. Any other
    error is a defect, and is logged as one.
    """

    def __init__(
        self,
        name: str,
        task: Callable[[], object],
        every_seconds: float,
        postponed_by: tuple[type[Exception], ...],
    ) -> None:
        self.name = name
        self._task = task
        self._every_seconds = every_seconds
        self.postponed_by = postponed_by
        self.stopping = threading.Event()
        self._postponed = Summarized(log, "warning")
        self._one_round = threading.Lock()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread; the first round begins at once."""
        self._thread.start()

    def round(self) -> None:
        """Do what is due now, once no other thread does. Raises what the task does."""
        with self._one_round:
            self._task()

    def begin_to_stop(self) -> None:
        """Have it stop after the current round; the task may look at `stopping` to end it early."""
        self.stopping.set()

    def has_stopped_by(self, give_up_at: float) -> bool:
        """Wait until its thread has ended, by the monotonic clock; return whether it has."""
        self._thread.join(max(0.0, give_up_at - time.monotonic()))
        return not self._thread.is_alive()

    def pause(self) -> None:
        """Wait for the next round, or for the end."""
        self.stopping.wait(self._every_seconds)

    def leave(self) -> None:
        """Do what is to be done after the last round, in the same thread. Raises nothing."""

    def _run(self) -> None:
        while not self.stopping.is_set():
            try:
                self.round()
                self._postponed.flush()
            except self.postponed_by as error:
                self._postponed.add("task postponed", task=self.name, why=type(error).__name__)
                self._postponed.flush()
            except Exception as error:  # noqa: BLE001 - the next round may do better
                # Without the error's text, which may quote stored data.
                log.error("defect", error=where(error))  # noqa: TRY400
            self.pause()
        self.leave()


class Stoppable(Protocol):
    """What goes on in a thread of its own until it is told to stop."""

    name: str

    def begin_to_stop(self) -> None:
        """Have it stop soon, and wait for nothing."""

    def has_stopped_by(self, give_up_at: float) -> bool:
        """Wait until its thread has ended, by the monotonic clock; return whether it has."""


def stop_all(tasks: Iterable[Stoppable]) -> list[str]:
    """Stop tasks after their current rounds; return the names of those that take too long."""
    tasks = list(tasks)
    for task in tasks:
        task.begin_to_stop()
    give_up_at = time.monotonic() + STOP_SECONDS
    return [task.name for task in tasks if not task.has_stopped_by(give_up_at)]
