"""One connection of a watch: a stream of messages that ends where the service falls silent."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from giftcard.v1.event_service_pb2 import WatchEventsRequest, WatchEventsResponse

# The service sends something every 5 seconds. A server that stands still keeps its
# connection alive nevertheless, so that gRPC's own pings do not notice.
SILENCE_SECONDS = 30.0

Open = Callable[[WatchEventsRequest], Any]


@contextmanager
def event_stream(
    open_stream: Open, request: WatchEventsRequest, silence_seconds: float = SILENCE_SECONDS
) -> Iterator[Iterator[WatchEventsResponse]]:
    """Open a stream, and give its messages; gRPC's exception ends them.

    The stream ends with CANCELLED once nobody sends anything for `silence_seconds` while
    the consumer waits for it. How long the consumer takes itself does not count.
    """
    call = open_stream(request)
    waiting_since: list[float] = []
    is_over = threading.Event()

    def look() -> None:
        while not is_over.wait(silence_seconds / 4):
            since = waiting_since[-1:]
            if since and time.monotonic() - since[0] > silence_seconds:
                call.cancel()

    def messages() -> Iterator[WatchEventsResponse]:
        while True:
            waiting_since[:] = [time.monotonic()]
            try:
                message = next(call)
            except StopIteration:
                return
            finally:
                waiting_since.clear()
            yield message

    threading.Thread(target=look, name="giftcard-events", daemon=True).start()
    try:
        yield messages()
    finally:
        is_over.set()
        call.cancel()
