"""Delivers events to all who watch: one thread, however many they are, that waits for none.

It reads new events every `POLL_SECONDS`, and only while somebody watches. Watchers that have seen
everything share what it read. One that is further behind gets pages of its own, a new one once
it has taken the last, so that nobody's slowness delays others or grows memory.
"""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING, Final

import structlog

from giftcard_server.edge import refusals
from giftcard_server.edge.event_messages import heartbeat, told
from giftcard_server.edge.event_reading import changed, checked
from giftcard_server.edge.event_requests import Wanted
from giftcard_server.edge.event_tail import Encoded, EventTail, Found
from giftcard_server.errors import EventsRefusedError
from giftcard_server.logs import Summarized, where
from giftcard_storage.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from google.rpc.status_pb2 import Status

    from giftcard_rules.events import EventType
    from giftcard_server.edge.event_metrics import EventMetrics
    from giftcard_server.edge.stream_sending import OpenStream
    from giftcard_storage.events import EventLog, StoredEvent

log = structlog.get_logger(__name__)

# An event is on its way within this, and the time that a statement takes.
POLL_SECONDS: Final = 0.05
HEARTBEAT_SECONDS: Final = 5.0
# Between two looks whether the callers may still watch.
LOOK_SECONDS: Final = 1.0
# Events that one statement reads.
PAGE: Final = 500
# Events that wait on a stream, at most; beside what flow control lets go, all that it may hold.
BURST: Final = 128

ALL: Final[frozenset[EventType]] = frozenset()


class Watcher:
    """One open stream: what its consumer asked for, and up to where it was offered that."""

    __slots__ = (
        "generation",
        "is_behind",
        "may_watch",
        "offered_at",
        "position",
        "position_before",
        "stream",
        "types",
    )

    def __init__(
        self,
        generation: str,
        after: int,
        types: frozenset[EventType],
        may_watch: Callable[[], bool],
    ) -> None:
        self.generation = generation
        self.types = types
        self.may_watch = may_watch
        self.position = self.position_before = after
        self.is_behind = False
        self.offered_at = -math.inf  # So that it begins with a heartbeat.
        self.stream: OpenStream

    @property
    def sent_up_to(self) -> int:
        """The position up to which it was surely sent everything."""
        return self.position if self.stream.has_room else self.position_before

    def offer(self, found: Found, end: int) -> None:
        """Send what was found of a log that goes on to `end`."""
        self.position_before, self.position = self.position, found.looked_up_to
        # Before the stream can be empty again, which has it filled at once where it is behind.
        self.is_behind = self.position < end
        if found.messages:
            self.offered_at = time.monotonic()
            self.stream.offer(found.messages)

    def beat(self) -> None:
        """Send a heartbeat."""
        self.offered_at = time.monotonic()
        self.stream.offer([heartbeat(self.position, self.generation)])


