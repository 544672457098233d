"""grpc.health.v1: whether the service answers, for load balancers that ask or watch.

The servicer of grpcio-health-checking does not serve here. It sends while it holds the lock that
it also takes when a watcher leaves, in the one thread that sends. So a watcher that leaves at the
wrong moment blocks the server for good, and a watcher that takes no answer blocks `set`.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from giftcard_server.process.ready_threads import ReadyThreads

if TYPE_CHECKING:
    from collections.abc import Callable

    Send = Callable[[health_pb2.HealthCheckResponse], None]

SERVING: Final = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING: Final = health_pb2.HealthCheckResponse.NOT_SERVING
_UNKNOWN: Final = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
_SENDERS: Final = 4


class Health(health_pb2_grpc.HealthServicer):
    """The status of the server as a whole, under the name "", and of each service."""

    def __init__(self, *services: str) -> None:
        self._services = ("", *services)
        self._status: int = NOT_SERVING
        self._lock = threading.Lock()  # Never held while something is sent.
        self._watchers: dict[grpc.ServicerContext, Callable[[], None]] = {}
        self._senders = ReadyThreads(_SENDERS, "health")

    def set(self, status: int) -> None:
        """Set the status of all services, SERVING or NOT_SERVING, and send it to the watchers."""
        with self._lock:
            self._status = status
            watchers = tuple(self._watchers.values())
        for send_status in watchers:
            self._senders.submit(send_status)

    def close(self) -> None:
        """Let the threads end that send."""
        self._senders.shutdown()

    def Check(
        self,
        request: health_pb2.HealthCheckRequest,
        context: grpc.ServicerContext,
    ) -> health_pb2.HealthCheckResponse:
        """Answer the status of a service. An unknown service is NOT_FOUND."""
        response = self._answer(request.service)
        if response.status == _UNKNOWN:
            context.abort(grpc.StatusCode.NOT_FOUND, "no such service")
        return response

    def Watch(  # type: ignore[override] # gRPC passes `send` to handlers without a thread.
        self,
        request: health_pb2.HealthCheckRequest,
        context: grpc.ServicerContext,
        send: Send,
    ) -> None:
        """Send the status of a service, and again whenever it is set."""
        one_at_a_time = threading.Lock()  # Two threads that send on one stream would deadlock.

        def send_status() -> None:
            with one_at_a_time:
                send(self._answer(request.service))  # The latest, in whatever order they are sent.

        with self._lock:
            self._watchers[context] = send_status
        if not context.add_callback(lambda: self._forget(context)):
            self._forget(context)
        send_status()

    Watch.experimental_non_blocking = True  # type: ignore[attr-defined] # gRPC asks for it like this.

    def _answer(self, service: str) -> health_pb2.HealthCheckResponse:
        status = self._status if service in self._services else _UNKNOWN
        return health_pb2.HealthCheckResponse(status=status)

    def _forget(self, context: grpc.ServicerContext) -> None:
        with self._lock:
            self._watchers.pop(context, None)
