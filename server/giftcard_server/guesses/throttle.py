"""Decides which callers have to wait, because of too many recent wrong codes."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

import structlog
from limits import RateLimitItemPerSecond
from limits.strategies import MovingWindowRateLimiter

from giftcard_rules import codes
from giftcard_server.guesses.bounded_memory import BoundedMemoryStorage
from giftcard_server.guesses.lately_added import LatelyAdded
from giftcard_server.guesses.metrics import IN_ALL, OF_ATTEMPT_KEY, OF_CALLER

if TYPE_CHECKING:
    from limits import RateLimitItem, WindowStats

    from giftcard_server.guesses.metrics import AttemptMetrics
    from giftcard_server.guesses.shared_windows import SharedWindows

log = structlog.get_logger(__name__)

# How long the last look at a breaker is valid, apart from the failures that this process adds.
LOOK_SECONDS: Final = 1.0


class Limits(NamedTuple):
    """How many failed look-ups a window may have: of an attempt key, of a caller, and in all."""

    per_key: int
    per_caller: int
    in_all: int
    window: timedelta


class Throttle:
    """Counts failed look-ups, and says which calls have to wait, also with a right code.

    An attempt key that has reached its limit has to wait. The limit of a caller and the limit in
    all are those of circuit breakers. While a breaker is tripped, one failed look-up is enough for
    an attempt key to have to wait. Attempt keys without a failure go on, so that guesses with many
    attempt keys do not stop shoppers. Attempts with an empty attempt key count together. Calls
    without an attempt key (None) have to wait while the breaker of their caller is tripped.
    """

    def __init__(
        self,
        limits: Limits,
        ring_key: codes.Key,
        metrics: AttemptMetrics,
        shared: SharedWindows | None = None,
    ) -> None:
        seconds = int(limits.window.total_seconds())
        self._per_key = RateLimitItemPerSecond(limits.per_key, seconds, OF_ATTEMPT_KEY)
        self._per_caller = RateLimitItemPerSecond(limits.per_caller, seconds, OF_CALLER)
        self._ring_key = ring_key
        self._metrics = metrics
        self._shared = shared
        self._of_attempt_keys = _Windows(shared)
        self._failed = LatelyAdded()
        # Apart, so that no number of attempt keys can push a breaker out of memory.
        self._of_breakers = _Windows(shared)
        in_all = RateLimitItemPerSecond(limits.in_all, seconds, IN_ALL)
        self._in_all = _Breaker(self._of_breakers, in_all, self._identity())
        self._of_callers: dict[str, _Breaker] = {}
        self._logged: dict[str, int] = {}

    def wait(self, caller: str, attempt_key: str | None) -> timedelta | None:
        """Return how long this caller and attempt key have to wait, None if they need not."""
        if attempt_key is None:
            return self._wait(OF_CALLER, self._of_caller(caller).tripped_until())
        if self._shared is None and (caller, attempt_key) not in self._failed:
            return None
        window = self._of_attempt_keys.look(self._per_key, self._identity(caller, attempt_key))
        if window.remaining <= 0:
            return self._wait(OF_ATTEMPT_KEY, window.reset_time)
        if window.remaining == self._per_key.amount:  # No recent failure.
            return None
        until, limit = max(
            (self._of_caller(caller).tripped_until(), OF_CALLER),
            (self._in_all.tripped_until(), IN_ALL),
        )
        return self._wait(limit, until)

    def failed(self, method: str, caller: str, attempt_key: str | None) -> None:
        """Count a look-up that found no card; `method` is the RPC."""
        self._metrics.failed(method)
        if attempt_key is not None:
            identity = self._identity(caller, attempt_key)
            if self._of_attempt_keys.add(self._per_key, identity):
                self._failed.add((caller, attempt_key))
        self._of_caller(caller).add()
        self._in_all.add()

    def is_tripped(self, caller: str) -> bool:
        """Return whether a breaker is tripped on which this caller's calls depend."""
        breakers = (self._in_all, self._of_caller(caller))
        return any(breaker.tripped_until() for breaker in breakers)

    def show(self) -> None:
        """Update the gauges, also while no calls arrive, and log changes."""
        callers = sum(bool(each.tripped_until()) for each in list(self._of_callers.values()))
        for limit, tripped in {OF_CALLER: callers, IN_ALL: int(self._is_tripped_in_all())}.items():
            self._metrics.tripped(limit, tripped)
            if tripped != self._logged.get(limit, 0):
                log.warning("breakers tripped by wrong codes", limit=limit, tripped=tripped)
                self._logged[limit] = tripped

    def _is_tripped_in_all(self) -> bool:
        return bool(self._in_all.tripped_until())

    def _wait(self, limit: str, until: float) -> timedelta | None:
        if not until:
            return None
        self._metrics.throttled(limit)
        return timedelta(seconds=max(1.0, until - time.time()))

    def _of_caller(self, caller: str) -> _Breaker:
        breaker = self._of_callers.get(caller)
        if breaker is None:  # At most one for each caller of the settings.
            made = _Breaker(self._of_breakers, self._per_caller, self._identity(caller))
            breaker = self._of_callers.setdefault(caller, made)
        return breaker

    def _identity(self, *parts: str) -> str:
        # A keyed digest: attempt keys may name people, and others may read Redis.
        text = "".join(f"{len(part)}:{part}" for part in parts)
        return codes.fingerprint(self._ring_key, "attempts", text.encode()).hex()


class _Windows:
    """Windows in the memory of this process, and those that it shares with replicas, if any.

    Shared windows know more, but may be away or start empty. So both are counted, and the one
    with less room left is used.
    """

    def __init__(self, shared: SharedWindows | None) -> None:
        self._own = MovingWindowRateLimiter(BoundedMemoryStorage())
        self._shared = shared

    def look(self, limit: RateLimitItem, identity: str) -> WindowStats:
        own = self._own.get_window_stats(limit, identity)
        if self._shared is None or own.remaining <= 0:
            return own
        shared = self._shared.look(limit, identity)
        return own if shared is None or own.remaining < shared.remaining else shared

    def add(self, limit: RateLimitItem, identity: str) -> bool:
        """Return whether it is counted here, as it is unless its window is full."""
        is_counted = self._own.hit(limit, identity)
        if self._shared is not None:
            self._shared.add(limit, identity)
        return is_counted


class _Breaker:
    """A circuit breaker: tripped while its window is full, which is read at most once a second."""

    def __init__(self, windows: _Windows, limit: RateLimitItem, identity: str) -> None:
        self._windows = windows
        self._limit = limit
        self._identity = identity
        self._lock = threading.Lock()
        self._look_again_at = 0.0
        self._remaining = limit.amount
        self._reset_time = 0.0

    def tripped_until(self) -> float:
        """Return until when it is tripped, in seconds since the epoch; 0 if it is not."""
        with self._lock:
            now = time.time()
            is_due = now >= self._look_again_at
            if is_due:  # Other threads use the last state while this one looks.
                self._look_again_at = now + LOOK_SECONDS
        if is_due:
            reset_time, remaining = self._windows.look(self._limit, self._identity)
            with self._lock:
                self._reset_time, self._remaining = reset_time, remaining
                if remaining <= 0:
                    self._look_again_at = min(now + LOOK_SECONDS, reset_time)
        return self._reset_time if self._remaining <= 0 else 0.0

    def add(self) -> None:
        """Count one, unless it is tripped: a full window takes no more."""
        if self.tripped_until():
            return
        self._windows.add(self._limit, self._identity)
        with self._lock:
            self._remaining -= 1
            if self._remaining <= 0:
                self._look_again_at = 0.0
