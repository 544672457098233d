"""Sends deliveries in a thread of its own: claims some, sends one after the other, notes each.

Each is noted before the next one is sent, so that a crash repeats one message at most, with the
same Message-ID. A claim outlasts the longest sending; what cannot be begun in time is given back.
"""

from __future__ import annotations

import time
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

import structlog

from giftcard_rules.deliveries import DeliveryState
from giftcard_server.errors import ClockWrongError
from giftcard_server.recurring import Recurring
from giftcard_storage.errors import StaleError, StorageError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from giftcard_server.mail.dispatch import Dispatch
    from giftcard_server.mail.metrics import MailMetrics
    from giftcard_server.tracing.tracer import Tracer
    from giftcard_storage.deliveries import StoredDelivery
    from giftcard_storage.deliveries.claims import Ending, Outbox

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 1.0
CLAIMED_AT_ONCE: Final = 10
# So long after a claim its last message may be begun, and the claim outlasts that one.
BEGUN_WITHIN_SECONDS: Final = 10.0
# A claim ends so long after the longest sending, by clocks that may run a little apart.
SPARE_SECONDS: Final = 5.0
# After a mail server did not get as far as a message, before it is asked again.
NO_ANSWER_SECONDS: Final = 15.0

_BOOT: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def since_boot() -> float:
    """Return a time in seconds that cannot be set, and goes on while the machine is suspended."""
    return time.clock_gettime(_BOOT)


class MailWorker(Recurring):
    """Sends what is due, while `may_send` says so. `has_new` is set when there is more to send.

    `may_send` is asked before each claim, and the clock and the signal to stop before each message.
    `send_seconds` is the longest that handing over one message takes.
    """

    def __init__(
        self,
        outbox: Outbox,
        dispatch: Dispatch,
        now: Callable[[], datetime],
        may_send: Callable[[], bool],
        has_new: threading.Event,
        metrics: MailMetrics,
        send_seconds: float,
    ) -> None:
        postponed_by = (StorageError, ClockWrongError)
        super().__init__("mail", self.deliver, LOOK_SECONDS, postponed_by)
        self._outbox = outbox
        self._dispatch = dispatch
        self._now = now
        self._may_send = may_send
        self._has_new = has_new
        self._metrics = metrics
        self.tracer: Tracer | None = None  # Makes a span of each message, where there are traces.
        self._lasting = timedelta(seconds=BEGUN_WITHIN_SECONDS + send_seconds + SPARE_SECONDS)
        self._begin_by = 0.0  # By the clock `since_boot`.
        # What was sent while the database was away; nothing else is sent before it is noted.
        self._unnoted: list[tuple[StoredDelivery, Ending, datetime]] = []
        self._claimed: list[StoredDelivery] = []
        self._pause_seconds = LOOK_SECONDS

    def deliver(self) -> None:
        """Send all that is due. Raises `StorageError`, `ClockWrongError`."""
        self._pause_seconds = LOOK_SECONDS
        self._note()
        self._let_go()
        while not self.stopping.is_set() and self._may_send():
            self._begin_by = since_boot() + BEGUN_WITHIN_SECONDS
            markets, now = self._dispatch.markets, self._now()
            try:
                self._claimed = self._outbox.claim(markets, CLAIMED_AT_ONCE, now, self._lasting)
            except StaleError:  # Another server was faster.
                continue
            if not self._claimed:
                return
            del self._claimed[: self._send(self._claimed)]
            self._let_go()
            if self._pause_seconds > LOOK_SECONDS:
                return

    def begin_to_stop(self) -> None:
        """Have it stop after the message that is being sent."""
        super().begin_to_stop()
        self._has_new.set()

    def pause(self) -> None:
        """Wait until there is more to send, or until the mail server is asked again."""
        if self._pause_seconds > LOOK_SECONDS:
            self.stopping.wait(self._pause_seconds)
        else:
            self._has_new.wait(self._pause_seconds)
        self._has_new.clear()

    def _send(self, claimed: Sequence[StoredDelivery]) -> int:
        """Send claimed deliveries in turn; return how many it came to."""
        for number, delivery in enumerate(claimed):
            may_begin = self._may_begin()
            if not may_begin or self._pause_seconds > LOOK_SECONDS or self.stopping.is_set():
                return number
            now = self._now()
            began = time.perf_counter()
            ending = self._dispatch.send(delivery, now, self._may_begin)
            if ending is None:  # Its claim may end before the message has left.
                return number
            self._unnoted.append((delivery, ending, self._now_or(now)))
            self._note()
            if self.tracer is not None:  # Not before it is noted, whatever becomes of the span.
                kind, state = delivery.kind.value, ending.state.value
                self.tracer.delivery(delivery.delivery_id, kind, state, began)
            if ending.pauses:
                self._pause_seconds = NO_ANSWER_SECONDS
        return len(claimed)

    def _may_begin(self) -> bool:
        return since_boot() < self._begin_by

    def _let_go(self) -> None:
        """Give back what was claimed and not sent."""
        if self._claimed:
            self._outbox.let_go(self._claimed)
            self._claimed = []

    def _note(self) -> None:
        """Note what became of deliveries. Raises `StorageError`; the next round tries again."""
        while self._unnoted:
            delivery, ending, at = self._unnoted[0]
            is_still_so = partial(self._dispatch.is_still_so, delivery, ending, at)
            was_claimed = self._outbox.end(delivery, ending, at, is_still_so)
            self._unnoted.pop(0)
            if not was_claimed:
                log.warning("a claim ended before its delivery", delivery_id=delivery.delivery_id)
            self._metrics.ended(delivery.kind, ending.state)
            if ending.state is DeliveryState.SENT:
                self._metrics.took((at - delivery.due_at).total_seconds())

    def _now_or(self, before: datetime) -> datetime:
        """Return the time; that of before where the clock has turned out wrong meanwhile."""
        try:
            return self._now()
        except ClockWrongError:
            return before
