"""What is told of batches: metrics of waits and phases, and spans where there are traces."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import structlog
from prometheus_client import Counter, Gauge, Histogram

from giftcard_server.deciding.batching import Item, Result
from giftcard_server.logs import where
from giftcard_server.metrics import LATENCY_BUCKETS
from giftcard_server.tracing.stopwatch import WRITING, Phase, Stopwatch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from prometheus_client import CollectorRegistry

    from giftcard_server.deciding.batching import Entry
    from giftcard_server.tracing.tracer import Tracer

log = structlog.get_logger(__name__)

SHOW_SECONDS: Final = 0.5


class BatchTelling:
    """Counts waits and phases; `tracer` makes spans of them, if there is one."""

    def __init__(self, registry: CollectorRegistry, tracer: Tracer | None = None) -> None:
        self._tracer = tracer
        self._waiting = Gauge(
            "giftcard_commands_waiting",
            "Commands that wait for a batch; beyond GIFTCARD_WAITING_LIMIT calls are refused.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._waits = Histogram(
            "giftcard_command_wait_seconds",
            "Seconds that commands waited for their batch to begin.",
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )
        # Sums, since five histograms would cost a small batch more than they tell.
        phases = Counter(
            "giftcard_batch_phase_seconds",
            "Seconds that batches spent in each phase; begin waits for another writer.",
            ("phase",),
            registry=registry,
        )
        self._phases = {phase: phases.labels(phase.value) for phase in WRITING}

    def show(self, waiting: int) -> None:
        """Show how many commands wait. It has to be called every `SHOW_SECONDS`."""
        self._waiting.set(waiting)

    def began(self, entries: Sequence[Entry[Any, Any]]) -> None:
        """Count how long each command has waited when its batch begins."""
        now = time.perf_counter()
        for entry in entries:
            self._waits.observe(now - entry.since)

    def tried(self, entries: Sequence[Entry[Any, Any]], stopwatch: Stopwatch) -> None:
        """Count what a try of a batch spent its time with, and add its span. It does not raise."""
        if self._tracer is not None:
            _add_span(self._tracer, entries, stopwatch)
        begin = stopwatch.began
        for phase, end in stopwatch.ended:
            self._phases[phase].inc(end - begin)
            begin = end


def with_spans(
    run: Callable[[Sequence[Entry[Item, Result]]], None], tracer: Tracer | None
) -> Callable[[Sequence[Entry[Item, Result]]], None]:
    """Return what runs a batch of reads, and adds its span where there are traces."""
    if tracer is None:
        return run

    def traced(entries: Sequence[Entry[Item, Result]]) -> None:
        stopwatch = Stopwatch()
        try:
            run(entries)
        finally:
            stopwatch.end(Phase.READ)
            _add_span(tracer, entries, stopwatch)

    return traced


def _add_span(tracer: Tracer, entries: Sequence[Entry[Any, Any]], stopwatch: Stopwatch) -> None:
    """Add the span of a batch that is over. It does not raise."""
    try:
        tracer.batch([(entry.call, entry.since) for entry in entries], stopwatch)
    except Exception as error:  # noqa: BLE001 - what was done must not look as if it failed
        log.error("defect", error=where(error))  # noqa: TRY400 - a text is never logged
