"""Figures of all cards that scrapes show, and that are read now and then instead of for each."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from giftcard_storage.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

# Of the time of one core, however large the ledger is and however often somebody asks.
SHARE: Final = 0.02
# Nobody waits longer for a reading that goes on, if there is a former one.
QUICK_SECONDS: Final = 0.05


class Kept(Generic[T]):
    """What `read` returned last: some seconds old, or older where reading takes long.

    `read` may raise `StorageError`, which is kept likewise. Several threads may ask. Readings take
    at most `share` of the time, by default `SHARE`; 1.0 is for those that cost the database little,
    however long it takes to answer.
    """

    def __init__(self, name: str, read: Callable[[], T], share: float | None = None) -> None:
        self._name = name
        self._read = read
        self._share = share
        self._lock = threading.Lock()
        self._read_at: float | None = None
        self._took_seconds = 0.0
        self._reading: threading.Event | None = None  # Set once a reading has ended.
        self._value: T | None = None
        self._error: StorageError | None = None

    def latest(self) -> T:
        """Return it, read again as often as somebody asks."""
        return self.value(0.0)

    def value(self, kept_seconds: float) -> T:
        """Return it, read again where it is older than that.

        A thread reads it, so that a database that is slow makes nobody wait: where reading takes
        longer than `QUICK_SECONDS`, this returns what is kept.
        """
        with self._lock:
            now = time.monotonic()
            is_due = self._read_at is None or now - self._read_at >= self._kept_for(kept_seconds)
            if self._reading is None and is_due:
                self._begin_to_read()
            reading, is_first = self._reading, self._read_at is None
        if reading is not None:
            reading.wait(None if is_first else QUICK_SECONDS)
        with self._lock:
            if self._error is not None:
                raise self._error
            return self._value  # type: ignore[return-value] # It was read without an error.

    def _kept_for(self, kept_seconds: float) -> float:
        """Return for how long; what took no time, or failed, is read again as soon as asked."""
        if self._took_seconds < QUICK_SECONDS or self._error is not None:
            return kept_seconds
        return max(kept_seconds, self._took_seconds / (self._share or SHARE))

    def _begin_to_read(self) -> None:
        self._reading = threading.Event()
        reading = (self._reading,)
        try:
            threading.Thread(
                target=self._refresh, name=self._name, args=reading, daemon=True
            ).start()
        except RuntimeError:  # There is no further thread to be had: the next one to ask tries.
            self._reading = None
            if self._read_at is None:
                raise

    def _refresh(self, reading: threading.Event) -> None:
        began = time.monotonic()
        value, error = None, None
        try:
            value = self._read()
        except StorageError as away:
            error = away
        finally:
            with self._lock:
                self._read_at = time.monotonic()
                self._took_seconds = self._read_at - began
                self._value, self._error = value, error
                self._reading = None
            reading.set()
