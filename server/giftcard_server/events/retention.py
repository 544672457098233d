"""Removes events that are kept no longer, the oldest first, in small transactions."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from giftcard_server.errors import ClockWrongError
from giftcard_server.recurring import Recurring
from giftcard_storage.errors import StaleError, StorageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from giftcard_storage.events import EventLog

log = structlog.get_logger(__name__)

EVERY_SECONDS: Final = 600.0
EVENTS_AT_ONCE: Final = 500
# Between two transactions, so that commands are not held up.
PAUSE_SECONDS: Final = 0.05


class EventRetention(Recurring):
    """Removes what occurred more than `days` days ago. The newest event always stays.

    So does what lies behind the position that `followed` returns, where it is given.
    """

    def __init__(
        self,
        events: EventLog,
        now: Callable[[], datetime],
        days: int,
        followed: Callable[[], int] | None = None,
    ) -> None:
        # Several servers may be at it: then one of them is late.
        postponed_by = (StorageError, StaleError, ClockWrongError)
        super().__init__("event retention", self.remove, EVERY_SECONDS, postponed_by)
        self._events = events
        self._now = now
        self._kept_for = timedelta(days=days)
        self._followed = followed

    def remove(self) -> int:
        """Remove all that is too old now; return how many events."""
        cutoff, removed = self._now() - self._kept_for, 0
        while not self.stopping.is_set():
            through = self._followed() if self._followed else None
            removed_now = self._events.remove_before(cutoff, EVENTS_AT_ONCE, through)
            removed += removed_now
            if removed_now < EVENTS_AT_ONCE:
                break
            self.stopping.wait(PAUSE_SECONDS)
        if removed:
            log.info("removed old events", events=removed)
        return removed
