"""The metrics of the audit that runs beside the servers, the same on each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from giftcard_storage.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client.metrics_core import Metric

    from giftcard_storage.walks.standing import Standing

_SECOND: Final = 1_000_000


class AuditCollector(Collector):
    """How the audit stands, from its one row in the database at each scrape."""

    def __init__(self, standing: Callable[[], Standing | None]) -> None:
        self._standing = standing

    def collect(self) -> Iterator[Metric]:
        """Yield the gauges, without figures before the first walk has begun.

        Yield nothing while the database is away, which beats a wrong figure.
        """
        try:
            found = self._standing()
        except StorageError:
            return
        discrepancies, ended, progress, seconds = gauges = self._gauges()
        if found is not None:
            discrepancies.add_metric((), found.discrepancies)
            last = found.began_at if found.ended_at is None else found.ended_at
            ended.add_metric((), last / _SECOND)
            progress.add_metric((), found.place.progress)
            if found.took is not None:
                seconds.add_metric((), found.took / _SECOND)
        yield from gauges

    def describe(self) -> Iterator[Metric]:
        """Yield the gauges without figures, as registering must not read the database."""
        yield from self._gauges()

    def _gauges(self) -> list[GaugeMetricFamily]:
        return [
            GaugeMetricFamily(name, text)
            for name, text in (
                (
                    "giftcard_ledger_discrepancies",
                    "What breaks an invariant of the ledger, by the walk of the audit or the last.",
                ),
                (
                    "giftcard_audit_last_walk_timestamp_seconds",
                    "When the audit last ended a walk over everything, or else began its first.",
                ),
                (
                    "giftcard_audit_walk_progress",
                    "About how much of its walk the audit has done, from 0 to 1.",
                ),
                ("giftcard_audit_walk_seconds", "How long the last whole walk took."),
            )
        ]
