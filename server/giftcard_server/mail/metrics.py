"""The metrics of e-mail: what is made, what becomes of it, how long it takes, and what waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client import Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from giftcard_rules.deliveries import DeliveryKind, DeliveryState
from giftcard_storage.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from prometheus_client import CollectorRegistry
    from prometheus_client.metrics_core import Metric

    from giftcard_rules.deliveries import NewDelivery
    from giftcard_storage.deliveries.waiting import Waiting

SECONDS_BUCKETS: Final = (1, 2, 5, 10, 30, 60, 120, 300, 900, 3600, 14_400, 86_400)
WAITING: Final = "giftcard_deliveries_waiting"
OLDEST: Final = "giftcard_oldest_delivery_seconds"
# What becomes of a delivery that was looked at.
ENDS: Final = (
    DeliveryState.SENT,
    DeliveryState.DEFERRED,
    DeliveryState.PARKED,
    DeliveryState.SUPPRESSED,
)
# The states that do not last, or wait for an operator.
_SHOWN: Final = (
    DeliveryState.QUEUED,
    DeliveryState.SENDING,
    DeliveryState.DEFERRED,
    DeliveryState.PARKED,
)
SMTP_CLASSES: Final = ("2xx", "4xx", "5xx", "none")


class MailMetrics:
    """Counts what this process does about deliveries."""

    def __init__(self, registry: CollectorRegistry) -> None:
        made = Counter(
            "giftcard_deliveries_made",
            "Deliveries that events have made.",
            ("kind",),
            registry=registry,
        )
        self._made = {kind: made.labels(kind.value) for kind in DeliveryKind}
        ended = Counter(
            "giftcard_deliveries",
            "Deliveries that were looked at, by what became of them; one that is deferred counts"
            " with each try.",
            ("kind", "state"),
            registry=registry,
        )
        self._ended = {
            (kind, state): ended.labels(kind.value, state.value)
            for kind in DeliveryKind
            for state in ENDS
        }
        self._seconds = Histogram(
            "giftcard_delivery_seconds",
            "Seconds from when a message was due, mostly its commit, until it was sent.",
            buckets=SECONDS_BUCKETS,
            registry=registry,
        )
        answers = Counter(
            "giftcard_smtp_answers",
            "Answers of mail servers by class; none where there was no answer.",
            ("class",),
            registry=registry,
        )
        self._answers = {each: answers.labels(each) for each in SMTP_CLASSES}

    def made(self, new: Sequence[NewDelivery]) -> None:
        """Count new deliveries."""
        for each in new:
            self._made[each.kind].inc()

    def ended(self, kind: DeliveryKind, state: DeliveryState) -> None:
        """Count a delivery that was looked at; `state` is what became of it."""
        counter = self._ended.get((kind, state))
        if counter is not None:
            counter.inc()

    def took(self, seconds: float) -> None:
        """Observe how long after it was due a message was sent."""
        self._seconds.observe(max(0.0, seconds))

    def answered(self, answer_class: str) -> None:
        """Count an answer of a mail server, by its class."""
        self._answers[answer_class].inc()


class DeliveriesCollector(Collector):
    """What waits to be sent or for an operator, read from the database at a scrape.

    It walks along indexes that hold nothing else.
    """

    def __init__(
        self, waiting: Callable[[datetime], Sequence[Waiting]], now: Callable[[], datetime]
    ) -> None:
        self._waiting = waiting
        self._now = now

    def collect(self) -> Iterator[Metric]:
        """Yield the gauges, or nothing while the database is away."""
        now = self._now()
        try:
            found = self._waiting(now)
        except StorageError:
            return
        counts = {(each.kind, each.state): each.deliveries for each in found}
        gauge, oldest = self._gauges()
        for kind in DeliveryKind:
            for state in _SHOWN:
                gauge.add_metric((kind.value, state.value), counts.get((kind, state), 0))
        due = [
            each.oldest_due_at
            for each in found
            if each.oldest_due_at is not None and each.state is not DeliveryState.PARKED
        ]
        age = (now - min(due)).total_seconds() if due else 0.0
        oldest.add_metric((), max(0.0, age))
        yield from (gauge, oldest)

    def describe(self) -> Iterator[Metric]:
        """Yield the gauges without figures, as registering must not read the database."""
        yield from self._gauges()

    def _gauges(self) -> tuple[GaugeMetricFamily, GaugeMetricFamily]:
        return (
            GaugeMetricFamily(
                WAITING, "Deliveries that are to be sent, or are parked.", labels=("kind", "state")
            ),
            GaugeMetricFamily(
                OLDEST,
                "Seconds since the oldest delivery that is to be sent was due; 0 without one.",
                labels=(),
            ),
        )
