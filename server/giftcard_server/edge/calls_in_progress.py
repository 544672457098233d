"""The calls in progress; those that take too long are ended.

grpcio occupies a thread for each call from its headers on. It waits for the message and for the
answer until the caller's deadline, or for good. A caller that sends headers and nothing else
would so take the threads from all others.
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

# For the message, which arrives with the headers or just after them.
MESSAGE_SECONDS: Final = 5.0
# The same while more than `UNREAD_LIMIT` calls, a part of all threads, wait for their message.
CROWDED_SECONDS: Final = 1.0
UNREAD_LIMIT: Final = 256
# For a whole call, whatever its deadline is; longer than all that the server waits for.
CALL_SECONDS: Final = 30.0
LOOK_SECONDS: Final = 0.5


class CallsInProgress:
    """Calls by the time of their arrival. Any thread may use it."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._unread: dict[grpc.ServicerContext, float] = {}
        self._unanswered: dict[grpc.ServicerContext, float] = {}
        self.takes_calls = True

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
        """Return the calls whose message has arrived and that have no answer yet."""
        with self._lock:
            return self._unanswered.keys() - self._unread.keys()

    def message(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> bytes | None:
        """Return the next message of a call, None if there is none.

        Raises `grpc.RpcError` if the call ends meanwhile.
        """
        with self._lock:
            self._unread[context] = self._now()
        try:
            return next(requests, None)
        finally:
            with self._lock:
                self._unread.pop(context, None)

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
