"""Refusals of a code take equally long, whatever their reason is."""

from __future__ import annotations

import threading
import time
from typing import Final

from giftcard_rules.reasons import Reason

# The reasons that reveal nothing about a code but that it does not work, or not now.
TURNED_DOWN: Final = frozenset({Reason.CARD_NOT_FOUND, Reason.TOO_MANY_ATTEMPTS})


class EvenAnswers:
    """Holds answers back until `floor_seconds` after the arrival of their call.

    While a circuit breaker is tripped the floor is `tripped_floor_seconds`, so that a caller that
    guesses and waits for each answer gets few. An answer waits in its RPC thread. At most `places`
    wait at a time, so that other calls find a thread; answers beyond that are sent undelayed.
    """

    def __init__(self, floor_seconds: float, tripped_floor_seconds: float, places: int) -> None:
        self._floor_seconds = {False: floor_seconds, True: tripped_floor_seconds}
        self._places = threading.BoundedSemaphore(places)

    def hold_back(
        self, arrived_at: float, time_remaining: float | None, *, is_tripped: bool
    ) -> None:
        """Wait until the answer may leave, but no longer than its caller waits.

        `arrived_at` is the arrival of the call by the monotonic clock. `time_remaining` is how
        many seconds are left until its deadline, None if it has none.
        """
        seconds = arrived_at + self._floor_seconds[is_tripped] - time.monotonic()
        if time_remaining is not None:
            seconds = min(seconds, time_remaining)
        if seconds > 0 and self._places.acquire(blocking=False):
            try:
                time.sleep(seconds)
            finally:
                self._places.release()
