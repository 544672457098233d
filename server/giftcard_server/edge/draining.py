"""How a server finishes its calls before it ends, so that none of them ends as CANCELLED.

gRPC's own stop cancels the calls that have reached the server and that Python has not picked up
yet, and those that cross its GOAWAY on their way. So a server does not stop gRPC before its process
ends. It refuses calls until those that it has taken are answered. Then the process ends, and the
kernel closes the connections: a call on its way is UNAVAILABLE, and is sent again elsewhere.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet

    import grpc

    from giftcard_server.edge.interception import Interceptor

# How long calls are refused while others take their time, at first and at most. Our client tries
# again for about a second and a half, and connections stay open meanwhile.
FIRST_REFUSING_SECONDS: Final = 0.25
LONGEST_REFUSING_SECONDS: Final = 1.0
# For the answers that gRPC has handed to the network, before their connections are closed.
LAST_BYTES_SECONDS: Final = 0.05
LOOK_EVERY_SECONDS: Final = 0.005


def finish_calls(interceptor: Interceptor, within_seconds: float) -> int:
    """Refuse calls until those that were taken are answered; return how many were not in time.

    Calls are taken again while some take long, so that the callers beside them can go on.
    """
    give_up_at = time.monotonic() + within_seconds
    refusing_seconds = FIRST_REFUSING_SECONDS
    while True:
        interceptor.refuse_calls()
        refuse_until = min(give_up_at, time.monotonic() + refusing_seconds)
        if _holds_by(refuse_until, lambda: not interceptor.in_progress()):
            time.sleep(LAST_BYTES_SECONDS)
            return 0
        slow = interceptor.in_progress()
        if time.monotonic() >= give_up_at:
            return len(slow)
        interceptor.take_calls()
        _holds_by(give_up_at, partial(_are_answered, slow, interceptor))
        refusing_seconds = min(2 * refusing_seconds, LONGEST_REFUSING_SECONDS)


def _are_answered(calls: AbstractSet[grpc.ServicerContext], interceptor: Interceptor) -> bool:
    return calls.isdisjoint(interceptor.in_progress())


def _holds_by(give_up_at: float, holds: Callable[[], bool]) -> bool:
    """Wait until something holds; return whether it does in time."""
    while not holds():
        if time.monotonic() >= give_up_at:
            return False
        time.sleep(LOOK_EVERY_SECONDS)
    return True
