"""The metric of the clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import Gauge

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry


class ClockMetric:
    """Whether the clock is wrong."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._wrong = Gauge(
            "giftcard_clock_wrong",
            "1 while the server's clock cannot be right and nothing is decided, else 0.",
            multiprocess_mode="max",
            registry=registry,
        )
        self.show(is_wrong=False)  # Else a new worker would go on with its predecessor's value.

    def show(self, is_wrong: bool) -> None:  # noqa: FBT001 - the only thing that it is told
        """Show whether the clock is wrong."""
        self._wrong.set(is_wrong)
