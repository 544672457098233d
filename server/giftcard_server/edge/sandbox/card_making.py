"""Makes cards in the state that a test needs, by the calls that bring a card there.

Two states need time to have passed: a lapsed hold and an expired card. Their first calls are
decided as of a time that has passed, so that the sandbox's clock stays where it is.
"""

from __future__ import annotations

import enum
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from google.rpc.status_pb2 import Status

from giftcard.v1 import gift_card_pb2, order_pb2
from giftcard.v1 import gift_card_service_pb2 as pb
from giftcard_rules import codes
from giftcard_rules.commands import BlockCard, CatchUp
from giftcard_rules.questions import Validated
from giftcard_server.deciding.submission import Submission
from giftcard_server.edge import responses
from giftcard_server.edge.answering import submission_of
from giftcard_server.edge.interception import abort
from giftcard_server.keys.key_ring import required_key

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    import grpc

    from giftcard_rules.commands import Keyed
    from giftcard_rules.terms import Market
    from giftcard_server.callers.callers import Caller
    from giftcard_server.deciding.committer import Committer
    from giftcard_server.deciding.submission import Answer
    from giftcard_server.deciding.validate_reader import ValidateReader
    from giftcard_server.edge.canonical import Read
    from giftcard_server.edge.requests import RequestReader

# Nobody has this address, on any network (RFC 2606).
PERSON: Final = order_pb2.Contact(name="Sandbox", email="shopper@sandbox.invalid")
USUAL_AMOUNT_MINOR: Final = 50_00
_LONGEST_MONTH_DAYS: Final = 31
_A_LITTLE: Final = timedelta(hours=1)
_A_DAY: Final = timedelta(days=1)


class State(enum.Enum):
    """The states in which cards are made, as the contract calls them."""

    ACTIVE = "ACTIVE"
    HELD = "HELD"
    LAPSED = "LAPSED"
    REDEEMED = "REDEEMED"
    EXPIRED = "EXPIRED"
    BLOCKED = "BLOCKED"
    CANCELLED = "CANCELLED"


_WITH_HOLD: Final = frozenset({State.HELD, State.LAPSED, State.REDEEMED})
# How long ago the card was bought, in the terms of its market as they are now.
_BOUGHT_BEFORE: Final[Mapping[State, Callable[[Market, datetime], timedelta]]] = {
    State.LAPSED: lambda market, _now: market.default_hold + _A_LITTLE,
    State.EXPIRED: lambda market, now: (
        timedelta(days=_LONGEST_MONTH_DAYS * market.terms_at(now).validity_months) + _A_DAY
    ),
}


