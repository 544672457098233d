"""The log of events for those who read it: what a consumer asks for is checked, then read.

Each reader has a connection of its own, which one thread at a time uses.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

from giftcard_server.errors import EventsRefusedError, OverloadedError
from giftcard_storage.events import EventLog

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from giftcard_server.edge.event_requests import Wanted
    from giftcard_storage.events import StoredEvent

# More pages at a time are refused. They would wait for each other, each in an RPC thread.
READERS: Final = 16


class Page(NamedTuple):
    """Events that were asked for, and how far they are all of them."""

    events: Sequence[StoredEvent]
    generation: str
    last_position: int
    resume_position: int


class EventReader:
    """Reads pages for RPCs. Any thread may use it. Raises `StorageError`."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._places = threading.BoundedSemaphore(READERS)
        self._lock = threading.Lock()

    def page(self, wanted: Wanted, size: int) -> Page:
        """Return a page. Raises `EventsRefusedError` and `OverloadedError`."""
        with self._one_of_few(), self._log.state():
            generation, last = checked(self._log, wanted)
            events = self._log.read(wanted.after, size, wanted.types)
        # A page that is not full has everything up to the end of the log.
        resume = events[-1].position if len(events) == size else last
        return Page(events, generation, last, resume)

    def generation_of(self, wanted: Wanted) -> str:
        """Return the generation in which a consumer watches. Raises as `page` does."""
        with self._one_of_few(), self._log.state():
            return checked(self._log, wanted)[0]

    @contextmanager
    def _one_of_few(self) -> Iterator[None]:
        if not self._places.acquire(blocking=False):
            raise OverloadedError
        try:
            with self._lock:
                yield
        finally:
            self._places.release()


def checked(log: EventLog, wanted: Wanted) -> tuple[str, int]:
    """Return the generation and the last position of the log.

    Raises `EventsRefusedError` unless it goes on after the position that is wanted.
    """
    generation = log.generation()
    if wanted.generation and wanted.generation != generation:
        raise changed(log, wanted.generation)
    last = log.last_position()
    if wanted.after > last:
        raise EventsRefusedError.ahead(last)
    require_kept(log, wanted.after)
    return generation, last


def require_kept(log: EventLog, after: int) -> None:
    """Raise `EventsRefusedError` if events after a position have been removed."""
    oldest = log.oldest_position()
    if after < oldest - 1:
        raise EventsRefusedError.gone(oldest)


def changed(log: EventLog, former: str) -> EventsRefusedError:
    """Return the refusal of a consumer of a former generation, or of one that never was."""
    generations = log.generations()
    names = [name for name, _ in generations]
    after = names.index(former) + 1 if former in names else 0
    # Each generation says what it has in common with the one before; the least is common to all
    # from the consumer's on. Nothing is known to be in common with a generation that never was.
    common = min((common for _, common in generations[after:]), default=0) if after else 0
    return EventsRefusedError.changed(names[-1], common)
