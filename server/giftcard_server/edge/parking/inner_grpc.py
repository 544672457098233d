"""All that parked calls need of grpcio's inner workings, which may change with any version.

grpcio's public way occupies a thread for each call, from its headers to its answer. Three steps of
its own code are taken here instead, by whichever thread is at hand: to receive the message, to send
the answer, and to send a refusal. `why_not` rehearses them once, without a network. Where grpcio is
not as it was, calls wait in threads as before.
"""

from __future__ import annotations

import functools
import importlib
import threading
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import grpc

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def _inner(module: str) -> Any:
    """Return a module of grpcio, or None, which the rehearsal tells."""
    try:
        return importlib.import_module(module)
    except ImportError:
        return None


_server = _inner("grpc._server")
cygrpc = _inner("grpc._cython.cygrpc")
NO_FLAGS: Final = 0


class Accepted(NamedTuple):
    """A call that grpcio has accepted: its context, and how to run a function for it.

    `run` sets the context variables of the call. One thread at a time may use it.
    """

    context: grpc.ServicerContext
    run: Callable[..., Any]
    behavior: Any


class Slot:
    """A call's place among those that are allowed at a time; gRPC counts it until it is free.

    It has of a `Future` what grpcio uses, at a fraction of the cost: a `Future` is made to be
    waited for, and nobody waits for this one.
    """

    __slots__ = ("_call_back", "_is_free", "_told")

    def __init__(self) -> None:
        self._call_back: Callable[[Slot], object] | None = None
        self._is_free = False
        self._told = threading.Lock()

    def add_done_callback(self, call_back: Callable[[Slot], object]) -> None:
        """Have `call_back` called once it is free, which it may be already. Once only."""
        self._call_back = call_back
        self._tell()

    def free(self) -> None:
        """Free it: the answer was handed to gRPC."""
        self._is_free = True
        self._tell()

    def _tell(self) -> None:
        # Both threads may find that both have happened; one of the two gets the lock.
        if self._is_free and self._call_back is not None and self._told.acquire(blocking=False):
            self._call_back(self)


def accepted(arguments: Sequence[Any]) -> Accepted:
    """Return the call that grpcio wants to have run on a pool, by the arguments of `submit`."""
    run, _, event, state, behavior, *_ = arguments
    return Accepted(_server._Context(event, state, None), run, behavior)


def receive(context: Any, arrived: Callable[[bytes | None], object]) -> None:
    """Call `arrived` with the next message, None if there is none; it must not wait nor raise.

    The thread that calls is grpcio's own, which serves all calls, or this one.
    """
    state, call = context._state, context._rpc_event.call

    def received(event: Any) -> Any:
        message = _server._serialized_request(event)
        with state.condition:
            if message is None and state.client is _server._OPEN:
                state.client = _server._CLOSED
            finished = _server._possibly_finish_call(state, _server._RECEIVE_MESSAGE_TOKEN)
        arrived(message)
        return finished

    with state.condition:
        is_active = _server._is_rpc_state_active(state)
        if is_active:
            call.start_server_batch((cygrpc.ReceiveMessageOperation(NO_FLAGS),), received)
            state.due.add(_server._RECEIVE_MESSAGE_TOKEN)
    if not is_active:
        arrived(None)


def send(context: Any, answer: bytes) -> None:
    """Send the answer of a call, with its trailing metadata, unless its caller is gone."""
    _server._status(context._rpc_event, context._state, answer)


def send_refusal(context: Any) -> None:
    """Send the status that `context.abort` has set, unless its caller is gone or has an answer."""
    state = context._state
    with state.condition:
        if not state.statused:
            _server._abort(state, context._rpc_event.call, cygrpc.StatusCode.unknown, b"")


@functools.cache
def why_not() -> str:
    """Return why calls cannot be parked with this grpcio; empty if they can."""
    try:
        _rehearse()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is not as it was
        return f"grpcio {grpc.__version__} is not as it was: {type(error).__name__}: {error}"
    return ""


class _Rehearsal:
    """Stands for the core of gRPC, and remembers what it is told to do."""

    def __init__(self) -> None:
        self.started: list[tuple[list[str], Callable[[Any], Any]]] = []
        self.submitted: Sequence[Any] = ()

    def start_server_batch(self, operations: Sequence[Any], tag: Callable[[Any], Any]) -> None:
        self.started.append(([type(each).__name__ for each in operations], tag))

    def submit(self, *arguments: Any) -> None:
        self.submitted = arguments


def _rehearse() -> None:
    """Take the steps of a call that is answered, and of one that is refused."""
    for is_refused in (False, True):
        core, state = _Rehearsal(), _server._RPCState()
        details = SimpleNamespace(deadline=time.time() + 60)
        event = SimpleNamespace(call=core, call_details=details)
        handler: Any = grpc.stream_stream_rpc_method_handler(lambda *_: iter(()))
        state.due.add(_server._RECEIVE_CLOSE_ON_SERVER_TOKEN)
        _server._handle_stream_stream(event, state, handler, core)
        call = accepted(core.submitted)
        context: Any = call.context
        _require(context._state is state, "the call")
        _require(call.run == state.context.run, "the context variables")
        _require(call.behavior is handler.stream_stream, "the behavior")
        _require(context.is_active() and context.time_remaining() > 1, "the context")
        _rehearse_message(core, context)
        _rehearse_answer(core, context, is_refused=is_refused)


def _rehearse_message(core: _Rehearsal, context: Any) -> None:
    arrived: list[bytes | None] = []
    receive(context, arrived.append)
    [(operations, tag)] = core.started
    _require(operations == ["ReceiveMessageOperation"], "receiving")
    _require(hasattr(cygrpc.ReceiveMessageOperation, "message"), "the message")
    received = SimpleNamespace(message=lambda: b"message")
    finished = tag(SimpleNamespace(batch_operations=[received]))
    _require(arrived == [b"message"] and finished == (None, ()), "what arrived")


def _rehearse_answer(core: _Rehearsal, context: Any, *, is_refused: bool) -> None:
    ended: list[None] = []
    _require(context.add_callback(lambda: ended.append(None)), "the callback")
    context.set_trailing_metadata((("key", "value"),))
    if is_refused:
        try:
            context.abort(grpc.StatusCode.ABORTED, "no")
        except Exception:  # noqa: BLE001 - this is how grpcio aborts
            send_refusal(context)
    else:
        send(context, b"answer")
    operations, tag = core.started[-1]
    expected = {"SendInitialMetadataOperation", "SendStatusFromServerOperation"}
    expected |= set() if is_refused else {"SendMessageOperation"}
    _require(set(operations) == expected and not context.is_active(), "sending")
    _require(tag(None) == (None, ()), "that the caller has the answer")
    closed = SimpleNamespace(cancelled=lambda: False)
    close = _server._receive_close_on_server(context._state)
    state, callbacks = close(SimpleNamespace(batch_operations=[closed]))
    for callback in callbacks:
        callback()
    _require(state is context._state and ended == [None], "the end of the call")


def _require(holds: object, what: str) -> None:
    if not holds:
        raise LookupError(what)
