"""The calls of a sandbox: its clock can be moved, and it makes cards in any state, for tests."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp

from giftcard.v1 import sandbox_service_pb2
from giftcard.v1.sandbox_service_pb2_grpc import SandboxServiceStub
from giftcard_client.argument_types import checked
from giftcard_client.connection import Connection
from giftcard_client.results import GiftCard
from giftcard_client.values import Money
from giftcard_client.vocabulary import SandboxCardState
from giftcard_client.wire_answers import read_card, read_time
from giftcard_client.wire_requests import expressed, given_or_new, money_message

# Longer than the 20 seconds that a sandbox gives to what is due on the way.
ADVANCING_SECONDS = 25.0


@dataclass(frozen=True, slots=True)
class ClockReading:
    """The time by which all rules go in a sandbox, and how far it is ahead of the real one."""

    time: datetime
    ahead: timedelta


@dataclass(frozen=True, slots=True)
class ClockMoved:
    """The time after the clock was moved.

    `caught_up`: everything is booked that was due on the way; if not, the sandbox goes on with it.
    """

    time: datetime
    caught_up: bool


@dataclass(frozen=True, slots=True)
class SandboxCard:
    """A card that was made for a test. `order_id` is that of its hold, where it has or had one."""

    card: GiftCard
    code: str = field(repr=False)
    purchase_order_id: str
    authorization_id: str
    order_id: str


class Sandbox(Connection):
    """A client of the sandbox at `target`, which `giftcard sandbox` starts.

        with Sandbox("127.0.0.1:50051") as sandbox:
            sandbox.advance(by=timedelta(days=31))

    Other servers have no such service: every call there raises GiftCardError.
    """

    @cached_property
    def _sandbox_stub(self) -> SandboxServiceStub:
        return SandboxServiceStub(self._channel)

    @checked
    def clock(self, *, timeout_seconds: float | None = None) -> ClockReading:
        """Ask for the time in the sandbox."""
        request = sandbox_service_pb2.GetClockRequest()
        answer, _ = self._call(self._sandbox_stub.GetClock, request, "", timeout_seconds)
        return ClockReading(read_time(answer.time), answer.ahead.ToTimedelta())

    @checked
    def advance(
        self,
        *,
        by: timedelta | None = None,
        to: datetime | None = None,
        timeout_seconds: float = ADVANCING_SECONDS,
    ) -> ClockMoved:
        """Move the clock forward for everybody on the sandbox; exactly one of the two.

        It is moved a day at a time, and what is due on the way is booked: holds lapse, cards
        expire, e-mails and reminders leave, and what is kept no longer is erased. `to` is an aware
        datetime; one that has passed changes nothing, and more than ten years are InvalidRequest.
        """
        if (by is None) == (to is None):
            named_how = "say either by or to"
            raise TypeError(named_how)
        # Always to a time, so that a further try after a lost answer moves it no further.
        target = to if by is None else self.clock().time + by
        assert target is not None
        if target.tzinfo is None:
            naive = "to must be an aware datetime, such as datetime(2027, 1, 1, tzinfo=UTC)"
            raise TypeError(naive)
        request = expressed("", lambda: _advance_to(target))
        answer, _ = self._call(self._sandbox_stub.AdvanceClock, request, "", timeout_seconds)
        return ClockMoved(read_time(answer.time), answer.caught_up)

    @checked
    def make_card(
        self,
        state: SandboxCardState,
        *,
        market: str = "fr",
        amount: Money | None = None,
        request_id: str | UUID | None = None,
        timeout_seconds: float | None = None,
    ) -> SandboxCard:
        """Make a card in a state, by default over 50.00.

        The same request id again gets the same card. Reasons: REQUEST_ID_REUSED,
        CURRENCY_MISMATCH, MARKET_PAUSED, AMOUNT_OUT_OF_RANGE, ISSUE_CEILING_REACHED.
        """
        sent_id = given_or_new(request_id)
        request = expressed(
            sent_id,
            lambda: sandbox_service_pb2.MakeCardRequest(
                request_id=sent_id,
                state=sandbox_service_pb2.SandboxCardState.Value(f"SANDBOX_CARD_STATE_{state}"),
                market=market,
                amount=money_message(amount),
            ),
        )
        answer, _ = self._call(self._sandbox_stub.MakeCard, request, sent_id, timeout_seconds)
        return SandboxCard(
            read_card(answer.card),
            answer.code,
            answer.purchase_order_id,
            answer.authorization_id,
            answer.order_id,
        )


def _advance_to(time: datetime) -> sandbox_service_pb2.AdvanceClockRequest:
    stamp = Timestamp()
    stamp.FromDatetime(time.astimezone(UTC))
    return sandbox_service_pb2.AdvanceClockRequest(to=stamp)
