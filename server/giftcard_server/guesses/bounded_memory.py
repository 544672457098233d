"""Moving windows in the memory of this process, within a bound."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections import OrderedDict
from typing import Final

from limits.storage import MemoryStorage

# Each key costs a third of a kilobyte.
KEYS: Final = 50_000


class BoundedMemoryStorage(MemoryStorage):
    """A storage of `limits` for moving windows of one length. Any thread may use it.

    Its parent keeps each key for good, and walks over all keys while other threads wait (ADR 31).
    This storage forgets a key when its window has passed. Beyond `keys_limit` it forgets the key
    that was counted longest ago.
    """

    def __init__(self, keys_limit: int = KEYS) -> None:
        super().__init__()
        self.timer.cancel()  # The parent would forget in a thread of its own.
        self._keys_limit = keys_limit
        self._lock = threading.Lock()
        # The times at which each key was counted, oldest first, in seconds since the epoch. The
        # key that was counted longest ago comes first.
        self._times: OrderedDict[str, list[float]] = OrderedDict()

    def __len__(self) -> int:
        """Return how many keys are kept."""
        return len(self._times)

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count `amount` at once, unless the window of `expiry` seconds would exceed `limit`."""
        now = time.time()
        with self._lock:
            self._forget(now - expiry)
            times = self._within(key, now - expiry)
            if len(times) + amount > limit:
                return False
            times += [now] * amount
            self._times[key] = times
            self._times.move_to_end(key)
            if len(self._times) > self._keys_limit:
                self._times.popitem(last=False)
            return True

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:  # noqa: ARG002 - the library's signature
        """Return the oldest time within the window of `expiry` seconds, and how many there are."""
        now = time.time()
        with self._lock:
            times = self._within(key, now - expiry)
            return (times[0], len(times)) if times else (now, 0)

    def _within(self, key: str, since: float) -> list[float]:
        times = self._times.get(key, [])
        if times and times[0] < since:
            del times[: bisect_left(times, since)]
        return times

    def _forget(self, before: float) -> None:
        """Drop up to two keys whose windows have passed, as each call adds at most one."""
        for _ in range(2):
            key = next(iter(self._times), None)
            if key is None or self._times[key][-1:] >= [before]:
                return
            del self._times[key]
