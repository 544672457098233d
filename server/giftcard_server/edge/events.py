"""The RPCs of events: pages of the log, and streams that go on with what is committed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import structlog

from giftcard.v1 import event_service_pb2 as pb
from giftcard.v1 import event_service_pb2_grpc as pb_grpc
from giftcard_server.edge import event_requests as requests
from giftcard_server.edge.answering import refusing
from giftcard_server.edge.event_delivery import Watcher
from giftcard_server.edge.event_messages import event
from giftcard_server.edge.interception import abort
from giftcard_server.edge.stream_sending import OpenStream
from giftcard_server.logs import Summarized

if TYPE_CHECKING:
    from collections.abc import Callable

    import grpc

    from giftcard_server.callers.callers import Callers
    from giftcard_server.edge.event_delivery import EventDelivery
    from giftcard_server.edge.event_metrics import EventMetrics
    from giftcard_server.edge.event_reading import EventReader

log = structlog.get_logger(__name__)

SERVICE: Final = pb.DESCRIPTOR.services_by_name["EventService"].full_name
_WATCH: Final = f"/{SERVICE}/WatchEvents"


class EventServicer(pb_grpc.EventServiceServicer):
    """Answers `giftcard.v1.EventService`."""

    def __init__(
        self, reader: EventReader, delivery: EventDelivery, metrics: EventMetrics, callers: Callers
    ) -> None:
        self._reader = reader
        self.delivery = delivery
        self._metrics = metrics
        self._callers = callers
        self.undecided = Summarized(log, "error")

    @refusing
    def ReadEvents(
        self,
        request: pb.ReadEventsRequest,
        context: grpc.ServicerContext,  # noqa: ARG002 - the signature of all RPCs
    ) -> pb.ReadEventsResponse:
        """Answer a page of the log."""
        wanted, size = requests.page(request)
        page = self._reader.page(wanted, size)
        self._metrics.delivered("ReadEvents", len(page.events))
        return pb.ReadEventsResponse(
            events=map(event, page.events),
            generation=page.generation,
            last_position=page.last_position,
            resume_position=page.resume_position,
        )

    def WatchEvents(  # type: ignore[override] # gRPC passes `send` to handlers without a thread.
        self,
        request: pb.WatchEventsRequest,
        context: grpc.ServicerContext,
        send: Callable[[None], object],
    ) -> None:
        """Begin a stream, which goes on without this thread."""
        watcher: Watcher = self._watcher(request, context)
        watcher.stream = OpenStream(context, send, partial(self.delivery.emptied, watcher))
        why_not = self.delivery.watch(context, watcher)
        if why_not is not None:  # Since it was asked before.
            watcher.stream.end(why_not)
        elif not context.add_callback(partial(self.delivery.forget, context)):
            self.delivery.forget(context)

    WatchEvents.experimental_non_blocking = True  # type: ignore[attr-defined] # gRPC asks for it like this.

    @refusing
    def _watcher(self, request: pb.WatchEventsRequest, context: grpc.ServicerContext) -> Watcher:
        """Return who wants to watch, or end the call."""
        wanted = requests.watch(request)
        why_not = self.delivery.why_not()
        if why_not is not None:
            abort(context, why_not)
        generation = self._reader.generation_of(wanted)
        may_watch = self._callers.admission(_WATCH)
        return Watcher(generation, wanted.after, wanted.types, may_watch)
