"""Sends messages on a stream of gRPC without a thread that waits for its consumer.

The `send` that grpcio hands to a stream's handler returns once flow control has let the message
go, and a consumer that takes nothing holds its thread for good. So this module starts the same
operation as grpcio does, and goes on with the next message when the completion queue reports that
one as sent. Like `parking.inner_grpc` it knows the inside of grpcio, and its tests notice when a
newer grpcio looks different. ADR 77 has the alternatives.
"""

from __future__ import annotations

import threading
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import grpc
from grpc import _server
from grpc._cython import cygrpc  # type: ignore[attr-defined] # It has no types.
from grpc_status import rpc_status

from giftcard_server.edge.marks import marked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from google.rpc.status_pb2 import Status

_TOKEN: Final = _server._SEND_MESSAGE_TOKEN
_NO_FLAGS: Final = 0


class OpenStream:
    """The stream of one call. Any thread may use it, and none ever waits in it.

    `send` is what grpcio handed to the handler of the call. `emptied` is called, in the thread
    that serves all of gRPC, whenever the last message that was offered has been sent.
    """

    def __init__(
        self,
        context: grpc.ServicerContext,
        send: Callable[[None], object],
        emptied: Callable[[], object] = lambda: None,
    ) -> None:
        inside: Any = context
        self._context = context
        self._state, self._call = inside._state, inside._rpc_event.call
        self._end = send
        self._emptied = emptied
        self._lock = threading.Lock()  # Never held while gRPC is called.
        self._waiting: deque[bytes] = deque()
        self._is_sending = self._is_over = False
        with suppress(grpc.RpcError):  # The consumer is gone already.
            context.send_initial_metadata(())  # It would have to go along with the first message.

    @property
    def has_room(self) -> bool:
        """Whether flow control has let everything go that was offered, and the call goes on."""
        with self._lock:
            return not (self._is_sending or self._waiting or self._is_over)

    def offer(self, messages: Iterable[bytes]) -> None:
        """Send messages, after those that were offered before."""
        with self._lock:
            if self._is_over:
                return
            self._waiting.extend(messages)
        self._go_on()

    def end(self, status: Status) -> None:
        """End the call with a status, and drop the messages that wait."""
        with self._lock:
            if self._is_over:
                return
            self._is_over = True
            self._waiting.clear()
        rich = rpc_status.to_status(status)
        self._context.set_code(rich.code)
        self._context.set_details(rich.details)
        self._context.set_trailing_metadata(marked(self._context, rich.trailing_metadata))
        self._end(None)  # Unlike a message, it is not waited for.

    def _go_on(self) -> None:
        with self._lock:
            if self._is_sending or not self._waiting:
                return
            self._is_sending = True
            message = self._waiting.popleft()
        if not self._start(message):
            with self._lock:  # The consumer is gone, and the call is about to be forgotten.
                self._is_over = True
                self._waiting.clear()

    def _start(self, message: bytes) -> bool:
        """Hand one message to gRPC, as `grpc._server._send_response` does; return if it took it."""
        state = self._state
        with state.condition:
            if not _server._is_rpc_state_active(state):
                return False
            finish = _server._send_message(state, _TOKEN)

            def sent(event: Any) -> tuple[Any, tuple[Callable[[], object], ...]]:
                # gRPC calls it in its serving thread, and then what it returns, without any lock.
                ended, callbacks = finish(event)
                return ended, (*callbacks, self._sent)

            operation = cygrpc.SendMessageOperation(message, _NO_FLAGS)
            self._call.start_server_batch((operation,), sent)
            state.due.add(_TOKEN)
        return True

    def _sent(self) -> None:
        with self._lock:
            self._is_sending = False
        self._go_on()
        if self.has_room:
            self._emptied()
