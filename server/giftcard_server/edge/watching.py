"""What is told of each call of an RPC: counters, its latency, its line in the log and its span.

Both ways in which calls wait use it, and whoever ends a call tells of it, whichever thread that is.
Nothing is looked up for a line or a span that is not made.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import grpc
import structlog

from giftcard_server.edge.call_texts import TextsOf, header
from giftcard_server.logs import where
from giftcard_server.tracing.call import Call, parent_of

if TYPE_CHECKING:
    from giftcard_server.metrics import RpcMetrics
    from giftcard_server.tracing.call import Parent
    from giftcard_server.tracing.call_log import CallLog
    from giftcard_server.tracing.tracer import Tracer

log = structlog.get_logger(__name__)

CODE_NAME: Final = {
    code: "".join(word.capitalize() for word in code.name.split("_")).replace("Ok", "OK")
    for code in grpc.StatusCode
} | {grpc.StatusCode.CANCELLED: "Canceled"}  # As go-grpc-middleware writes them.
OK: Final = grpc.StatusCode.OK
# Health and reflection have neither lines nor spans: load balancers ask for health all the time.
OURS: Final = "/giftcard.v1."


class Telling:
    """Tells of the calls of all methods. `call_log` and `tracer` are None where there are none."""

    def __init__(
        self, metrics: RpcMetrics, call_log: CallLog | None = None, tracer: Tracer | None = None
    ) -> None:
        self.metrics = metrics
        self.call_log = call_log
        self.tracer = tracer

    def of(self, grpc_type: str, path: str) -> Watched:
        """Return what tells of the calls of a method."""
        return Watched(grpc_type, path, self)


class Watched:
    """Tells of the calls of one method. No method raises."""

    def __init__(self, grpc_type: str, path: str, telling: Telling) -> None:
        service, _, method = path.removeprefix("/").rpartition("/")
        labels = (grpc_type, service, method)
        metrics = telling.metrics
        self.path = path
        self._method = path[1:]
        self._started = metrics.started.labels(*labels)
        self._seconds = metrics.seconds.labels(*labels)
        self._handled = {
            code: metrics.handled.labels(*labels, name) for code, name in CODE_NAME.items()
        }
        self._handled_well = self._handled[OK]  # Hashing a status is as dear as counting it.
        is_ours = path.startswith(OURS)
        self._call_log = telling.call_log if is_ours else None
        self._tracer = telling.tracer if is_ours else None
        self._texts_of = TextsOf(self._method) if is_ours else None

    def begin(self, context: grpc.ServicerContext) -> Call:
        """Return a call that has just arrived."""
        self._started.inc()
        call = Call(self.path, time.perf_counter())
        if self._tracer is not None:
            try:
                self._tracer.begin(call, _parent(context))
            except Exception as error:  # noqa: BLE001 - the call is worth more than its trace
                log.error("defect", error=where(error))  # noqa: TRY400 - it may quote a header
        return call

    def end(
        self,
        call: Call,
        context: grpc.ServicerContext,
        code: grpc.StatusCode,
        response: object = None,
    ) -> None:
        """Tell of a call that has ended: with a response, or with a status set in its context."""
        seconds = time.perf_counter() - call.began
        (self._handled_well if code is OK else self._handled[code]).inc()
        self._seconds.observe(seconds)
        if self._texts_of is None:
            return
        try:
            is_good = code is OK and not (response and self._texts_of.is_declined(response))
            has_line = self._call_log is not None and self._call_log.wants(
                self._method, code.name, is_good=is_good
            )
            if has_line or call.span is not None:
                self._tell(call, context, code.name, response, seconds if has_line else None)
        except Exception as error:  # noqa: BLE001 - the answer is sent, and others wait for theirs
            log.error("defect", error=where(error))  # noqa: TRY400 - it may quote the request

    def _tell(
        self,
        call: Call,
        context: grpc.ServicerContext,
        code: str,
        response: object,
        seconds: float | None,
    ) -> None:
        assert self._texts_of is not None
        texts = self._texts_of(call, context, response)
        if call.span is not None and self._tracer is not None:
            texts["trace_id"] = self._tracer.trace_id(call)
            self._tracer.end(call, code, texts)
        elif parent := _parent(context):
            texts["trace_id"] = parent.trace_id
        if seconds is not None and self._call_log is not None:
            self._call_log.add(self._method, code, call.caller, texts, call.batch_size, seconds)


def _parent(context: grpc.ServicerContext) -> Parent | None:
    metadata: Any = context.invocation_metadata()
    traceparent = header(metadata, "traceparent")
    return parent_of(traceparent, header(metadata, "tracestate")) if traceparent else None
