"""The RPCs of a sandbox: telling and moving its clock, and making cards."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from giftcard.v1 import sandbox_service_pb2 as pb
from giftcard.v1 import sandbox_service_pb2_grpc as pb_grpc
from giftcard_server.edge.answering import refusing
from giftcard_server.edge.fields import Fields
from giftcard_server.edge.sandbox.card_making import State, Wanted

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    import grpc

    from giftcard_rules.current import Markets
    from giftcard_server.callers.callers import Caller
    from giftcard_server.clocks.sandbox_clock import SandboxClock
    from giftcard_server.edge.sandbox.card_making import CardMaking
    from giftcard_server.logs import Summarized

SERVICE: Final = pb.DESCRIPTOR.services_by_name["SandboxService"].full_name
FARTHEST: Final = timedelta(days=3653)  # Ten years; dates stay far from where they end.
STATES: Final[dict[int, State]] = {
    pb.SandboxCardState.Value(f"SANDBOX_CARD_STATE_{member.value}"): member for member in State
}


class SandboxServicer(pb_grpc.SandboxServiceServicer):
    """Answers `giftcard.v1.SandboxService`.

    `advance` moves the clock to a time, books what is due on the way, and returns whether it has
    come to the end of that.
    """

    def __init__(
        self,
        clock: SandboxClock,
        advance: Callable[[datetime], bool],
        making: CardMaking,
        markets: Markets,
        caller_of: Callable[[grpc.ServicerContext], Caller],
        undecided: Summarized,
    ) -> None:
        self._clock = clock
        self._advance = advance
        self._making = making
        self._markets = markets
        self._caller_of = caller_of
        self._one_at_a_time = threading.Lock()
        self.undecided = undecided

    @refusing
    def GetClock(
        self,
        request: pb.GetClockRequest,  # noqa: ARG002 - gRPC's
        context: grpc.ServicerContext,  # noqa: ARG002 - likewise
    ) -> pb.GetClockResponse:
        """Tell the time."""
        ahead = Duration()
        ahead.FromTimedelta(self._clock.ahead)
        return pb.GetClockResponse(time=self._time(), ahead=ahead)

    @refusing
    def AdvanceClock(
        self,
        request: pb.AdvanceClockRequest,
        context: grpc.ServicerContext,  # noqa: ARG002 - gRPC's
    ) -> pb.AdvanceClockResponse:
        """Move the clock forward."""
        with self._one_at_a_time:
            caught_up = self._advance(_target(request, self._clock.now()))
        return pb.AdvanceClockResponse(time=self._time(), caught_up=caught_up)

    @refusing
    def MakeCard(
        self, request: pb.MakeCardRequest, context: grpc.ServicerContext
    ) -> pb.MakeCardResponse:
        """Make a card in a state."""
        wanted, caller = self._wanted(request), self._caller_of(context)
        made = self._making.make(wanted, caller, context)
        return pb.MakeCardResponse(
            card=made.card,
            code=made.code.shown if caller.codes else "",
            purchase_order_id=made.purchase_order_id,
            authorization_id=made.authorization_id,
            order_id=made.order_id,
        )

    def _wanted(self, request: pb.MakeCardRequest) -> Wanted:
        """Read a MakeCardRequest. Raises `InvalidRequestError` with all violations."""
        fields = Fields()
        request_id = fields.request_id(request.request_id)
        state = fields.member(request.state, "state", STATES)
        market = fields.market(request.market)
        if market and market not in self._markets:
            fields.wrong("market", "is none of this service")
        amount_minor, currency = None, ""
        if request.HasField("amount"):
            amount_minor, currency = fields.money(request.amount, "amount")
        fields.require_valid()
        assert state is not None
        return Wanted(
            request_id=request_id,
            state=state,
            market=market,
            amount_minor=amount_minor,
            currency=currency,
        )

    def _time(self) -> Timestamp:
        time = Timestamp()
        time.FromDatetime(self._clock.now())
        return time


def _target(request: pb.AdvanceClockRequest, now: datetime) -> datetime:
    """Read to which time the clock shall be moved. Raises `InvalidRequestError`."""
    fields = Fields()
    field = request.WhichOneof("target")
    target = now
    if field == "by":
        target = now + min(fields.hold_for(request.by, "by"), 2 * FARTHEST)
    elif field == "to":
        seconds = min(request.to.seconds, int((now + 2 * FARTHEST).timestamp()))
        target = max(now, now + timedelta(seconds=seconds - now.timestamp()))
        target += timedelta(microseconds=request.to.nanos // 1000) if target > now else timedelta()
    else:
        fields.wrong("target", "is required: by or to")
    if field and target - now > FARTHEST:
        fields.wrong(field, "must be at most ten years ahead")
    fields.require_valid()
    return target
