"""Moving windows in Redis, which replicas share while it answers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

import structlog
from limits import RateLimitItemPerSecond
from limits.errors import ConfigurationError
from limits.errors import StorageError as RedisAwayError
from limits.storage import RedisStorage
from limits.strategies import MovingWindowRateLimiter
from prometheus_client import Gauge

from giftcard_server.errors import StartRefusedError

if TYPE_CHECKING:
    from limits import RateLimitItem, WindowStats
    from prometheus_client import CollectorRegistry
    from pydantic import SecretStr

log = structlog.get_logger(__name__)

PREFIX: Final = "giftcard"
# Every call waits for Redis: it must soon be clear that it is away, and then it gets a pause.
TIMEOUT_SECONDS: Final = 0.1
PAUSE_SECONDS: Final = 3.0
CONNECTIONS: Final = 32

Answer = TypeVar("Answer")


class SharedWindows:
    """The windows of all replicas. Any thread may use them. No method raises if Redis is away.

    Making it raises `StartRefusedError` if the package is missing, or if the URL has options
    that the client of Redis does not know.
    """

    def __init__(self, url: SecretStr, registry: CollectorRegistry) -> None:
        self._limiter = MovingWindowRateLimiter(_storage(url))
        self._places = threading.BoundedSemaphore(CONNECTIONS)
        self._lock = threading.Lock()
        self._is_away = False
        self._ask_again_at = 0.0
        self._up = Gauge(
            "giftcard_attempts_redis_up",
            "1 while wrong codes are counted in Redis for all replicas, else 0.",
            multiprocess_mode="min",
            registry=registry,
        )
        self._up.set(1)

    def look(self, limit: RateLimitItem, identity: str) -> WindowStats | None:
        """Return the state of a window, None while Redis is away."""
        return self._ask(lambda: self._limiter.get_window_stats(limit, identity))

    def add(self, limit: RateLimitItem, identity: str) -> None:
        """Count one, unless the window is full."""
        self._ask(lambda: self._limiter.hit(limit, identity))

    def _ask(self, question: Callable[[], Answer]) -> Answer | None:
        with self._places:
            if not self._may_ask():
                return None
            try:
                answer = question()
            except (RedisAwayError, OSError) as error:
                self._away(error)
                return None
        if self._is_away:
            self._back()
        return answer

    def _may_ask(self) -> bool:
        if not self._is_away:
            return True
        with self._lock:
            now = time.monotonic()
            if now < self._ask_again_at:
                return False
            self._ask_again_at = now + PAUSE_SECONDS  # One call is enough to find out.
            return True

    def _away(self, error: Exception) -> None:
        with self._lock:
            was_away, self._is_away = self._is_away, True
            self._ask_again_at = time.monotonic() + PAUSE_SECONDS
        if not was_away:
            self._up.set(0)
            # Without the text of the error, which may name the URL.
            why = type(error.__cause__ or error).__name__
            log.warning("redis away: wrong codes are counted by each process for itself", why=why)

    def _back(self) -> None:
        with self._lock:
            was_away, self._is_away = self._is_away, False
        if was_away:
            self._up.set(1)
            log.info("redis back: wrong codes are counted for all replicas")


def why_away(url: SecretStr) -> str:
    """Return why wrong codes cannot be counted in Redis now; empty where they can.

    It asks as every call does, and counts nothing. Raises `StartRefusedError` like `SharedWindows`.
    """
    limiter = MovingWindowRateLimiter(_storage(url))
    try:
        limiter.get_window_stats(RateLimitItemPerSecond(1), "doctor")
    except (RedisAwayError, OSError) as error:
        return type(error.__cause__ or error).__name__
    return ""


def _storage(url: SecretStr) -> RedisStorage:
    try:
        storage = RedisStorage(
            url.get_secret_value(),
            key_prefix=PREFIX,
            wrap_exceptions=True,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
        )
        # Without this, an unknown option would be found only by the first call.
        pool = storage.storage.connection_pool
        pool.connection_class(**pool.connection_kwargs)
    except ConfigurationError as error:
        message = "attempts_redis_url: redis is missing: pip install 'limits[redis]>=5.8'"
        raise StartRefusedError(message) from error
    except (TypeError, ValueError):
        # Without the text of the client, which may quote the URL.
        message = "attempts_redis_url: Redis's client does not understand it"
        raise StartRefusedError(message) from None
    return storage
