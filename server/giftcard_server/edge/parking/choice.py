"""Whether calls are parked, and how many threads they need then or otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from giftcard_server.edge.parking import inner_grpc
from giftcard_server.edge.parking.parked_calls import Parking
from giftcard_server.edge.parking.parking_threads import PARKING_THREADS

if TYPE_CHECKING:
    from giftcard_server.settings import Settings

log = structlog.get_logger(__name__)


def parking_of(settings: Settings) -> Parking | None:
    """Return where calls are parked; None, and a line in the log, where they wait in threads.

    Raises `StartRefusedError` where its threads cannot be made.
    """
    why_not = _why_not(settings)
    if why_not:
        log.warning("calls wait in threads", why=why_not)
        return None
    return Parking()


def rpc_threads(settings: Settings) -> int:
    """Return how many threads the calls need that are not parked."""
    return settings.threads_if_none_is_parked if _why_not(settings) else settings.rpc_threads


def threads_for_calls(settings: Settings) -> int:
    """Return how many threads all calls need."""
    return rpc_threads(settings) + (0 if _why_not(settings) else PARKING_THREADS)


def _why_not(settings: Settings) -> str:
    return inner_grpc.why_not() if settings.park_calls else "park_calls is false"
