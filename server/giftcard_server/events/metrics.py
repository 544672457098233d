"""The metrics of events on their way to a position."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import Counter
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from giftcard_storage.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client import CollectorRegistry
    from prometheus_client.metrics_core import Metric

    from giftcard_storage.events import Backlog

WITHOUT_POSITION = "giftcard_events_without_position"
OLDEST_WITHOUT_POSITION = "giftcard_oldest_event_without_position_seconds"


class SequencerMetrics:
    """Counts the positions that this process gave, and how often it took the lease."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._given = Counter(
            "giftcard_event_positions_given",
            "Events that this server gave positions to.",
            registry=registry,
        )
        self._changes = Counter(
            "giftcard_event_lease_changes",
            "Times that this server took the lease for giving positions to events.",
            registry=registry,
        )

    def gave(self, events: int) -> None:
        """Count events that got positions."""
        self._given.inc(events)

    def lease_changed(self) -> None:
        """Count that this server has taken the lease."""
        self._changes.inc()


class BacklogCollector(Collector):
    """How many events have no position yet, and the age of the oldest, read at a scrape."""

    def __init__(self, backlog: Callable[[], Backlog], now: Callable[[], float]) -> None:
        self._backlog = backlog
        self._now = now

    def collect(self) -> Iterator[Metric]:
        """Yield the gauges, or nothing while the database is away."""
        try:
            backlog = self._backlog()
        except StorageError:
            return
        age = 0.0
        if backlog.oldest_at is not None:
            age = max(0.0, self._now() - backlog.oldest_at / 1_000_000)
        yield GaugeMetricFamily(
            WITHOUT_POSITION, "Events that have no position yet.", value=backlog.events
        )
        yield GaugeMetricFamily(
            OLDEST_WITHOUT_POSITION,
            "Seconds since the oldest event without a position occurred; 0 without one.",
            value=age,
        )

    def describe(self) -> Iterator[Metric]:
        """Yield the gauges without figures, as registering must not read the database."""
        for name in (WITHOUT_POSITION, OLDEST_WITHOUT_POSITION):
            yield GaugeMetricFamily(name, "")
