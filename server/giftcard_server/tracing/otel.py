"""Spans by OpenTelemetry, which alone this module imports.

Names and attributes follow the stable conventions for RPCs and databases. Spans of a batch are made
once it is over, with the times that were noted: while it runs nothing is done for them. The leader
of a batch runs the commands of other calls. So a batch is a trace of its own, with a link to each
of its calls, and each call has a link to the batch.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import (
    INVALID_SPAN,
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    format_trace_id,
    set_span_in_context,
)

from giftcard_server.tracing.stopwatch import Phase

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opentelemetry.context import Context

    from giftcard_server.tracing.call import Call, Parent
    from giftcard_server.tracing.stopwatch import Stopwatch

SERVICE: Final = "giftcard"
# The statuses that count as errors of a server, by the conventions for gRPC. A decline is none.
FAILURES: Final = frozenset(
    {"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"}
)
_IN_NO_TRACE: Final = set_span_in_context(INVALID_SPAN)
_OUTSIDE_OF_THE_DATABASE: Final = Phase.DECIDE


def exporting_provider() -> TracerProvider:
    """Return what exports spans as the variables `OTEL_...` of the environment say."""
    resource = Resource.create().merge(Resource({}))
    if str(resource.attributes.get("service.name", "")).startswith("unknown_service"):
        resource = resource.merge(Resource({"service.name": SERVICE}))
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


class OtelTracer:
    """See `Tracer`. `system` is the kind of the database, as OpenTelemetry names it."""

    def __init__(self, provider: TracerProvider, system: str) -> None:
        self._tracer = provider.get_tracer("giftcard_server")
        self._database = {"db.system.name": system}

    def begin(self, call: Call, parent: Parent | None) -> None:
        """Begin the span of a call, in the caller's trace if there is one."""
        call.span = self._tracer.start_span(
            call.path[1:],
            context=_in_trace_of(parent),
            kind=SpanKind.SERVER,
            attributes={"rpc.system.name": "grpc", "rpc.method": call.path[1:]},
            start_time=_nanoseconds(call.began),
        )

    def end(self, call: Call, code: str, texts: Mapping[str, str]) -> None:
        """End the span of a call with its status and with what its line in the log has."""
        span: Span = call.span
        span.set_attribute("rpc.response.status_code", code)
        for name, text in texts.items():
            if text and name != "trace_id":
                span.set_attribute(f"giftcard.{name}", text)
        if call.batch_size:
            span.set_attribute("giftcard.batch_size", call.batch_size)
        if code in FAILURES:
            span.set_attribute("error.type", code)
            span.set_status(Status(StatusCode.ERROR))
        span.end()

    def trace_id(self, call: Call) -> str:
        """Return the id of a call's trace: 32 hex digits."""
        span: Span = call.span
        return format_trace_id(span.get_span_context().trace_id)

    def batch(self, calls: Sequence[tuple[Call | None, float]], stopwatch: Stopwatch) -> None:
        """Add the span of a batch that is over, and of the wait of each of its calls."""
        began = _nanoseconds(stopwatch.began)
        waited = [(each.span, since) for each, since in calls if each and each.span is not None]
        spans: list[Span] = [span for span, _ in waited]
        batch = self._tracer.start_span(
            "batch",
            context=_IN_NO_TRACE,
            attributes={"giftcard.batch_size": len(calls)},
            links=[Link(span.get_span_context()) for span in spans],
            start_time=began,
        )
        for span, since in waited:
            span.add_link(batch.get_span_context())
            wait = self._tracer.start_span(
                "wait", context=set_span_in_context(span), start_time=_nanoseconds(since)
            )
            wait.end(max(began, _nanoseconds(since)))
        within = set_span_in_context(batch)
        end = began
        for phase, from_, to in stopwatch.laps():
            is_inside = phase is _OUTSIDE_OF_THE_DATABASE
            lap = self._tracer.start_span(
                phase.value,
                context=within,
                kind=SpanKind.INTERNAL if is_inside else SpanKind.CLIENT,
                attributes={} if is_inside else self._database,
                start_time=_nanoseconds(from_),
            )
            end = _nanoseconds(to)
            lap.end(end)
        batch.end(end)

    def delivery(self, delivery_id: str, kind: str, state: str, began: float) -> None:
        """Add the span of an e-mail that was handed over, or was not."""
        span = self._tracer.start_span(
            "deliver",
            context=_IN_NO_TRACE,
            kind=SpanKind.CLIENT,
            attributes={
                "giftcard.delivery_id": delivery_id,
                "giftcard.delivery_kind": kind,
                "giftcard.delivery_state": state,
            },
            start_time=_nanoseconds(began),
        )
        span.end()


def _in_trace_of(parent: Parent | None) -> Context:
    if parent is None:
        return _IN_NO_TRACE
    remote = SpanContext(
        int(parent.trace_id, 16),
        int(parent.span_id, 16),
        is_remote=True,
        trace_flags=TraceFlags(int(parent.flags, 16)),
        trace_state=TraceState.from_header([parent.state]) if parent.state else TraceState(),
    )
    return set_span_in_context(NonRecordingSpan(remote))


def _nanoseconds(at: float) -> int:
    """Return a time of `time.perf_counter` in nanoseconds since 1970."""
    return time.time_ns() - int((time.perf_counter() - at) * 1_000_000_000)
