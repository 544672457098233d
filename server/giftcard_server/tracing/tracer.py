"""What traces need of the service, and the choice whether there are any.

OpenTelemetry is imported only where the settings ask for traces. Everywhere else there is no
tracer, and looking for it is all that traces cost.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, Protocol

from giftcard_server.errors import StartRefusedError
from giftcard_storage.engines import POSTGRESQL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import ExitStack

    from opentelemetry.sdk.trace import TracerProvider

    from giftcard_server.tracing.call import Call, Parent
    from giftcard_server.tracing.settings import TracingSettings
    from giftcard_server.tracing.stopwatch import Stopwatch
    from giftcard_storage.database import DatabaseUrl

WITHOUT_EXTRA: Final = "traces needs OpenTelemetry: install giftcard-tender[otel]"
SHUTDOWN_SECONDS: Final = 1.0


class Tracer(Protocol):
    """Makes spans. No method raises, and no attribute names a person or a code."""

    def begin(self, call: Call, parent: Parent | None) -> None:
        """Begin the span of a call, in the caller's trace if there is one."""

    def end(self, call: Call, code: str, texts: Mapping[str, str]) -> None:
        """End the span of a call with its status and with what its line in the log has."""

    def trace_id(self, call: Call) -> str:
        """Return the id of a call's trace: 32 hex digits."""

    def batch(self, calls: Sequence[tuple[Call | None, float]], stopwatch: Stopwatch) -> None:
        """Add the span of a batch that is over, and of the wait of each of its calls.

        With each call comes since when it waited, by `time.perf_counter`.
        """

    def delivery(self, delivery_id: str, kind: str, state: str, began: float) -> None:
        """Add the span of an e-mail that was handed over, or was not."""


def tracer_of(settings: TracingSettings, opened: ExitStack, url: DatabaseUrl) -> Tracer | None:
    """Return what makes spans, or None without traces.

    What is not exported yet when `opened` is closed is exported then. Raises `StartRefusedError`
    where OpenTelemetry is missing.
    """
    if not settings.traces:
        return None
    try:
        from giftcard_server.tracing import otel  # noqa: PLC0415 - it takes time and memory
    except ImportError as error:
        raise StartRefusedError(WITHOUT_EXTRA) from error
    provider = otel.exporting_provider()
    opened.callback(_shut_down, provider)
    # As the conventions of OpenTelemetry name them.
    return otel.OtelTracer(provider, "postgresql" if url.engine is POSTGRESQL else "sqlite")


def _shut_down(provider: TracerProvider) -> None:
    """Export the last spans, unless that takes too long: a collector may be away."""
    last = threading.Thread(target=provider.shutdown, name="last spans", daemon=True)
    last.start()
    last.join(SHUTDOWN_SECONDS)
