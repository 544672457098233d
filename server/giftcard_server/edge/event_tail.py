"""The newest events, encoded once for all watchers that have seen everything before them."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from giftcard_rules.events import EventType

# With some hundred bytes each. A watcher that is further behind reads from the database.
LENGTH: Final = 1024


class Encoded(NamedTuple):
    """An event as the message that watchers get."""

    position: int
    type: EventType
    message: bytes


class Found(NamedTuple):
    """Messages of a part of the log, and the position up to which they are all that matches."""

    messages: list[bytes]
    looked_up_to: int


class EventTail:
    """The last `LENGTH` events up to the position `end`, without gaps."""

    def __init__(self, end: int = 0) -> None:
        self.end = end
        self._events: deque[Encoded] = deque(maxlen=LENGTH)

    def extend(self, events: Iterable[Encoded]) -> None:
        """Add the events after `end`."""
        for event in events:
            if event.position != self.end + 1:  # Those between were removed meanwhile.
                self._events.clear()
            self._events.append(event)
            self.end = event.position

    def has_all_after(self, position: int) -> bool:
        """Return whether it has every event after a position."""
        return position >= self.end - len(self._events)

    def after(self, position: int, types: frozenset[EventType], limit: int) -> Found:
        """Return at most `limit` events after a position, of some types; no types are all.

        It has to have all events after that position.
        """
        messages: list[bytes] = []
        events = self._events
        for index in range(max(0, len(events) - (self.end - position)), len(events)):
            event = events[index]
            if not types or event.type in types:
                messages.append(event.message)
                if len(messages) == limit:
                    return Found(messages, event.position)
        return Found(messages, max(position, self.end))
