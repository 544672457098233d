"""The metric of the data keys that each key of the ring wraps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from giftcard_server.kept import Kept
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
        self._sealed = Kept("sealed cards", sealed)

    def collect(self) -> Iterator[Metric]:
        """Yield the gauge, or nothing while the database is away, which beats a wrong figure."""
        gauge = GaugeMetricFamily(
            _NAME,
            "Cards with people, by the key of the ring that wraps their data key.",
            labels=("key",),
        )
        try:
            cards = self._sealed.value(KEPT_SECONDS)
        except StorageError:
            return
        for key_id, count in sorted(cards.items()):
            gauge.add_metric((key_id,), count)
        yield gauge

    def describe(self) -> Iterator[Metric]:
        """Yield the gauge without figures, as registering must not read the database."""
        yield GaugeMetricFamily(_NAME, "")
