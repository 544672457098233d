"""Consumers of events with nothing but the generated stubs, and a log that is filled from below."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any, Final

import grpc

from giftcard.v1 import event_service_pb2 as pb
from giftcard.v1.event_service_pb2_grpc import EventServiceStub
from giftcard_rules.events import EventType
from giftcard_storage import database
from giftcard_storage.database import DatabaseUrl
from giftcard_storage.event_schema import Event
from giftcard_storage.events import EventLog
from giftcard_storage.rows import microseconds
from given.calls.shop import TIMEOUT_SECONDS
from given.servers.running import NOON

ROWS_IN_ONE_STATEMENT: Final = 500


class Watch:
    """An open stream of events. It takes nothing until it is asked to."""

    def __init__(self, channel: grpc.Channel, **fields: Any) -> None:
        stub = EventServiceStub(channel)
        self.call = stub.WatchEvents(pb.WatchEventsRequest(**fields), timeout=TIMEOUT_SECONDS * 3)
        self._messages: Iterator[pb.WatchEventsResponse] = iter(self.call)

    def begun(self) -> pb.Heartbeat:
        """Take the heartbeat with which a stream begins."""
        message = next(self._messages)
        assert message.HasField("heartbeat")
        return message.heartbeat

    def take(self, count: int = 1) -> list[pb.Event]:
        """Take events, past the heartbeats between them."""
        taken: list[pb.Event] = []
        while len(taken) < count:
            message = next(self._messages)
            if message.HasField("event"):
                taken.append(message.event)
        return taken

    def end(self) -> None:
        """Take everything until the stream ends, which raises."""
        for _ in self._messages:
            pass


@contextmanager
def watching(channel: grpc.Channel, **fields: Any) -> Iterator[Watch]:
    """Watch, from the first heartbeat on."""
    watch = Watch(channel, **fields)
    try:
        watch.begun()
        yield watch
    finally:
        watch.call.cancel()


def read(channel: grpc.Channel, **fields: Any) -> pb.ReadEventsResponse:
    """Read a page."""
    answer: pb.ReadEventsResponse = EventServiceStub(channel).ReadEvents(
        pb.ReadEventsRequest(**fields), timeout=TIMEOUT_SECONDS
    )
    return answer


def read_all(channel: grpc.Channel, page_size: int = 1000, **fields: Any) -> list[pb.Event]:
    """Read the whole log, page by page."""
    events: list[pb.Event] = []
    after = 0
    while True:
        page = read(channel, after_position=after, page_size=page_size, **fields)
        events += page.events
        if len(page.events) < page_size:
            return events
        after = page.resume_position


@contextmanager
def log_of(url: DatabaseUrl) -> Iterator[EventLog]:
    """Open the log beside the server, as its commands do."""
    with closing(database.connect(url)) as connection:
        yield EventLog(connection)


def fill(url: DatabaseUrl, count: int, type_: EventType = EventType.CARD_BLOCKED) -> None:
    """Add events with positions, each of a card of its own."""
    with log_of(url) as log, log._database.atomic():
        last = log.last_position()
        rows = [_row(position, type_) for position in range(last + 1, last + 1 + count)]
        for begin in range(0, count, ROWS_IN_ONE_STATEMENT):
            some = rows[begin : begin + ROWS_IN_ONE_STATEMENT]
            Event.insert_many(some).execute(log._database)


def _row(position: int, type_: EventType) -> dict[str, object]:
    return {
        "position": position,
        "card_id": f"{position:032x}",
        "version": 1,
        "ordinal": 0,
        "type": type_.value,
        "market": "fr",
        "currency": "EUR",
        "card_state": "BLOCKED",
        "occurred_at": microseconds(NOON),
    }


def positions(events: Sequence[pb.Event]) -> list[int]:
    """Return the positions of events."""
    return [event.position for event in events]
