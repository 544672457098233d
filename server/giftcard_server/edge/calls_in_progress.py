"""The calls in progress, and an end to those that take too long.

grpcio keeps a thread for each call from its headers on, and would wait for the message, and
for the answer, as long as the caller says, or for good. Threads are what a caller who sends
headers and nothing else would take from all others.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import grpc

log = structlog.get_logger(__name__)

# For the message, which comes with the headers or just after them.
MESSAGE_SECONDS: Final = 5.0
# The same while more calls wait for theirs than `UNREAD_LIMIT`, a part of the threads there are.
CROWDED_SECONDS: Final = 1.0
UNREAD_LIMIT: Final = 256
# For all of a call, whatever deadline it came with; longer than everything that we wait for.
CALL_SECONDS: Final = 30.0
LOOK_SECONDS: Final = 0.5


class CallsInProgress:
    """Calls by when they came. Any thread may use it."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._unread: dict[grpc.ServicerContext, float] = {}
        self._unanswered: dict[grpc.ServicerContext, float] = {}

    def begin(self, context: grpc.ServicerContext) -> None:
        """Take in a call that has to be answered within `CALL_SECONDS`."""
        with self._lock:
            self._unanswered[context] = self._now()

    def end(self, context: grpc.ServicerContext) -> None:
        """Forget a call that was answered, or is gone."""
        with self._lock:
            self._unanswered.pop(context, None)

    def message(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> bytes | None:
        """Return the next message of a call, None where there is none.

        Raises `grpc.RpcError` where the call ended meanwhile.
        """
        with self._lock:
            self._unread[context] = self._now()
        try:
            return next(requests, None)
        finally:
            with self._lock:
                self._unread.pop(context, None)

    def end_overdue(self) -> None:
        """End the calls that have had their time."""
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
