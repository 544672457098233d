"""How a call is answered that waits without a thread: what the interceptor does for every call.

grpcio's own thread admits the call. A thread of the pool reads its message and takes its first
steps. It is then parked, until the thread that ran its batch goes on with it and sends the answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

import grpc
import structlog

from giftcard_server.edge import refusals
from giftcard_server.edge.interception import abort, ended_as
from giftcard_server.edge.parking import inner_grpc
from giftcard_server.edge.parking.parking_threads import ParkingThreads
from giftcard_server.edge.watching import OK
from giftcard_server.logs import where
from giftcard_server.process.waits import Steps, parked
from giftcard_server.tracing.call import CURRENT_CALL

if TYPE_CHECKING:
    from giftcard_server.callers.callers import Callers
    from giftcard_server.edge.calls_in_progress import CallsInProgress
    from giftcard_server.edge.parking.inner_grpc import Accepted, Slot
    from giftcard_server.edge.watching import Watched

log = structlog.get_logger(__name__)


Behavior = Callable[[Any, grpc.ServicerContext], Steps[Any]]
Reading = Callable[[bytes | None, grpc.ServicerContext], Any]


class Parking:
    """Makes the handlers of RPCs whose calls are parked, all on the same few threads."""

    def __init__(self) -> None:
        self.threads = ParkingThreads()

    def handler(
        self,
        behavior: Behavior,
        read: Reading,
        write: Callable[[Any], bytes],
        callers: Callers,
        calls: CallsInProgress,
        watch: Watched,
    ) -> grpc.RpcMethodHandler[Any, Any]:
        """Return the handler of an RPC whose `behavior` is written in steps."""
        method = _ParkedMethod(
            behavior=behavior,
            read=read,
            write=write,
            callers=callers,
            calls=calls,
            watch=watch,
            experimental_thread_pool=self.threads,
        )
        return grpc.stream_stream_rpc_method_handler(method)


@dataclass(frozen=True, kw_only=True, eq=False)
class _ParkedMethod:
    """One RPC. grpcio takes it for a behavior, and hands its calls to the pool that it names."""

    behavior: Behavior
    read: Reading
    write: Callable[[Any], bytes]
    callers: Callers
    calls: CallsInProgress
    watch: Watched
    experimental_thread_pool: ParkingThreads

    def __call__(self, *_: Any) -> NoReturn:
        """Never called, as the pool begins the calls: no other interceptor may wrap it."""
        raise NotImplementedError

    def begin(self, call: Accepted, slot: Slot) -> None:
        """Admit a call, and have its message received."""
        _ParkedCall(self, call, slot).begin()


class _ParkedCall:
    """One call on its way to its answer."""

    __slots__ = ("_call", "_context", "_method", "_run", "_slot")

    def __init__(self, method: _ParkedMethod, call: Accepted, slot: Slot) -> None:
        self._method = method
        self._context = call.context
        self._run = call.run
        self._slot = slot
        self._call = method.watch.begin(call.context)

    def begin(self) -> None:
        method, context = self._method, self._context
        method.calls.mark(context)
        try:
            is_taken = method.calls.begin(context)
            # A call is over when its caller has the answer, which is later than we send it.
            if not context.add_callback(partial(method.calls.end, context)):
                method.calls.end(context)
            if not is_taken:
                abort(context, refusals.stopping())
            caller = self._run(method.callers.admit, method.watch.path, context)
            self._call.caller = caller.name
            method.calls.wait_for_message(context)
            inner_grpc.receive(context, self._arrived)
        except BaseException as error:  # noqa: BLE001 - grpcio's thread has to go on with other calls
            self._done(None, error)

    def _arrived(self, message: bytes | None) -> None:
        """Go on with a message on a thread of the pool, as reading it takes a moment."""
        method, context = self._method, self._context
        try:
            if not method.calls.hand_over(context):
                abort(context, refusals.stopping())
            if message is None and not context.is_active():
                self._done(None, _GoneError())
                return
            method.experimental_thread_pool.run(partial(self._run, self._answer, message))
        except BaseException as error:  # noqa: BLE001 - as above
            self._done(None, error)

    def _answer(self, message: bytes | None) -> None:
        method, context = self._method, self._context
        CURRENT_CALL.set(self._call)
        try:
            self._call.request = method.read(message, context)
            steps = method.behavior(self._call.request, context)
        except BaseException as error:  # noqa: BLE001 - the thread has to go on with other calls
            self._done(None, error)
            return
        parked(steps, self._done)

    def _done(self, response: Any, error: BaseException | None) -> None:
        """Send the answer or the refusal, and free the slot. It does not raise."""
        method, context = self._method, self._context
        try:
            if error is None:
                inner_grpc.send(context, method.write(response))
                method.watch.end(self._call, context, OK, response)
            else:
                self._refuse(error)
        except BaseException as defect:  # noqa: BLE001 - the batch holds the calls of other callers
            self._refuse(defect)
        finally:
            method.calls.hand_back(context)
            self._slot.free()

    def _refuse(self, error: BaseException) -> None:
        context = self._context
        is_deliberate = context.code() is not None or isinstance(error, _GoneError)  # type: ignore[attr-defined] # It has, since 1.45.
        try:
            if not is_deliberate:
                # Without the text of the error, which may quote the request.
                log.error("defect", error=where(error))
                abort(context, refusals.internal())
        except Exception:  # noqa: BLE001, S110 - this is how grpcio aborts
            pass
        self._method.watch.end(self._call, context, ended_as(context))
        inner_grpc.send_refusal(context)


class _GoneError(Exception):
    """The caller is gone, and needs no answer."""
