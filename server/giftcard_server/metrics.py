"""Metrics for Prometheus: of every RPC, and of the domain.

Several workers keep counters and histograms in files, which their supervisor adds up. A gauge
needs a `multiprocess_mode` for that; collectors run in the supervisor alone.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final, get_args

from prometheus_client import Counter, Histogram, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from giftcard_rules.act_commands import ActOnCard, ShowCards
from giftcard_rules.commands import CatchUp, Command, DeskAct, Keyed
from giftcard_rules.ledger import PostingKind
from giftcard_rules.person_acts import ActOnPeople, PersonAct
from giftcard_server.kept import Kept
from giftcard_storage.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from prometheus_client import CollectorRegistry
    from prometheus_client.metrics_core import Metric

    from giftcard_rules.decisions import Decision
    from giftcard_rules.reasons import Reason
    from giftcard_storage.overview import Holdings
    from giftcard_storage.refunds import Unconfirmed

disable_created_metrics()  # It would be a second series for each, and has no use here.

LATENCY_BUCKETS: Final = (
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
)  # fmt: skip
BATCH_BUCKETS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)
LIABILITY_SECONDS: Final = 5.0
AGAIN: Final = ("stale", "commit_lost")
# The label `operation` where it is not the command's name. Operators have queries on "Settle".
OPERATION: Final = {CatchUp.__name__: "Settle"}
SHARED: Final = {  # Commands that several RPCs share; ExportPerson is none, and reads likewise.
    ActOnCard: (*(act.__name__ for act in get_args(DeskAct)), "ResendCard"),
    ActOnPeople: tuple(act.__name__ for act in get_args(PersonAct)),
    ShowCards: ("ExportPerson", "FindCards", "GetCard", "ListTimeline", "ListProposals"),
}


def _operation(method: str) -> str:
    return OPERATION.get(method, method)


def _names(commands: object) -> list[str]:
    every = (SHARED.get(each, (each.__name__,)) for each in get_args(commands))
    return [_operation(name) for names in every for name in names]


class RpcMetrics:
    """Counters and latency of every RPC, by the names of go-grpc-middleware."""

    def __init__(self, registry: CollectorRegistry) -> None:
        method = ("grpc_type", "grpc_service", "grpc_method")
        self.started = Counter(
            "grpc_server_started", "RPCs that were started.", method, registry=registry
        )
        self.handled = Counter(
            "grpc_server_handled",
            "RPCs that ended, by status.",
            (*method, "grpc_code"),
            registry=registry,
        )
        self.seconds = Histogram(
            "grpc_server_handling_seconds",
            "Seconds that RPCs took on the server.",
            method,
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )


class DomainMetrics:
    """Counts decisions, postings and batches. No label names a card or a person."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._count_commands(registry)
        self._count_postings(registry)
        self._count_batches(registry)

    def _count_commands(self, registry: CollectorRegistry) -> None:
        self._operations = Counter(
            "giftcard_operations",
            "Commands that were answered, by outcome (ok, declined) and reason.",
            ("operation", "outcome", "reason"),
            registry=registry,
        )
        replayed = "Commands that were answered with the answer of their first time."
        self._replays = Counter("giftcard_replays", replayed, ("operation",), registry=registry)
        # Resolving labels costs more than counting, so each set is resolved once.
        self._answered: dict[tuple[str, Reason | None], Counter] = {}
        for name in _names(Command):
            self._operations.labels(name, "ok", "")
        for name in _names(Keyed):
            self._replays.labels(name)

    def _count_postings(self, registry: CollectorRegistry) -> None:
        postings = Counter("giftcard_postings", "Postings, by kind.", ("kind",), registry=registry)
        self._postings = {kind: postings.labels(kind.value) for kind in PostingKind}
        self._posted = Counter(
            "giftcard_posted_minor",
            "Money that moved, in minor units, by kind, market and currency.",
            ("kind", "market", "currency"),
            registry=registry,
        )

    def _count_batches(self, registry: CollectorRegistry) -> None:
        self._batches = Histogram(
            "giftcard_batch_commands",
            "Commands that shared a commit.",
            buckets=BATCH_BUCKETS,
            registry=registry,
        )
        again = Counter(
            "giftcard_batches_again",
            "Batches that were decided again: another writer was faster, or a commit was lost.",
            ("why",),
            registry=registry,
        )
        self._again = {why: again.labels(why) for why in AGAIN}

    def answered(self, method: str, reason: Reason | None, *, replayed: bool = False) -> None:
        """Count a command that was answered."""
        if replayed:
            self._replays.labels(_operation(method)).inc()
            return
        counter = self._answered.get((method, reason))
        if counter is None:
            labels = ("declined", reason.value) if reason else ("ok", "")
            counter = self._operations.labels(_operation(method), *labels)
            self._answered[method, reason] = counter
        counter.inc()

    def again(self, why: str) -> None:
        """Count a batch that has to be decided again; `why` is one of `AGAIN`."""
        self._again[why].inc()

    def committed(self, commands: int, decisions: Sequence[Decision]) -> None:
        """Count a batch that was committed."""
        self._batches.observe(commands)
        counts: dict[PostingKind, int] = {}
        moved: dict[tuple[PostingKind, str, str], int] = {}
        for decision in decisions:
            cards = {card.card_id: card for card in decision.cards}
            for posting in decision.postings:
                card = cards[posting.card_id]
                counts[posting.kind] = counts.get(posting.kind, 0) + 1
                where = (posting.kind, card.market, card.currency)
                moved[where] = moved.get(where, 0) + posting.amount_minor
        for kind, count in counts.items():
            self._postings[kind].inc(count)
        for (kind, market, currency), amount_minor in moved.items():
            self._posted.labels(kind.value, market, currency).inc(amount_minor)


