"""Refusals of a code take equally long, whatever their reason is."""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Final

from giftcard_rules.reasons import Reason

if TYPE_CHECKING:
    from giftcard_server.process.alarms import Alarms
    from giftcard_server.process.waits import GoOn, Steps

# The reasons that reveal nothing about a code but that it does not work, or not now.
TURNED_DOWN: Final = frozenset({Reason.CARD_NOT_FOUND, Reason.TOO_MANY_ATTEMPTS})


class EvenAnswers:
    """Holds answers back until `floor_seconds` after the arrival of their call.

    While a circuit breaker is tripped the floor is `tripped_floor_seconds`, so that a caller that
    guesses and waits for each answer gets few. The answer of a parked call waits in `alarms`, and
    takes no thread. Where calls wait in their threads, at most `places` answers do so at a time, so
    that other calls find a thread; answers beyond that are sent undelayed.
    """

    def __init__(
        self, floor_seconds: float, tripped_floor_seconds: float, places: int, alarms: Alarms
    ) -> None:
        self._floor_seconds = {False: floor_seconds, True: tripped_floor_seconds}
        self._places = threading.BoundedSemaphore(places)
        self._alarms = alarms

    def hold_back(
        self, arrived_at: float, time_remaining: float | None, *, is_tripped: bool
    ) -> Steps[None]:
        """Wait until the answer may leave, but no longer than its caller waits.

        `arrived_at` is the arrival of the call by the monotonic clock. `time_remaining` is how
        many seconds are left until its deadline, None if it has none.
        """
        now = time.monotonic()
        leaves_at = arrived_at + self._floor_seconds[is_tripped]
        if time_remaining is not None:
            leaves_at = min(leaves_at, now + time_remaining)
        if leaves_at > now:
            yield _HeldBack(leaves_at, self._places, self._alarms)


class _HeldBack:
    """Waits until an answer may leave, see `Wait`."""

    __slots__ = ("_alarms", "_leaves_at", "_places")

    def __init__(
        self, leaves_at: float, places: threading.BoundedSemaphore, alarms: Alarms
    ) -> None:
        self._leaves_at = leaves_at
        self._places = places
        self._alarms = alarms

    def in_thread(self) -> None:
        if self._places.acquire(blocking=False):
            try:
                time.sleep(max(0.0, self._leaves_at - time.monotonic()))
            finally:
                self._places.release()

    def park(self, go_on: GoOn) -> None:
        self._alarms.at(self._leaves_at, partial(go_on, None, None))
