"""What every RPC passes through: undecodable requests, unexpected errors, counters, latency."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, NoReturn

import grpc
import structlog
from google.protobuf.message import DecodeError
from grpc_status import rpc_status

from giftcard_server import refusals
from giftcard_server.logs import where

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.rpc.status_pb2 import Status

    from giftcard_server.metrics import RpcMetrics

log = structlog.get_logger(__name__)

CODE_NAME: Final = {
    code: "".join(word.capitalize() for word in code.name.split("_")).replace("Ok", "OK")
    for code in grpc.StatusCode
} | {grpc.StatusCode.CANCELLED: "Canceled"}  # As go-grpc-middleware writes them.


STREAM_THREADS: Final = 4


class _Undecodable:
    """Stands for a request that is no message of its type."""


_UNDECODABLE: Final = _Undecodable()


def abort(
    context: grpc.ServicerContext, status: Status, metadata: tuple[tuple[str, str], ...] = ()
) -> NoReturn:
    """End an RPC with a rich status, and with trailing metadata beside its details."""
    rich = rpc_status.to_status(status)
    # Not `abort_with_status`, which would put the details in place of all other metadata.
    context.set_trailing_metadata((*rich.trailing_metadata, *metadata))
    context.abort(rich.code, rich.details)
    raise AssertionError  # It never returns.


class Interceptor(grpc.ServerInterceptor):
    """Watches every RPC of every service of the server."""

    def __init__(self, metrics: RpcMetrics) -> None:
        self._metrics = metrics
        self._wrapped: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}
        self._streams: set[grpc.ServicerContext] = set()
        self._stream_threads = ThreadPoolExecutor(STREAM_THREADS, thread_name_prefix="stream")

    def expect(self, service: str, methods: dict[str, str]) -> None:
        """Show an RPC's counters before its first call; `methods` by name, with their type."""
        for method, grpc_type in methods.items():
            labels = (grpc_type, service, method)
            self._metrics.started.labels(*labels)
            self._metrics.seconds.labels(*labels)
            for name in CODE_NAME.values():
                self._metrics.handled.labels(*labels, name)

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler[Any, Any] | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Wrap the handler of a call; the same one for each call of a method."""
        name = handler_call_details.method
        wrapped = self._wrapped.get(name)
        if wrapped is None:
            handler = continuation(handler_call_details)
            if handler is None:  # No such method; not kept, since names are the caller's.
                return None
            wrapped = self._wrapped[name] = self._wrap(name, handler)
        return wrapped

    def _wrap(
        self, name: str, handler: grpc.RpcMethodHandler[Any, Any]
    ) -> grpc.RpcMethodHandler[Any, Any]:
        service, _, method = name.removeprefix("/").rpartition("/")
        if handler.unary_unary is None:
            return self._streaming(service, method, handler)
        return grpc.unary_unary_rpc_method_handler(
            self._watched("unary", service, method, handler.unary_unary),
            request_deserializer=_forgiving(handler.request_deserializer),
            response_serializer=handler.response_serializer,
        )

    def _watched(
        self, grpc_type: str, service: str, method: str, behavior: Callable[..., Any]
    ) -> Callable[[Any, grpc.ServicerContext], Any]:
        labels = (grpc_type, service, method)
        started = self._metrics.started.labels(*labels)
        seconds = self._metrics.seconds.labels(*labels)
        handled = self._metrics.handled
        ok = handled.labels(*labels, CODE_NAME[grpc.StatusCode.OK])

        def watched(request: Any, context: grpc.ServicerContext) -> Any:
            started.inc()
            begin = time.perf_counter()
            try:
                response = _answer(behavior, request, context)
            except BaseException:
                code = context.code() or grpc.StatusCode.UNKNOWN  # type: ignore[attr-defined] # It has, since 1.45.
                handled.labels(*labels, CODE_NAME[code]).inc()
                raise
            else:
                ok.inc()
                return response
            finally:
                seconds.observe(time.perf_counter() - begin)

        return watched

    def _streaming(
        self, service: str, method: str, handler: grpc.RpcMethodHandler[Any, Any]
    ) -> grpc.RpcMethodHandler[Any, Any]:
        """Watch the streams of health and reflection, which we do not write ourselves.

        They may stay open for good, so none of them keeps a thread of the calls: a watcher of
        health keeps none at all, and reflection has a few of its own.
        """
        streams_in = bool(handler.request_streaming)
        behavior = handler.stream_stream if streams_in else handler.unary_stream
        assert behavior is not None
        labels = ("bidi_stream" if streams_in else "server_stream", service, method)

        def watched(request: Any, context: grpc.ServicerContext, *send: Any) -> Any:
            self._metrics.started.labels(*labels).inc()
            self._streams.add(context)
            begin = time.perf_counter()

            def ended() -> None:
                self._streams.discard(context)
                code = context.code() or grpc.StatusCode.OK  # type: ignore[attr-defined] # As above.
                self._metrics.handled.labels(*labels, CODE_NAME[code]).inc()
                self._metrics.seconds.labels(*labels).observe(time.perf_counter() - begin)

            if not context.add_callback(ended):
                ended()
            return behavior(request, context, *send)

        non_blocking = getattr(behavior, "experimental_non_blocking", False)
        watched.experimental_non_blocking = non_blocking  # type: ignore[attr-defined] # gRPC's own way to ask.
        watched.experimental_thread_pool = self._stream_threads  # type: ignore[attr-defined] # Likewise.
        make = (
            grpc.stream_stream_rpc_method_handler
            if streams_in
            else grpc.unary_stream_rpc_method_handler
        )
        return make(
            watched,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )

    def end_streams(self) -> None:
        """End the streams that are open, so that a server that stops need not wait for them."""
        for context in tuple(self._streams):
            context.cancel()


def _answer(behavior: Callable[..., Any], request: Any, context: grpc.ServicerContext) -> Any:
    if request is _UNDECODABLE:
        abort(context, refusals.malformed([("", "the request is not a message of its type")]))
    try:
        return behavior(request, context)
    except Exception as error:
        if context.code() is not None:  # type: ignore[attr-defined] # An abort on purpose.
            raise
        # Not with the error's text, which may quote what was sent.
        log.error("defect", error=where(error))  # noqa: TRY400
        abort(context, refusals.internal())


def _forgiving(deserialize: Callable[[bytes], Any] | None) -> Callable[[bytes], Any] | None:
    """Have undecodable requests answered by us: grpcio would say INTERNAL."""
    if deserialize is None:
        return None

    def forgiving(serialized: bytes) -> Any:
        try:
            return deserialize(serialized)
        except DecodeError:
            return _UNDECODABLE

    return forgiving
