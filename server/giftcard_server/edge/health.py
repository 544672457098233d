"""grpc.health.v1: whether the service answers, for balancers that ask, and for those that watch.

Not the servicer of grpcio-health-checking: it sends under the lock that it takes when a watcher
leaves, in the one thread without which nothing is sent. A watcher who leaves at the wrong moment
stops the server for good; and one who takes no answer stops whoever sets a status.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import Callable

    Send = Callable[[health_pb2.HealthCheckResponse], None]

SERVING: Final = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING: Final = health_pb2.HealthCheckResponse.NOT_SERVING
_UNKNOWN: Final = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
_SENDERS: Final = 4


class Health(health_pb2_grpc.HealthServicer):
    """The status of the server as a whole, "", and of its services by name."""

    def __init__(self, *services: str) -> None:
        self._services = ("", *services)
        self._status: int = NOT_SERVING
        self._lock = threading.Lock()  # Never held while something is sent.
        self._watchers: dict[grpc.ServicerContext, Callable[[], None]] = {}
        self._senders = ThreadPoolExecutor(_SENDERS, thread_name_prefix="health")

    def set(self, status: int) -> None:
        """Set the status of all services, SERVING or NOT_SERVING, and have the watchers told."""
        with self._lock:
            self._status = status
            watchers = tuple(self._watchers.values())
        for tell in watchers:
            self._senders.submit(tell)

    def Check(
        self,
        request: health_pb2.HealthCheckRequest,
        context: grpc.ServicerContext,
    ) -> health_pb2.HealthCheckResponse:
        """Answer for a service, NOT_FOUND where there is no such one."""
        response = self._answer(request.service)
        if response.status == _UNKNOWN:
            context.abort(grpc.StatusCode.NOT_FOUND, "no such service")
        return response

    def Watch(  # type: ignore[override] # gRPC hands what sends to those who keep no thread.
        self,
        request: health_pb2.HealthCheckRequest,
        context: grpc.ServicerContext,
        send: Send,
    ) -> None:
        """Send the status of a service, and again whenever it is set."""
        one_at_a_time = threading.Lock()  # Two that send on a stream would wait for each other.

        def tell() -> None:
            with one_at_a_time:
                send(self._answer(request.service))  # As it is by now, whoever told first.

        with self._lock:
            self._watchers[context] = tell
        if not context.add_callback(lambda: self._forget(context)):
            self._forget(context)
        tell()

    Watch.experimental_non_blocking = True  # type: ignore[attr-defined] # gRPC's own way to ask.

    def _answer(self, service: str) -> health_pb2.HealthCheckResponse:
        status = self._status if service in self._services else _UNKNOWN
        return health_pb2.HealthCheckResponse(status=status)

    def _forget(self, context: grpc.ServicerContext) -> None:
        with self._lock:
            self._watchers.pop(context, None)
