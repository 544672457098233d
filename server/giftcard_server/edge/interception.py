"""Wraps every RPC: who may call, bounds of time, unexpected errors, counters and latency.

All handlers are registered as streams of bytes, which look the same on the wire. grpcio passes a
stream on before its message has arrived, so that nothing is read, let alone parsed, of a caller
that may not call. The calls of an RPC whose servicer is written in steps are parked, where there is
`parking`: they keep no thread while they wait.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from inspect import isgeneratorfunction
from typing import TYPE_CHECKING, Any, Final, NoReturn

import grpc
import structlog
from google.protobuf import descriptor_pool
from google.protobuf.message import DecodeError
from grpc_status import rpc_status

from giftcard_server.edge import refusals
from giftcard_server.edge.marks import marked
from giftcard_server.edge.watching import OK
from giftcard_server.logs import where
from giftcard_server.process.ready_threads import ReadyThreads
from giftcard_server.process.waits import in_thread
from giftcard_server.tracing.call import CURRENT_CALL

if TYPE_CHECKING:
    from google.rpc.status_pb2 import Status

    from giftcard_server.callers.callers import Callers
    from giftcard_server.edge.calls_in_progress import CallsInProgress
    from giftcard_server.edge.parking.parked_calls import Parking
    from giftcard_server.edge.watching import Telling

log = structlog.get_logger(__name__)

STREAM_THREADS: Final = 4

Behavior = Callable[..., Any]


def abort(
    context: grpc.ServicerContext, status: Status, metadata: tuple[tuple[str, str], ...] = ()
) -> NoReturn:
    """End an RPC with a rich status, and with trailing metadata beside its details."""
    rich = rpc_status.to_status(status)
    # Not `abort_with_status`, which would put the details in place of all other metadata.
    context.set_trailing_metadata(marked(context, (*rich.trailing_metadata, *metadata)))
    context.abort(rich.code, rich.details)
    raise AssertionError  # It never returns.


class Interceptor(grpc.ServerInterceptor):
    """Watches every RPC of every service of the server."""

    def __init__(
        self,
        callers: Callers,
        calls: CallsInProgress,
        telling: Telling,
        parking: Parking | None = None,
    ) -> None:
        self._callers = callers
        self._calls = calls
        self._telling = telling
        self._parking = parking
        self._wrapped: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}
        self._streams: set[grpc.ServicerContext] = set()
        self._stream_threads = ReadyThreads(STREAM_THREADS, "stream")

    def expect(self, service: str) -> None:
        """Create the counters of a service's RPCs before their first call."""
        described: Any = descriptor_pool.Default().FindServiceByName(service)
        for method in described.methods:
            grpc_type = "server_stream" if method.server_streaming else "unary"
            self._telling.of(grpc_type, f"/{service}/{method.name}")

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler[Any, Any] | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Wrap the handler of a call, once for all calls of a method."""
        path = handler_call_details.method
        wrapped = self._wrapped.get(path)
        if wrapped is None:
            handler = continuation(handler_call_details)
            if handler is None:  # No such method. It is not remembered, as callers choose the name.
                return None
            wrap = self._streaming if handler.response_streaming else self._one_answer
            wrapped = self._wrapped[path] = wrap(path, handler)
        return wrapped

    def _one_answer(
        self, path: str, handler: grpc.RpcMethodHandler[Any, Any]
    ) -> grpc.RpcMethodHandler[Any, Any]:
        behavior = handler.unary_unary
        assert behavior is not None
        if not isgeneratorfunction(behavior):
            return self._unary(path, handler, behavior)
        if self._parking is None:
            return self._unary(path, handler, lambda *call: in_thread(behavior(*call)))
        watching = (self._callers, self._calls, self._telling.of("unary", path))
        return self._parking.handler(behavior, _reading(handler), _writing(handler), *watching)

    def _unary(
        self, path: str, handler: grpc.RpcMethodHandler[Any, Any], behavior: Behavior
    ) -> grpc.RpcMethodHandler[Any, Any]:
        watch = self._telling.of("unary", path)
        calls, callers = self._calls, self._callers
        read = _reading(handler)

        def watched(messages: Iterator[bytes], context: grpc.ServicerContext) -> Any:
            call = watch.begin(context)
            CURRENT_CALL.set(call)
            calls.mark(context)
            # A call is over when its caller has the answer, which is later than our return.
            is_taken = calls.begin(context)
            if not context.add_callback(lambda: calls.end(context)):
                calls.end(context)
            try:
                if not is_taken:
                    abort(context, refusals.stopping())
                call.caller = callers.admit(path, context).name
                message = calls.message(messages, context)
                if not calls.takes_calls:
                    abort(context, refusals.stopping())
                call.request = read(message, context)
                response = _answer(behavior, call.request, context)
            except BaseException:
                watch.end(call, context, ended_as(context))
                raise
            watch.end(call, context, OK, response)
            return response

        return grpc.stream_unary_rpc_method_handler(watched, response_serializer=_writing(handler))

    def _streaming(
        self, path: str, handler: grpc.RpcMethodHandler[Any, Any]
    ) -> grpc.RpcMethodHandler[Any, Any]:
        """Watch the streams of health and reflection.

        Streams never occupy an RPC thread. A watcher of health, which may stay for good, occupies
        no thread at all. Reflection has a few threads, and as much time as any other call.
        """
        behavior = handler.stream_stream if handler.request_streaming else handler.unary_stream
        assert behavior is not None
        grpc_type = "bidi_stream" if handler.request_streaming else "server_stream"
        watch = self._telling.of(grpc_type, path)
        is_endless = getattr(behavior, "experimental_non_blocking", False)
        calls, read = self._calls, _reading(handler)

        def watched(messages: Iterator[bytes], context: grpc.ServicerContext, *send: Any) -> Any:
            call = watch.begin(context)
            self._streams.add(context)
            calls.mark(context)

            def ended() -> None:
                self._streams.discard(context)
                calls.end(context)
                watch.end(call, context, context.code() or OK)  # type: ignore[attr-defined] # It has, since 1.45.

            is_taken = is_endless or calls.begin(context)
            if not context.add_callback(ended):
                ended()
            if not is_taken:
                abort(context, refusals.stopping())
            call.caller = self._callers.admit(path, context).name
            if handler.request_streaming:
                return behavior((read(each, context) for each in messages), context, *send)
            message = read(calls.message(messages, context), context)
            return _answer(behavior, message, context, *send)

        watched.experimental_non_blocking = is_endless  # type: ignore[attr-defined] # gRPC asks for it like this.
        watched.experimental_thread_pool = self._stream_threads  # type: ignore[attr-defined] # Likewise.
        return grpc.stream_stream_rpc_method_handler(
            watched, response_serializer=handler.response_serializer
        )

    def refuse_calls(self) -> None:
        """Refuse every call from now on, before its message is read."""
        self._calls.take(calls=False)

    def take_calls(self) -> None:
        """Take calls again."""
        self._calls.take(calls=True)

    def in_progress(self) -> set[grpc.ServicerContext]:
        """Return the calls that were taken and have no answer yet; streams do not count."""
        return self._calls.taken() - self._streams

    def close(self) -> None:
        """End the open streams, which would outlast the server, and their threads."""
        for context in tuple(self._streams):
            context.cancel()
        self._stream_threads.shutdown()


def ended_as(context: grpc.ServicerContext) -> grpc.StatusCode:
    """Return the status of a call that was not answered with a message."""
    code: grpc.StatusCode | None = context.code()  # type: ignore[attr-defined] # As above.
    if code is not None:
        return code
    return grpc.StatusCode.UNKNOWN if context.is_active() else grpc.StatusCode.CANCELLED


def _answer(behavior: Behavior, request: Any, context: grpc.ServicerContext, *send: Any) -> Any:
    try:
        return behavior(request, context, *send)
    except Exception as error:
        if context.code() is not None:  # type: ignore[attr-defined] # A deliberate abort.
            raise
        # Without the text of the error, which may quote the request.
        log.error("defect", error=where(error))  # noqa: TRY400
        abort(context, refusals.internal())


def _reading(
    handler: grpc.RpcMethodHandler[Any, Any],
) -> Callable[[bytes | None, grpc.ServicerContext], Any]:
    """Return how to parse a message; other bytes are malformed, where grpcio says INTERNAL."""
    deserialize = handler.request_deserializer
    assert deserialize is not None

    def read(serialized: bytes | None, context: grpc.ServicerContext) -> Any:
        if serialized is None:
            abort(context, refusals.malformed([("", "a message is required")]))
        try:
            return deserialize(serialized)
        except DecodeError:
            abort(context, refusals.malformed([("", "the request is not a message of its type")]))

    return read


def _writing(handler: grpc.RpcMethodHandler[Any, Any]) -> Callable[[Any], bytes]:
    """Return how to serialize a response; an answer that is encoded already is sent as it is."""
    serialize = handler.response_serializer
    assert serialize is not None

    def write(response: Any) -> bytes:
        return response if isinstance(response, bytes) else serialize(response)

    return write