class Earlier:
    """A clock that is behind the sandbox's by as much as its present user has set."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self.one_user = threading.Lock()
        self.by = timedelta()

    def now(self) -> datetime:
        """Return the time of before."""
        return self._now() - self.by


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A card to be made. The same `request_id` makes the same card; `amount` in minor units."""

    request_id: str
    state: State
    market: str
    amount_minor: int | None = None
    currency: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A card as it was made. `code` is what the caller may see; `order_id` is that of its hold."""

    card: gift_card_pb2.GiftCard
    code: codes.Code = field(repr=False)
    purchase_order_id: str
    authorization_id: str = ""
    order_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardMaking:
    """Makes cards. `committer_of_before` decides by the clock `earlier`, on its own connection."""

    reader: RequestReader
    committer: Committer
    validate_reader: ValidateReader
    now: Callable[[], datetime]
    earlier: Earlier
    committer_of_before: Committer

    def make(self, wanted: Wanted, caller: Caller, context: grpc.ServicerContext) -> Made:
        """Make a card, or end the call with the reason for which one of its steps is declined.

        Raises what a committer raises. The market is one of this service.
        """
        market = self.reader.markets[wanted.market]
        if wanted.state not in _BOUGHT_BEFORE:
            made = self._bought(wanted, caller, context, self.committer, self.now())
        else:
            with self.earlier.one_user:
                now = self.now()
                self.earlier.by = before = _BOUGHT_BEFORE[wanted.state](market, now)
                committer = self.committer_of_before
                made = self._bought(wanted, caller, context, committer, now - before)
            self._do(CatchUp(made.card.card_id))
        self._end(wanted, made, caller, context)
        return replace(made, card=self._as_it_is(made.code, wanted.market))

    def _bought(
        self,
        wanted: Wanted,
        caller: Caller,
        context: grpc.ServicerContext,
        committer: Committer,
        now: datetime,
    ) -> Made:
        """Buy a card at a time, and set it aside where the state needs that."""
        name = f"sandbox-{wanted.state.value.lower()}-{wanted.request_id}"
        issue = pb.IssueRequest(
            request_id=wanted.request_id,
            market=wanted.market,
            amount=self._amount(wanted, now),
            purchase=pb.Purchase(
                order_id=name,
                payment_method=pb.PAYMENT_METHOD_BANK_CARD,
                payment_reference=name,
            ),
            purchaser=PERSON,
        )
        read = self.reader.issue(issue, caller.name, now)
        answer = _decided(committer, read, caller, context)
        ring_key = required_key(self.reader.ring, answer.key_id)
        code = codes.derive_code(ring_key, answer.caller, read.command.key.request_id)
        card = pb.IssueResponse.FromString(answer.encoded).card
        made = Made(card=card, code=code, purchase_order_id=name)
        if wanted.state not in _WITH_HOLD:
            return made
        read_hold = self.reader.authorize(_order_of_all(wanted, made), caller.name)
        set_aside = _decided(committer, read_hold, caller, context)
        hold = pb.AuthorizeResponse.FromString(set_aside.encoded).authorization
        return replace(made, authorization_id=hold.authorization_id, order_id=name)

    def _end(
        self, wanted: Wanted, made: Made, caller: Caller, context: grpc.ServicerContext
    ) -> None:
        """Take the last step to the state, by the present clock."""
        if wanted.state is State.BLOCKED:
            self._do(BlockCard(made.card.card_id))
        elif wanted.state is State.REDEEMED:
            capture = pb.CaptureRequest(
                request_id=_step(wanted, "capture"), authorization_id=made.authorization_id
            )
            _decided(self.committer, self.reader.capture(capture, caller.name), caller, context)
        elif wanted.state is State.CANCELLED:
            cancel = pb.CancelRequest(
                request_id=_step(wanted, "cancel"),
                code=made.code.shown,
                purchase_order_id=made.purchase_order_id,
            )
            read = self.reader.cancel(cancel, caller.name, self.now())
            _decided(self.committer, read, caller, context)

    def _amount(self, wanted: Wanted, now: datetime) -> order_pb2.Money:
        market = self.reader.markets[wanted.market]
        terms = market.terms_at(now)
        usual = min(max(USUAL_AMOUNT_MINOR, terms.min_amount_minor), terms.max_amount_minor)
        if wanted.amount_minor is None:
            return order_pb2.Money(amount_minor=usual, currency_code=market.currency)
        return order_pb2.Money(amount_minor=wanted.amount_minor, currency_code=wanted.currency)

    def _do(self, command: BlockCard | CatchUp) -> None:
        self.committer.submit(Submission(command), _goes_on)

    def _as_it_is(self, code: codes.Code, market: str) -> gift_card_pb2.GiftCard:
        question = self.reader.validate(pb.ValidateRequest(code=code.shown, market=market))
        found = self.validate_reader.submit(question, _goes_on)
        assert isinstance(found, Validated)
        return responses.validated(found, None).card


def _decided(
    committer: Committer, read: Read[Keyed], caller: Caller, context: grpc.ServicerContext
) -> Answer:
    """Decide one step, and end the call where a rule declines it.

    Whether the step was decided before says nothing of the call that it is a part of.
    """
    answer = committer.submit(submission_of(read, caller), _goes_on)
    if answer.reason is not None:
        abort(context, Status.FromString(answer.encoded))
    return answer


def _order_of_all(wanted: Wanted, made: Made) -> pb.AuthorizeRequest:
    """Return the request to set the whole card aside for an order."""
    total = made.card.initial_amount
    return pb.AuthorizeRequest(
        request_id=_step(wanted, "authorize"),
        code=made.code.shown,
        market=wanted.market,
        order=order_pb2.Order(
            order_id=made.purchase_order_id,
            total=total,
            lines=[order_pb2.OrderLine(category="goods", amount=total)],
        ),
        customer=PERSON,
    )


def _step(wanted: Wanted, step: str) -> str:
    """Return the id of a further request, the same one each time."""
    return str(uuid.uuid5(uuid.UUID(wanted.request_id), step))


def _goes_on() -> bool:
    """Say that nobody has left: what was begun is brought to its end."""
    return False