class LiabilityCollector(Collector):
    """The outstanding liability of each market.

    Reading looks at every card, so the figures are kept for `LIABILITY_SECONDS` or longer.
    """

    def __init__(
        self, holdings: Callable[[], Sequence[Holdings]], markets: Iterable[tuple[str, str]]
    ) -> None:
        self._holdings = Kept("liability", holdings)
        self._markets = tuple(markets)

    def collect(self) -> Iterator[Metric]:
        """Yield the gauge, or nothing while the database is away, which beats a wrong figure."""
        gauge = GaugeMetricFamily(
            "giftcard_outstanding_liability_minor",
            "Value of all cards to their holders, in minor units.",
            labels=("market", "currency"),
        )
        try:
            liability = self._fresh()
        except StorageError:
            return
        for labels, amount_minor in sorted(liability.items()):
            gauge.add_metric(labels, amount_minor)
        yield gauge

    def describe(self) -> Iterator[Metric]:
        """Yield the gauge without figures, as registering must not read the database."""
        yield GaugeMetricFamily("giftcard_outstanding_liability_minor", "")

    def _fresh(self) -> dict[tuple[str, str], int]:
        liability = dict.fromkeys(self._markets, 0)
        for each in self._holdings.value(LIABILITY_SECONDS):
            market = (each.market, each.currency)
            liability[market] = liability.get(market, 0) + each.liability_minor
        return liability


class RefundsCollector(Collector):
    """The refunds that nobody has confirmed, of each market, read from the database at a scrape.

    The figures are kept for `LIABILITY_SECONDS`.
    """

    def __init__(
        self,
        unconfirmed: Callable[[], Sequence[Unconfirmed]],
        markets: Iterable[tuple[str, str]],
    ) -> None:
        self._unconfirmed = unconfirmed
        self._markets = tuple(markets)
        self._lock = threading.Lock()
        self._read_at: float | None = None
        self._found: Sequence[Unconfirmed] = ()

    def collect(self) -> Iterator[Metric]:
        """Yield the gauges, or nothing while the database is away."""
        try:
            found = self._fresh()
        except StorageError:
            return
        due, amount, oldest = self._gauges()
        known = {(each.market, each.currency): each for each in found}
        for labels in sorted({*self._markets, *known}):
            each = known.get(labels)
            due.add_metric(labels, each.refunds if each else 0)
            amount.add_metric(labels, each.amount_minor if each else 0)
            if each:
                oldest.add_metric(labels, each.oldest_due_at.timestamp())
        yield from (due, amount, oldest)

    def describe(self) -> Iterator[Metric]:
        """Yield the gauges without figures, as registering must not read the database."""
        yield from self._gauges()

    def _gauges(self) -> tuple[GaugeMetricFamily, GaugeMetricFamily, GaugeMetricFamily]:
        labels = ("market", "currency")
        return (
            GaugeMetricFamily(
                "giftcard_refunds_unconfirmed",
                "Refunds that the payment provider owes and nobody has confirmed.",
                labels=labels,
            ),
            GaugeMetricFamily(
                "giftcard_refunds_unconfirmed_minor",
                "What they amount to, in minor units.",
                labels=labels,
            ),
            GaugeMetricFamily(
                "giftcard_refunds_unconfirmed_since_timestamp_seconds",
                "Since when the oldest of them is due, in seconds since 1970; absent without any.",
                labels=labels,
            ),
        )

    def _fresh(self) -> Sequence[Unconfirmed]:
        with self._lock:
            now = time.monotonic()
            if self._read_at is None or now - self._read_at >= LIABILITY_SECONDS:
                self._found, self._read_at = self._unconfirmed(), now
            return self._found


class WorkersCollector(Collector):
    """The number of workers, alive and wanted, and how many were replaced."""

    def __init__(self, wanted: int, alive: Callable[[], int], replaced: Callable[[], int]) -> None:
        self._wanted = wanted
        self._alive = alive
        self._replaced = replaced

    def collect(self) -> Iterator[Metric]:
        """Yield a gauge and a counter, as they are now."""
        workers = GaugeMetricFamily(
            "giftcard_workers",
            "Worker processes: those alive, and those wanted.",
            labels=("state",),
        )
        workers.add_metric(("alive",), self._alive())
        workers.add_metric(("wanted",), self._wanted)
        yield workers
        yield CounterMetricFamily(
            "giftcard_workers_replaced",
            "Workers that were started to replace one that had ended.",
            value=self._replaced(),
        )
