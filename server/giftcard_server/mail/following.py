"""Follows the events and makes the deliveries that they call for, each of them once.

It begins where the migration began, so that nobody gets mail about a card of before. Any number of
servers may follow: the position and the deliveries behind it are saved in one transaction.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import structlog

from giftcard_rules.deliveries import FOLLOWED, RECALLED_BY, deliveries_of_event
from giftcard_server.errors import ClockWrongError
from giftcard_server.recurring import Recurring
from giftcard_storage.errors import StaleError, StorageError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from datetime import datetime

    from giftcard_rules.current import Markets
    from giftcard_rules.deliveries import NewDelivery, Suppressed
    from giftcard_server.mail.metrics import MailMetrics
    from giftcard_storage.deliveries.following import FollowedEvents, Told

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 0.5
EVENTS_AT_ONCE: Final = 500
# So many events that make no delivery are passed over in memory before the position is saved.
SAVED_EVERY: Final = 2000
# Of the time of one core, where it is far behind: after a pause of days, or on a restored backup.
SHARE: Final = 0.2


class MailFollower(Recurring):
    """Makes deliveries of events for the markets in `mailed`; `has_new` is set when it did."""

    def __init__(
        self,
        events: FollowedEvents,
        markets: Markets,
        mailed: frozenset[str],
        now: Callable[[], datetime],
        has_new: threading.Event,
        metrics: MailMetrics,
    ) -> None:
        postponed_by = (StorageError, ClockWrongError)
        super().__init__("mail following", self.follow, LOOK_SECONDS, postponed_by)
        self._events = events
        self._markets = markets
        self._mailed = mailed
        self._now = now
        self._has_new = has_new
        self._metrics = metrics
        self._saved: int | None = None  # The position in the database, as far as it is known.
        self._behind = 0  # What was looked at, which may be further.

    def follow(self) -> None:
        """Make the deliveries of all events that there are. Raises `StorageAwayError`."""
        try:
            began = time.monotonic()
            while not self.stopping.is_set() and self._follow_a_stretch():
                self.stopping.wait((time.monotonic() - began) * (1 / SHARE - 1))
                began = time.monotonic()
        except StaleError:  # Another server was faster; the next round goes on from there.
            self._saved = None
        except StorageError:
            # The database that answers next may be another one, which lacks what this one had.
            self._saved = None
            raise

    def _follow_a_stretch(self) -> bool:
        """Look at some events; return whether there may be more."""
        if self._saved is None:
            self._begin()
        assert self._saved is not None
        stretch = self._events.read(self._behind, EVENTS_AT_ONCE, FOLLOWED)
        end = stretch.last_position
        is_to_be_saved = end - self._saved >= SAVED_EVERY
        new: list[NewDelivery] = []
        recalled: set[tuple[str, Suppressed]] = set()  # A card may be recalled for both reasons.
        for told in stretch.told:
            if told.card.market not in self._markets:
                # Another server knows it, as it sold the card, and goes on from here.
                end = told.position - 1
                break
            is_to_be_saved = True  # Also where the market is not mailed yet: it never shall be.
            new += self._made_by(told)
            if told.type in RECALLED_BY:
                recalled.add((told.card.card_id, RECALLED_BY[told.type]))
        if is_to_be_saved and end > self._saved:
            self._events.save(self._saved, end, new, recalled, self._now())
            self._saved = end
            self._metrics.made(new)
            self._has_new.set()
        is_over = end < self._behind + EVENTS_AT_ONCE
        self._behind = end
        return not is_over

    def _begin(self) -> None:
        """Go on from the position in the database."""
        self._saved = self._behind = self._events.position()
        removed = self._events.removed_through()
        if removed > self._saved:
            log.error("events were removed that made no deliveries", events=removed - self._saved)

    def _made_by(self, told: Told) -> tuple[NewDelivery, ...]:
        market = self._markets[told.card.market]
        if market.name not in self._mailed:
            return ()
        of_card = (told.type, told.card, market, told.occurred_at)
        return deliveries_of_event(*of_card, told.deliver_on)
