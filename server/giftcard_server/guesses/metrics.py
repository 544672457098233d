"""Metrics for Prometheus of guesses at codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client import Counter, Gauge

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

# The RPCs that take a code, and the limits that failed look-ups can reach.
METHODS: Final = ("Validate", "Authorize", "Cancel", "FindCards", "CancelPurchase")
OF_ATTEMPT_KEY, OF_CALLER, IN_ALL = "attempt_key", "caller", "all"
LIMITS: Final = (OF_ATTEMPT_KEY, OF_CALLER, IN_ALL)


class AttemptMetrics:
    """Failed look-ups, and the calls that have to wait for them."""

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
            "Circuit breakers tripped by wrong codes: one for each caller, and one for all.",
            ("limit",),
            multiprocess_mode="max",
            registry=registry,
        )
        self._failed = {method: failed.labels(method) for method in METHODS}
        self._throttled = {limit: throttled.labels(limit) for limit in LIMITS}
        self._tripped = {limit: tripped.labels(limit) for limit in (OF_CALLER, IN_ALL)}
        for gauge in self._tripped.values():
            gauge.set(
                0
            )  # Else a new worker would go on with the value of the one that it replaces.

    def failed(self, method: str) -> None:
        """Count a look-up that found no card, by its RPC."""
        self._failed[method].inc()

    def throttled(self, limit: str) -> None:
        """Count a call that has to wait."""
        self._throttled[limit].inc()

    def tripped(self, limit: str, number: int) -> None:
        """Set how many breakers are tripped."""
        self._tripped[limit].set(number)
