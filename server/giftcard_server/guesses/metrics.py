"""What Prometheus sees of guesses at codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client import Counter, Gauge

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

# The RPCs that take a code, and the limits that failed look-ups can reach.
OPERATIONS: Final = ("Validate", "Authorize", "Cancel")
OF_KEY, OF_CALLER, IN_ALL = "attempt_key", "caller", "all"
LIMITS: Final = (OF_KEY, OF_CALLER, IN_ALL)


class AttemptMetrics:
    """Failed look-ups, and whom they keep waiting."""

    def __init__(self, registry: CollectorRegistry) -> None:
        failed = Counter(
            "giftcard_failed_lookups",
            "Codes without a typing error that found no card.",
            ("operation",),
            registry=registry,
        )
        throttled = Counter(
            "giftcard_throttled",
            "Calls that have to wait, by the limit that was reached.",
            ("limit",),
            registry=registry,
        )
        tripped = Gauge(
            "giftcard_breakers_tripped",
            "Breakers that wrong codes have tripped: those of callers, and the one in all.",
            ("limit",),
            multiprocess_mode="max",
            registry=registry,
        )
        self._failed = {operation: failed.labels(operation) for operation in OPERATIONS}
        self._throttled = {limit: throttled.labels(limit) for limit in LIMITS}
        self._tripped = {limit: tripped.labels(limit) for limit in (OF_CALLER, IN_ALL)}
        for gauge in self._tripped.values():
            gauge.set(0)  # A worker that replaces another would go on with what that one said.

    def failed(self, operation: str) -> None:
        """Count a look-up that found no card."""
        self._failed[operation].inc()

    def throttled(self, limit: str) -> None:
        """Count a call that has to wait."""
        self._throttled[limit].inc()

    def tripped(self, limit: str, number: int) -> None:
        """Show how many breakers are tripped."""
        self._tripped[limit].set(number)
