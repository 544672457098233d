"""The metric of the data keys that each key of the ring wraps."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from giftcard_storage.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from prometheus_client.metrics_core import Metric

# Reading looks at every data key, so the figures are kept for a while.
KEPT_SECONDS: Final = 60.0
_NAME: Final = "giftcard_sealed_cards"


class SealedCollector(Collector):
    """How many cards have people under each key of the ring: what a rewrap has left to do."""

    def __init__(self, sealed: Callable[[], Mapping[str, int]]) -> None:
        self._sealed = sealed
        self._lock = threading.Lock()
        self._read_at: float | None = None
        self._cards: Mapping[str, int] = {}

    def collect(self) -> Iterator[Metric]:
        """Yield the gauge, or nothing while the database is away, which beats a wrong figure."""
        gauge = GaugeMetricFamily(
            _NAME,
            "Cards with people, by the key of the ring that wraps their data key.",
            labels=("key",),
        )
        try:
            cards = self._fresh()
        except StorageError:
            return
        for key_id, count in sorted(cards.items()):
            gauge.add_metric((key_id,), count)
        yield gauge

    def describe(self) -> Iterator[Metric]:
        """Yield the gauge without figures, as registering must not read the database."""
        yield GaugeMetricFamily(_NAME, "")

    def _fresh(self) -> Mapping[str, int]:
        with self._lock:
            now = time.monotonic()
            if self._read_at is None or now - self._read_at >= KEPT_SECONDS:
                self._cards, self._read_at = self._sealed(), now
            return self._cards
