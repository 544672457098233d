"""A task that runs every so often in a thread of its own, and survives its failures."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import structlog

from giftcard_server.logs import where

if TYPE_CHECKING:
    from collections.abc import Callable

log = structlog.get_logger(__name__)


class Recurring:
    """Runs `task` at once, and then every so many seconds, until it is stopped.

    An error of one of the kinds in `put_off_by` means that the next round may do better; any
    other one is a defect, and is logged as such.
    """

    def __init__(
        self,
        name: str,
        task: Callable[[], object],
        every_seconds: float,
        put_off_by: tuple[type[Exception], ...],
    ) -> None:
        self._name = name
        self._task = task
        self._every_seconds = every_seconds
        self.put_off_by = put_off_by
        self.stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin, at once."""
        self._thread.start()

    def stop(self) -> None:
        """Stop when the round at hand is done; the task may look at `stopping` to end early."""
        self.stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self.stopping.is_set():
            try:
                self._task()
            except self.put_off_by as error:
                log.warning("put off", task=self._name, why=type(error).__name__)
            except Exception as error:  # noqa: BLE001 - the next round may do better
                # Not with the error's text, which may quote what was stored.
                log.error("defect", error=where(error))  # noqa: TRY400
            self.stopping.wait(self._every_seconds)