class EventDelivery:
    """Who watches, and the thread that reads for them. `watch` and `forget` never wait for it."""

    def __init__(self, events: EventLog, metrics: EventMetrics, limit: int) -> None:
        self.name = "events"
        self._log = events
        self._metrics = metrics
        self._limit = limit
        self._lock = threading.Lock()  # Never held while something is sent or read.
        self._watchers: dict[object, Watcher] = {}
        self._wake = threading.Event()
        self._is_draining = self._is_stopped = False
        self._tail: EventTail | None = None
        self._generation = ""
        self._polled_at = self._looked_at = 0.0
        self._postponed = Summarized(log, "warning")
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)

    def start(self) -> None:
        """Start to deliver."""
        self._thread.start()

    def begin_to_stop(self) -> None:
        """Have it stop reading, once a statement that runs has its answer."""
        self._is_stopped = True
        self._wake.set()

    def has_stopped_by(self, give_up_at: float) -> bool:
        """Wait until its thread has ended, by the monotonic clock; return whether it has."""
        self._thread.join(max(0.0, give_up_at - time.monotonic()))
        return not self._thread.is_alive()

    def why_not(self) -> Status | None:
        """Return why nobody else can watch now, if so."""
        if self._is_draining:
            return refusals.stopping()
        if len(self._watchers) >= self._limit:
            return refusals.too_many_watchers()
        return None

    def watch(self, call: object, watcher: Watcher) -> Status | None:
        """Deliver to one more, under a name for `forget`; or return why that cannot be."""
        with self._lock:
            why_not = self.why_not()
            if why_not is None:
                self._watchers[call] = watcher
                self._metrics.watching(len(self._watchers))
        self._wake.set()
        return why_not

    def forget(self, call: object) -> None:
        """Deliver no longer to one whose call has ended."""
        with self._lock:
            self._watchers.pop(call, None)
            self._metrics.watching(len(self._watchers))

    def emptied(self, watcher: Watcher) -> None:
        """Have a stream filled that has sent everything, if there is more for it."""
        if watcher.is_behind:
            self._wake.set()

    def drain(self) -> None:
        """End every stream, so that consumers resume elsewhere, and let no others begin."""
        with self._lock:
            self._is_draining = True
        self._end_all(refusals.stopping())

    def _run(self) -> None:
        while not self._is_stopped:
            watchers = self._all()
            # Without watchers nothing is read, until `watch` wakes the thread.
            self._wake.wait(POLL_SECONDS if watchers else None)
            self._wake.clear()
            try:
                self._round(self._all())
                self._postponed.flush()
            except StorageError as error:
                self._postponed.add("events postponed", why=type(error).__name__)
                self._lose(refusals.storage_away())
            except EventsRefusedError:  # Consumers resume, and each is told what that means for it.
                self._lose(refusals.storage_away())
            except Exception as error:  # noqa: BLE001 - the next round may do better
                # Without the error's text, which may quote stored data.
                log.error("defect", error=where(error))  # noqa: TRY400
                self._lose(refusals.internal())

    def _all(self) -> tuple[Watcher, ...]:
        with self._lock:
            return tuple(self._watchers.values())

    def _lose(self, status: Status) -> None:
        """End every stream after a failure; consumers resume, here or elsewhere."""
        self._tail = None
        self._end_all(status)

    def _end_all(self, status: Status) -> None:
        for watcher in self._all():
            watcher.stream.end(status)

    def _round(self, watchers: Sequence[Watcher]) -> None:
        if not watchers:
            self._tail = None
            self._metrics.lagging(0)
            return
        now = time.monotonic()
        if self._tail is None or now - self._polled_at >= POLL_SECONDS:
            self._polled_at = now
            self._poll(watchers)
        if now - self._looked_at >= LOOK_SECONDS:
            self._looked_at = now
            for watcher in watchers:
                if not watcher.may_watch():
                    watcher.stream.end(refusals.no_longer_admitted())
        assert self._tail is not None
        self._serve(watchers, self._tail, now)

    def _poll(self, watchers: Sequence[Watcher]) -> None:
        """Read the newest events, if there are any. Raises `EventsRefusedError`."""
        generation, last = self._log.glance()
        if self._tail is None or generation != self._generation:
            with self._log.state():  # Consumers are told positions, which must not be lost.
                last = self._log.last_position()  # There may be more of them than a moment ago.
            self._generation, self._tail = generation, EventTail(last)
        for watcher in watchers:
            if watcher.generation != generation:
                refused = changed(self._log, watcher.generation)
                watcher.stream.end(refusals.events_refused(refused))
        if last < self._tail.end:
            raise EventsRefusedError.ahead(last)
        if last > self._tail.end:
            events = self._read(self._tail.end, PAGE, ALL)
            self._tail.extend(
                Encoded(each.position, each.type, self._told(each)) for each in events
            )
            if len(events) == PAGE:  # There is more.
                self._polled_at = 0.0
                self._wake.set()

    def _read(self, after: int, limit: int, types: frozenset[EventType]) -> list[StoredEvent]:
        """Read events. Raises `EventsRefusedError` where they are not those that are wanted."""
        with self._log.state():
            checked(self._log, Wanted(self._generation, after, types))
            return self._log.read(after, limit, types)

    def _told(self, event: StoredEvent) -> bytes:
        return told(event, self._generation)

    def _serve(self, watchers: Sequence[Watcher], tail: EventTail, now: float) -> None:
        """Offer each that has taken everything what comes next, or a heartbeat."""
        pages: dict[tuple[int, frozenset[EventType]], Found] = {}
        for watcher in watchers:
            if watcher.generation != self._generation or not watcher.stream.has_room:
                continue
            if now - watcher.offered_at >= HEARTBEAT_SECONDS:
                watcher.beat()
            try:
                found = self._next(watcher, tail, pages)
            except EventsRefusedError as refused:
                watcher.stream.end(refusals.events_refused(refused))
                continue
            if found.looked_up_to > watcher.position:
                self._metrics.delivered("WatchEvents", len(found.messages))
                watcher.offer(found, tail.end)
            if watcher.is_behind and watcher.stream.has_room:  # Nothing of it was for this one.
                self._wake.set()
        self._metrics.lagging(max(0, *(tail.end - each.sent_up_to for each in watchers)))

    def _next(
        self,
        watcher: Watcher,
        tail: EventTail,
        pages: dict[tuple[int, frozenset[EventType]], Found],
    ) -> Found:
        """Return what comes next for a watcher; `pages` are those of this round, for all.

        Raises `EventsRefusedError` where it has been removed.
        """
        if tail.has_all_after(watcher.position):
            return tail.after(watcher.position, watcher.types, BURST)
        place = (watcher.position, watcher.types)
        if place not in pages:
            events = self._read(*place[:1], BURST, place[1])
            is_full = len(events) == BURST
            last = events[-1].position if events else 0
            messages = [self._told(each) for each in events]
            pages[place] = Found(messages, last if is_full else max(last, tail.end))
        return pages[place]
