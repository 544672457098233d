"""Gift card RPCs that go wrong on purpose, where they are called with a code of the table.

All other calls are answered by the real servicer, and so are those by the codes that pay: each of
these stands for a real card of its order, which is made when the code is first used for it.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections import OrderedDict
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from giftcard.v1 import gift_card_service_pb2 as pb
from giftcard.v1 import gift_card_service_pb2_grpc as pb_grpc
from giftcard_rules.cards import timestamp
from giftcard_rules.codes import parse
from giftcard_rules.reasons import Reason
from giftcard_rules.tender import unusable
from giftcard_server.edge import refusals, responses
from giftcard_server.edge.answering import refusing
from giftcard_server.edge.interception import abort
from giftcard_server.edge.sandbox.card_making import State, Wanted
from giftcard_server.edge.sandbox.sandbox_codes import BY_CODE, Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    import grpc

    from giftcard_server.callers.callers import Caller
    from giftcard_server.edge.gift_cards import GiftCardServicer
    from giftcard_server.edge.requests import RequestReader
    from giftcard_server.edge.sandbox.card_making import CardMaking
    from giftcard_server.process.alarms import Alarms
    from giftcard_server.process.waits import GoOn, Steps

LATE_SECONDS: Final = 5.0
UNAVAILABLE_TRIES: Final = 2
RETRY_AFTER: Final = timedelta(milliseconds=50)
WAIT: Final = timedelta(seconds=30)
CALLS_COUNTED: Final = 10_000
_NAMESPACE: Final = uuid.UUID("5b0e3d0c-6f0f-4c7e-9a55-3f7d1c2f9a10")

Request = TypeVar("Request", pb.ValidateRequest, pb.AuthorizeRequest)


class MisbehavingGiftCards(pb_grpc.GiftCardServiceServicer):
    """Answers `giftcard.v1.GiftCardService` in a sandbox."""

    def __init__(
        self,
        inner: GiftCardServicer,
        reader: RequestReader,
        making: CardMaking,
        alarms: Alarms,
        now: Callable[[], datetime],
        caller_of: Callable[[grpc.ServicerContext], Caller],
    ) -> None:
        self._inner = inner
        self._reader = reader
        self._making = making
        self._alarms = alarms
        self._now = now
        self._caller_of = caller_of
        self._tries: OrderedDict[tuple[str, ...], int] = OrderedDict()
        self._counting = threading.Lock()
        self.undecided = inner.undecided

    @refusing
    def Issue(self, request: pb.IssueRequest, context: grpc.ServicerContext) -> Steps[Any]:
        """Answer as any server does."""
        return (yield from self._inner.Issue(request, context))

    @refusing
    def Capture(self, request: pb.CaptureRequest, context: grpc.ServicerContext) -> Steps[Any]:
        """Answer as any server does."""
        return (yield from self._inner.Capture(request, context))

    @refusing
    def Reverse(self, request: pb.ReverseRequest, context: grpc.ServicerContext) -> Steps[Any]:
        """Answer as any server does."""
        return (yield from self._inner.Reverse(request, context))

    @refusing
    def Validate(self, request: pb.ValidateRequest, context: grpc.ServicerContext) -> Steps[Any]:
        """Tell what Authorize would answer."""
        what = _of_table(request.code)
        if isinstance(what, Reason):
            command = self._reader.validate(request)
            wait = WAIT if what is Reason.TOO_MANY_ATTEMPTS else None
            return responses.validated(unusable(what, None, command), wait)
        return (yield from self._answered(what, request, context, self._inner.Validate))

    @refusing
    def Authorize(self, request: pb.AuthorizeRequest, context: grpc.ServicerContext) -> Steps[Any]:
        """Set money aside on a card."""
        what = _of_table(request.code)
        if isinstance(what, Reason):
            self._reader.authorize(request, self._caller_of(context).name)
            self._decline(what, context)
        return (yield from self._answered(what, request, context, self._inner.Authorize))

    @refusing
    def Cancel(self, request: pb.CancelRequest, context: grpc.ServicerContext) -> Steps[Any]:
        """Cancel the purchase of an unused card."""
        what = _of_table(request.code)
        if isinstance(what, Reason):
            self._reader.cancel(request, self._caller_of(context).name, self._now())
            self._decline(what, context)
        return (yield from self._inner.Cancel(request, context))

    def _decline(self, reason: Reason, context: grpc.ServicerContext) -> None:
        """End a call that is sound with a reason; what a caller may act on is made up."""
        wait = WAIT if reason is Reason.TOO_MANY_ATTEMPTS else None
        abort(context, refusals.declined(reason, _details(reason, self._now()), wait))

    def _answered(
        self,
        fault: Reason | Fault | None,
        request: Any,  # noqa: ANN401 - one of two messages
        context: grpc.ServicerContext,
        answer: Callable[[Any, grpc.ServicerContext], Steps[Any]],
    ) -> Steps[Any]:
        """Have the real servicer answer, as late, as seldom and as often as the fault says."""
        if not isinstance(fault, Fault) or request.market not in self._reader.markets:
            return (yield from answer(request, context))
        tries = self._tries_of(fault, request)
        if fault is Fault.UNAVAILABLE_TWICE and tries <= UNAVAILABLE_TRIES:
            _fail(context)
        is_first, arrived_at = tries == 1, time.monotonic()
        real = self._with_a_real_card(fault, request, context)
        answered = yield from answer(real, context)
        if fault is Fault.LATE:
            yield _Late(arrived_at + LATE_SECONDS, self._alarms)
        if fault is Fault.ANSWER_LOST and is_first:
            _fail(context)
        return answered

    def _with_a_real_card(self, fault: Fault, request: Request, context: Any) -> Request:  # noqa: ANN401 - gRPC's
        """Return the request with the code of the card that stands for this code and order."""
        name = f"{fault.name} {request.market} {request.order.order_id}"
        state = State.HELD if fault is Fault.HELD_FOR_NOW else State.ACTIVE
        wanted = Wanted(
            request_id=str(uuid.uuid5(_NAMESPACE, name)), state=state, market=request.market
        )
        made = self._making.make(wanted, self._caller_of(context), context)
        changed = type(request)()
        changed.CopyFrom(request)
        changed.code = made.code.shown
        return changed

    def _tries_of(self, fault: Fault, request: Any) -> int:  # noqa: ANN401 - one of two messages
        """Count a try, and return how many there were of this request, or of this question."""
        order_id = request.order.order_id
        sent = getattr(request, "request_id", "").lower()
        call = (fault.name, type(request).__name__, request.market, order_id, sent)
        with self._counting:
            self._tries[call] = tries = self._tries.pop(call, 0) + 1
            if len(self._tries) > CALLS_COUNTED:
                self._tries.popitem(last=False)
        return tries


class _Late:
    """Waits until a time of the monotonic clock, see `Wait`."""

    def __init__(self, at: float, alarms: Alarms) -> None:
        self._at = at
        self._alarms = alarms

    def in_thread(self) -> None:
        time.sleep(max(0.0, self._at - time.monotonic()))

    def park(self, go_on: GoOn) -> None:
        self._alarms.at(self._at, partial(go_on, None, None))


def _of_table(code: str) -> Reason | Fault | None:
    parsed = parse(code)
    return BY_CODE.get(parsed.characters) if parsed else None


def _fail(context: grpc.ServicerContext) -> None:
    status = refusals.try_again(
        refusals.UNAVAILABLE, "the sandbox fails because of this code", RETRY_AFTER
    )
    abort(context, status)


def _details(reason: Reason, now: datetime) -> Mapping[str, str]:
    """Return what a real refusal tells besides its reason."""
    half_an_hour = timedelta(minutes=30)
    details = {
        Reason.CARD_EXPIRED: {"expire_time": timestamp(now - half_an_hour)},
        Reason.CARD_HELD: {"hold_expire_time": timestamp(now + half_an_hour)},
        Reason.CANCELLATION_WINDOW_CLOSED: {"deadline": timestamp(now - half_an_hour)},
    }
    return details.get(reason, {})
