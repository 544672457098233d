"""The signal to stop. A thread of its own waits for it from the start to the end."""

from __future__ import annotations

import signal
import threading
import time
from functools import partial
from typing import TYPE_CHECKING

from giftcard_server.process.last_resort import EXIT_BROKEN, LAST_WORDS_SECONDS, end_at_once

if TYPE_CHECKING:
    from collections.abc import Callable, Collection


class StopSignal:
    """Ends the process when one of the signals arrives, whatever its other threads do.

    Until `stop_by` was called there is nothing to finish, and the process ends at once, with 0.
    The signals have to be blocked before. A second one changes nothing.
    """

    def __init__(self, signals: Collection[signal.Signals]) -> None:
        self._signals = signals
        self._way: tuple[Callable[[], object], float] = (partial(end_at_once, 0), 0.0)
        threading.Thread(target=self._run, name="stop signal", daemon=True).start()

    def stop_by(self, stop: Callable[[], object], within_seconds: float) -> None:
        """From now on call `stop`, and end the process if it lives `within_seconds` later."""
        self._way = (stop, within_seconds)

    def _run(self) -> None:
        signal.sigwait(self._signals)
        stop, seconds = self._way
        stop()
        time.sleep(max(0.0, seconds - LAST_WORDS_SECONDS))
        event = "stopping takes too long: the process ends"
        end_at_once(EXIT_BROKEN, event, seconds=seconds)
