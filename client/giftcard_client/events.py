"""The log of events: read a page of it, or watch it for as long as you like."""

import itertools
import random
import time
from collections.abc import Iterable, Iterator
from functools import cached_property

import grpc

from giftcard.v1.event_service_pb2 import ReadEventsRequest, WatchEventsRequest
from giftcard.v1.event_service_pb2_grpc import EventServiceStub
from giftcard_client.argument_types import checked
from giftcard_client.connection import Connection
from giftcard_client.errors import OutcomeUnknown
from giftcard_client.event_results import Event, EventPage
from giftcard_client.event_stream import event_stream
from giftcard_client.rpc_errors import as_gift_card_error
from giftcard_client.vocabulary import EventType
from giftcard_client.wire_events import read_event, read_page, type_numbers
from giftcard_client.wire_requests import expressed

# Between two tries to resume: longer each time, up to this, and at random, so that not
# all consumers of a server that ended come back at one moment.
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0


class Events(Connection):
    """What happens to all cards, in order, from the service at `target`.

        with Events("127.0.0.1:50051") as events:
            for event in events.watch(after=stored_position, generation=stored_generation):
                ...

    A consumer is told every event at least once. It stores `position` and `generation` of
    the last event that it has dealt with, in one transaction with what it did; where it
    cannot, it recognises events by their `event_id`. The caller needs the role `events`.
    Whoever watches gets ValueError once the connection is closed.
    """

    @cached_property
    def _event_stub(self) -> EventServiceStub:
        return EventServiceStub(self._channel)

    @checked
    def read(
        self,
        after: int = 0,
        *,
        limit: int = 100,
        types: Iterable[EventType] = (),
        generation: str = "",
        timeout_seconds: float | None = None,
    ) -> EventPage:
        """Read at most `limit` events (1,000 at most) after a position, of all or some types.

        Without a `generation` it is not checked. Raises GenerationChanged, PositionGone,
        PositionAhead.
        """
        request = expressed(
            "",
            lambda: ReadEventsRequest(
                generation=generation,
                after_position=after,
                page_size=limit,
                types=type_numbers(types),
            ),
        )
        page, _ = self._call(self._event_stub.ReadEvents, request, "", timeout_seconds)
        return read_page(page)

    @checked
    def watch(
        self,
        after: int = 0,
        *,
        types: Iterable[EventType] = (),
        generation: str = "",
        patience_seconds: float | None = None,
    ) -> Iterator[Event]:
        """Yield the events after a position, of all or some types, and go on with new ones.

        Where the connection or the server ends, it resumes by itself after the last event,
        on any server. It tries for `patience_seconds` without an answer, and then raises
        Unavailable or another OutcomeUnknown; None: for ever. While your loop is busy,
        the service waits; nothing piles up.

        Raises GenerationChanged, PositionGone, PositionAhead, and Misconfigured where the
        caller may not watch.
        """
        wanted = tuple(types)
        request = expressed(
            "",
            lambda: WatchEventsRequest(
                generation=generation, after_position=after, types=type_numbers(wanted)
            ),
        )
        return self._watch(request, patience_seconds)

    def _watch(
        self, request: WatchEventsRequest, patience_seconds: float | None
    ) -> Iterator[Event]:
        heard_at = time.monotonic()
        pauses = _pauses()
        while True:
            pause: float | None = None
            try:
                for event in self._until_cut(request):
                    heard_at, pauses = time.monotonic(), _pauses()
                    if event is not None:
                        yield event
                        heard_at = time.monotonic()  # The loop outside may take its time.
            except OutcomeUnknown as error:
                silent_for = time.monotonic() - heard_at
                if patience_seconds is not None and silent_for > patience_seconds:
                    raise
                pause = error.retry_after.total_seconds() if error.retry_after else None
            time.sleep(max(next(pauses), pause or 0.0))

    def _until_cut(self, request: WatchEventsRequest) -> Iterator[Event | None]:
        """Yield events, and None for each heartbeat; `request` becomes the one that resumes."""
        try:
            with event_stream(self._event_stub.WatchEvents, request) as messages:
                for message in messages:
                    # From now on only this generation will do.
                    request.generation = message.generation
                    if message.HasField("event"):
                        yield read_event(message.event, message.generation)
                        request.after_position = message.event.position
                    else:
                        beat = message.heartbeat.resume_position
                        request.after_position = max(request.after_position, beat)
                        yield None
        except grpc.RpcError as error:
            raise as_gift_card_error(error, "", self._peer) from None


def _pauses() -> Iterator[float]:
    """Yield how long to wait before each try to resume, in seconds."""
    for tries in itertools.count():
        longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** min(tries, 10))
        yield longest * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
