"""A gateway between a client and the service that loses requests and answers on demand.

It is a gRPC server of its own that forwards bytes, so that a client gets a real
status over a real connection. Without an upstream it answers by its script alone.

    with FaultyGateway(live_server.target) as gateway:
        gateway.next("Authorize", lose_answer)
        ...  # the service authorizes, and its answer is lost
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import NoReturn, Self

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

WORKERS = 16
UPSTREAM_TIMEOUT_SECONDS = 10.0

# Handles one call: forwards it or not, answers it or not.
Step = Callable[[Callable[[], bytes], grpc.ServicerContext], bytes]


class FaultyGateway(grpc.GenericRpcHandler):
    """Plays the steps of each method in order, and forwards all other calls."""

    def __init__(self, upstream: str | None = None) -> None:
        self.received: list[tuple[str, bytes]] = []
        self._steps: defaultdict[str, list[Step]] = defaultdict(list)
        # The gateway does not retry: a lost message stays lost.
        self._upstream = (
            grpc.insecure_channel(upstream, [("grpc.enable_retries", 0)]) if upstream else None
        )
        self._server = grpc.server(
            ThreadPoolExecutor(WORKERS), handlers=[self], options=[("grpc.so_reuseport", 0)]
        )
        self.target = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._server.stop(grace=None).wait()
        if self._upstream:
            self._upstream.close()

    def next(self, method: str, *steps: Step) -> None:
        """Handle the next calls of `method` by these steps; later calls pass again."""
        self._steps[method] += steps

    def forget(self, method: str) -> None:
        """Drop the steps of `method` that are not used up."""
        self._steps.pop(method, None)

    def calls(self, method: str) -> list[bytes]:
        """Return the requests of `method` that arrived here, try by try."""
        return [request for received, request in self.received if received == method]

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> "grpc.RpcMethodHandler[bytes, bytes]":
        """Handle any method; without serializers gRPC hands over bytes."""
        path = handler_call_details.method
        method = path.rsplit("/", 1)[-1]

        def handle(request: bytes, context: grpc.ServicerContext) -> bytes:
            self.received.append((method, request))
            steps = self._steps[method]
            step = steps.pop(0) if steps else pass_on
            return step(lambda: self._forward(path, request, context), context)

        return grpc.unary_unary_rpc_method_handler(handle)

    def _forward(self, path: str, request: bytes, context: grpc.ServicerContext) -> bytes:
        assert self._upstream, "a gateway without an upstream answers by its script alone"
        call_upstream: grpc.UnaryUnaryMultiCallable[bytes, bytes] = self._upstream.unary_unary(path)
        try:
            answered, call = call_upstream.with_call(request, timeout=UPSTREAM_TIMEOUT_SECONDS)
        except grpc.RpcError as error:
            context.set_trailing_metadata(
                tuple((each.key, each.value) for each in error.trailing_metadata() or ())
            )
            context.abort(error.code(), error.details() or "")
        context.set_trailing_metadata(tuple(call.trailing_metadata() or ()))
        return answered


def pass_on(forward: Callable[[], bytes], context: grpc.ServicerContext) -> bytes:
    """Lose nothing."""
    return forward()


def lose_request(forward: Callable[[], bytes], context: grpc.ServicerContext) -> NoReturn:
    """Lose the request; the caller gets UNAVAILABLE, which gRPC retries."""
    context.abort(grpc.StatusCode.UNAVAILABLE, "the connection broke")


def lose_answer(forward: Callable[[], bytes], context: grpc.ServicerContext) -> NoReturn:
    """Forward the request and lose the answer; the caller gets UNAVAILABLE, which gRPC retries."""
    forward()
    context.set_trailing_metadata(())
    context.abort(grpc.StatusCode.UNAVAILABLE, "the connection broke")


def fail_before(forward: Callable[[], bytes], context: grpc.ServicerContext) -> NoReturn:
    """Lose the request; the caller gets INTERNAL, which gRPC does not retry."""
    context.abort(grpc.StatusCode.INTERNAL, "something on the way failed")


def fail_after(forward: Callable[[], bytes], context: grpc.ServicerContext) -> NoReturn:
    """Forward the request and lose the answer; the caller gets INTERNAL, which is not retried."""
    forward()
    context.set_trailing_metadata(())
    context.abort(grpc.StatusCode.INTERNAL, "something on the way failed")


def give_up(_forward: Callable[[], bytes], context: grpc.ServicerContext) -> NoReturn:
    """Reset the call, as a server does that ends calls which take too long, or a proxy."""
    context.cancel()
    raise ConnectionError


def hang_before(forward: Callable[[], bytes], context: grpc.ServicerContext) -> bytes:
    """Lose the request, and leave the caller without an answer until its deadline."""
    _wait_for_the_deadline(context)
    return b""


def hang_after(forward: Callable[[], bytes], context: grpc.ServicerContext) -> bytes:
    """Forward the request, and leave the caller without an answer until its deadline."""
    forward()
    _wait_for_the_deadline(context)
    return b""


def answer(message: Message, *, replayed: bool = False) -> Step:
    """Return a step that answers with this message, without a service."""

    def step(forward: Callable[[], bytes], context: grpc.ServicerContext) -> bytes:
        if replayed:
            context.set_trailing_metadata((("giftcard-replayed", "true"),))
        return message.SerializeToString()

    return step


def refuse(code: grpc.StatusCode, *details: Message, message: str = "as the test wants it") -> Step:
    """Return a step that answers with this status and these details, without a service."""
    status = status_pb2.Status(code=code.value[0], message=message)
    for detail in details:
        status.details.add().Pack(detail)

    def step(forward: Callable[[], bytes], context: grpc.ServicerContext) -> NoReturn:
        context.abort_with_status(rpc_status.to_status(status))

    return step


def error_info(reason: str, *, domain: str = "giftcard.v1", **facts: str) -> Message:
    """Return the detail with the reason of a decline."""
    return error_details_pb2.ErrorInfo(reason=reason, domain=domain, metadata=facts)


def retry_info(delay: timedelta) -> Message:
    """Return the detail that says when to try again."""
    detail = error_details_pb2.RetryInfo()
    detail.retry_delay.FromTimedelta(delay)
    return detail


def bad_request(violations: Iterable[tuple[str, str]]) -> Message:
    """Return the detail that lists what is malformed."""
    return error_details_pb2.BadRequest(
        field_violations=[
            error_details_pb2.BadRequest.FieldViolation(field=field, description=description)
            for field, description in violations
        ]
    )


def _wait_for_the_deadline(context: grpc.ServicerContext) -> None:
    over = threading.Event()
    # False where the call is over already, so that the callback would never run.
    if context.add_callback(over.set):
        over.wait()
