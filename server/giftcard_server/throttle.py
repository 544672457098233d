"""Who tried too many wrong codes of late, and has to wait."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

if TYPE_CHECKING:
    from collections.abc import Iterator


class Throttle:
    """Counts failed look-ups in a moving window, for each caller and each of its attempt keys.

    Attempts with an empty key count together; where a call has no such key (None), its
    failures count for the caller alone. Over either limit, right codes are turned away as
    well until the window has moved on.
    """

    def __init__(self, *, per_key: int, per_caller: int, window: timedelta) -> None:
        seconds = int(window.total_seconds())
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._per_key = RateLimitItemPerSecond(per_key, seconds, "attempt-key")
        self._per_caller = RateLimitItemPerSecond(per_caller, seconds, "caller")

    def wait(self, caller: str, attempt_key: str | None) -> timedelta | None:
        """Return how long this caller and key have to wait, None where they need not."""
        for limit, identity in self._counted(caller, attempt_key):
            if not self._limiter.test(limit, *identity):
                reset_time = self._limiter.get_window_stats(limit, *identity).reset_time
                return timedelta(seconds=max(1.0, reset_time - time.time()))
        return None

    def failed(self, caller: str, attempt_key: str | None) -> None:
        """Count a look-up that found no card."""
        for limit, identity in self._counted(caller, attempt_key):
            self._limiter.hit(limit, *identity)

    def _counted(
        self, caller: str, attempt_key: str | None
    ) -> Iterator[tuple[RateLimitItemPerSecond, tuple[str, ...]]]:
        if attempt_key is not None:
            yield self._per_key, (caller, attempt_key)
        yield self._per_caller, (caller,)
