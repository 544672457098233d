"""Answers that turn a code down take the same time, whatever they turn it down for."""

from __future__ import annotations

import threading
import time
from typing import Final

from giftcard_rules.reasons import Reason

# What the answer says of the code is no more than: not this one, or not now.
TURNED_DOWN: Final = frozenset({Reason.CARD_NOT_FOUND, Reason.TOO_MANY_ATTEMPTS})


class EvenAnswers:
    """Holds answers back that would leave sooner than `floor_seconds` after their call came.

    While a breaker is tripped it is `tripped_floor_seconds`, so that whoever guesses and waits
    for each answer gets few. They wait in their threads: at most `places` at a time, so that
    others find one; what is more than that leaves at once.
    """

    def __init__(self, floor_seconds: float, tripped_floor_seconds: float, places: int) -> None:
        self._floor_seconds = {False: floor_seconds, True: tripped_floor_seconds}
        self._places = threading.BoundedSemaphore(places)

    def hold_back(self, came: float, time_remaining: float | None, *, is_tripped: bool) -> None:
        """Wait until the answer may leave; no longer than its caller does.

        `came` is when the call came, by the monotonic clock, and `time_remaining` how many
        seconds are left until its deadline, None where it has none.
        """
        seconds = came + self._floor_seconds[is_tripped] - time.monotonic()
        if time_remaining is not None:
            seconds = min(seconds, time_remaining)
        if seconds > 0 and self._places.acquire(blocking=False):
            try:
                time.sleep(seconds)
            finally:
                self._places.release()
