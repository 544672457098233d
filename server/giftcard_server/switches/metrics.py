"""What is stopped in each market, and how close each caller is to its ceiling."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from giftcard_rules.pauses import Pausable
from giftcard_storage.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from prometheus_client.core import Metric

    from giftcard_rules.terms import Market
    from giftcard_storage.switches.pauses import Pause


class SwitchesCollector(Collector):
    """Shows pauses and issued value, by reading two small tables.

    `pauses` and `issued` raise `StorageError` where the database does not answer; then the
    figures are absent. A caller has figures as soon as it issues in a market with a ceiling.
    """

    def __init__(
        self,
        markets: Mapping[str, Market],
        pauses: Callable[[], Sequence[Pause]],
        issued: Callable[[], Mapping[tuple[str, str], int]],
    ) -> None:
        self._markets = markets
        self._pauses = pauses
        self._issued = issued

    def collect(self) -> Iterator[Metric]:
        """Yield the gauges as they are now."""
        try:
            stopped = {(each.market, each.act) for each in self._pauses()}
            issued = self._issued()
        except StorageError:
            return
        paused, value, ceiling = self._gauges()
        for name, market in self._markets.items():
            for act in Pausable:
                paused.add_metric((name, act.value), (name, act) in stopped)
            if market.issue_ceiling_minor is not None:
                ceiling.add_metric((name,), market.issue_ceiling_minor)
        for (caller, name), amount_minor in issued.items():
            value.add_metric((name, caller), amount_minor)
        yield from (paused, value, ceiling)

    def describe(self) -> Iterator[Metric]:
        """Yield the gauges without figures, as registering must not read the database."""
        yield from self._gauges()

    def _gauges(self) -> tuple[GaugeMetricFamily, GaugeMetricFamily, GaugeMetricFamily]:
        return (
            GaugeMetricFamily(
                "giftcard_paused",
                "1 while an operator has stopped an act in a market.",
                labels=("market", "act"),
            ),
            GaugeMetricFamily(
                "giftcard_issued_last_hour_minor",
                "What a caller has issued within the hour in a market with a ceiling, in minor"
                " units.",
                labels=("market", "caller"),
            ),
            GaugeMetricFamily(
                "giftcard_issue_ceiling_minor",
                "The value that one caller may issue within an hour, in minor units.",
                labels=("market",),
            ),
        )
