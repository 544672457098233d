"""Metrics of those who read and watch events. No label names a consumer, a card or a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client import Counter, Gauge

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

RPCS: Final = ("ReadEvents", "WatchEvents")


class EventMetrics:
    """How many watch, what they were sent, and how far the slowest of them is behind."""

    def __init__(self, registry: CollectorRegistry) -> None:
        delivered = Counter(
            "giftcard_events_delivered",
            "Events in answers and on streams; the same event counts once for each consumer.",
            ("rpc",),
            registry=registry,
        )
        self._delivered = {rpc: delivered.labels(rpc) for rpc in RPCS}
        self._watchers = Gauge(
            "giftcard_event_watchers",
            "Open streams of events.",
            multiprocess_mode="sum",
            registry=registry,
        )
        self._lag = Gauge(
            "giftcard_event_watcher_lag",
            "Events that the slowest open stream has not been sent yet, of whatever type.",
            multiprocess_mode="max",
            registry=registry,
        )
        # Else a new worker would go on with its predecessor's values.
        self.watching(0)
        self.lagging(0)

    def delivered(self, rpc: str, events: int) -> None:
        """Count events that were sent, by the RPC."""
        self._delivered[rpc].inc(events)

    def watching(self, watchers: int) -> None:
        """Set the number of open streams."""
        self._watchers.set(watchers)

    def lagging(self, events: int) -> None:
        """Set how far the slowest of them is behind."""
        self._lag.set(events)
