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
# A reading that takes longer is done beside the scrapes.
QUICK_SECONDS: Final = 0.05


class Kept(Generic[T]):
    """What `read` returned last: some seconds old, or older where reading takes long.

    `read` may raise `StorageError`, which is kept likewise. Several threads may ask.
    """

    def __init__(self, name: str, read: Callable[[], T]) -> None:
        self._name = name
        self._read = read
        self._lock = threading.Lock()
        self._read_at: float | None = None
        self._took_seconds = 0.0
        self._is_reading = False
        self._value: T | None = None
        self._error: StorageError | None = None

    def value(self, kept_seconds: float) -> T:
        """Return it, read again where it is older than that and its reading is quick.

        Where reading takes long, a thread reads it meanwhile, and this returns what is kept.
        """
        with self._lock:
            now = time.monotonic()
            if self._read_at is None:
                self._refresh()
            elif not self._is_reading and now - self._read_at >= self._kept_for(kept_seconds):
                if self._took_seconds < QUICK_SECONDS:
                    self._refresh()
                else:
                    self._is_reading = True
                    threading.Thread(target=self._beside, name=self._name, daemon=True).start()
            if self._error is not None:
                raise self._error
            return self._value  # type: ignore[return-value] # It was read without an error.

    def _kept_for(self, kept_seconds: float) -> float:
        """Return for how long; what took no time, or failed, is read again as soon as asked."""
        if self._took_seconds < QUICK_SECONDS or self._error is not None:
            return kept_seconds
        return max(kept_seconds, self._took_seconds / SHARE)

    def _beside(self) -> None:
        try:
            self._refresh()
        finally:
            self._is_reading = False

    def _refresh(self) -> None:
        began = time.monotonic()
        try:
            value, error = self._read(), None
        except StorageError as away:
            value, error = None, away
        self._read_at = time.monotonic()
        self._took_seconds = self._read_at - began
        self._value, self._error = value, error
