"""The calls in progress; those that take too long are ended.

A call that is not parked occupies a thread from its headers on. It waits for the message and for
the answer until the caller's deadline, or for good. A caller that sends headers and nothing else
would so take the threads from all others. A parked call takes memory, and a place among all calls.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

import structlog

from giftcard_server.edge.marks import mark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import grpc

    from giftcard_server.edge.marks import Metadata

log = structlog.get_logger(__name__)

# For the message, which arrives with the headers or just after them.
MESSAGE_SECONDS: Final = 5.0
# The same while more than `UNREAD_LIMIT` calls, a part of all threads, wait for their message.
CROWDED_SECONDS: Final = 1.0
UNREAD_LIMIT: Final = 256
# For a whole call, whatever its deadline is; longer than all that the server waits for.
CALL_SECONDS: Final = 30.0
LOOK_SECONDS: Final = 0.5


class CallsInProgress:
    """Calls by the time of their arrival, and the `marks` of all answers. Any thread may use it."""

    def __init__(self, now: Callable[[], float] = time.monotonic, marks: Metadata = ()) -> None:
        self._marks = marks
        self._now = now
        self._lock = threading.Lock()
        self._unread: dict[grpc.ServicerContext, float] = {}
        self._unanswered: dict[grpc.ServicerContext, float] = {}
        self._handed_over: set[grpc.ServicerContext] = set()
        self.takes_calls = True

    def mark(self, context: grpc.ServicerContext) -> None:
        """Mark the answer of a call, also where it will be refused."""
        if self._marks:
            mark(context, self._marks)

    def begin(self, context: grpc.ServicerContext) -> bool:
        """Add a call, which has to be answered within `CALL_SECONDS`.

        Returns False, and adds nothing, while no calls are taken.
        """
        with self._lock:
            if self.takes_calls:
                self._unanswered[context] = self._now()
            return self.takes_calls

    def end(self, context: grpc.ServicerContext) -> None:
        """Forget a call that was answered or whose caller is gone."""
        with self._lock:
            self._unanswered.pop(context, None)

    def take(self, *, calls: bool) -> None:
        """Start or stop to take calls, which those whose message has not arrived need as well."""
        with self._lock:
            self.takes_calls = calls

    def taken(self) -> set[grpc.ServicerContext]:
        """Return the calls whose message has arrived and that have no answer yet.

        A call that was handed over is one of them until it is handed back, even if its caller is
        gone, as a batch may be working on it.
        """
        with self._lock:
            return self._handed_over | (self._unanswered.keys() - self._unread.keys())

    def hand_over(self, context: grpc.ServicerContext) -> bool:
        """Note that a call whose message has arrived goes on without a thread of its own.

        Returns False, and the call has to be refused, while no calls are taken.
        """
        with self._lock:
            self._unread.pop(context, None)
            if self.takes_calls:
                self._handed_over.add(context)
            return self.takes_calls

    def hand_back(self, context: grpc.ServicerContext) -> None:
        """Note that nobody works on a call any more, if it was handed over at all."""
        with self._lock:
            self._handed_over.discard(context)

    def message(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> bytes | None:
        """Return the next message of a call, None if there is none.

        Raises `grpc.RpcError` if the call ends meanwhile.
        """
        self.wait_for_message(context)
        try:
            return next(requests, None)
        finally:
            with self._lock:
                self._unread.pop(context, None)

    def wait_for_message(self, context: grpc.ServicerContext) -> None:
        """Note that the message of a call has not arrived yet."""
        with self._lock:
            self._unread[context] = self._now()

    def end_overdue(self) -> None:
        """End the calls whose time is over."""
        now = self._now()
        with self._lock:
            is_crowded = len(self._unread) > UNREAD_LIMIT
            bounds = (
                (self._unread, CROWDED_SECONDS if is_crowded else MESSAGE_SECONDS),
                (self._unanswered, CALL_SECONDS),
            )
            overdue = [
                context
                for calls, seconds in bounds
                for context, since in calls.items()
                if now - since >= seconds
            ]
        for context in overdue:
            context.cancel()
        if overdue:
            log.warning("calls ended that took too long", calls=len(overdue))
