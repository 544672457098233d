"""Outcomes as messages, and as the bytes that request records keep.

An encoded answer is a response without its code, or, for a decline, the status that says why.
The code is put in each time that the answer is sent.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from giftcard.v1 import authorization_service_pb2 as authorization_pb
from giftcard.v1 import gift_card_pb2, reason_pb2
from giftcard.v1 import gift_card_service_pb2 as pb
from giftcard_rules.authorization_calls import Extended
from giftcard_rules.cards import AuthorizationState, CardOrigin, CardState
from giftcard_rules.commands import (
    Authorized,
    Cancelled,
    Captured,
    Declined,
    Issued,
    PaymentMethod,
    Reversed,
    ReverseOutcome,
)
from giftcard_rules.questions import Validated
from giftcard_rules.reasons import Reason
from giftcard_rules.refund_commands import RefundConfirmed
from giftcard_server.edge import refund_messages
from giftcard_server.edge.refusals import declined

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import timedelta

    from google.protobuf.message import Message
    from google.rpc.status_pb2 import Status

    from giftcard_rules.authorization_calls import Previewed, Shown
    from giftcard_rules.cards import Authorization, Card
    from giftcard_rules.commands import Outcome

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_CARD_STATE: Final = {s: gift_card_pb2.CardState.Value(f"CARD_STATE_{s.value}") for s in CardState}
_CARD_ORIGIN: Final = {
    origin: gift_card_pb2.CardOrigin.Value(f"CARD_ORIGIN_{origin.value}") for origin in CardOrigin
}
_AUTHORIZATION_STATE: Final = {
    state: gift_card_pb2.AuthorizationState.Value(f"AUTHORIZATION_STATE_{state.value}")
    for state in AuthorizationState
}
_REVERSE_OUTCOME: Final = {
    outcome: pb.ReverseOutcome.Value(f"REVERSE_OUTCOME_{outcome.value}")
    for outcome in ReverseOutcome
}
PAYMENT_METHOD: Final = {
    method: pb.PaymentMethod.Value(f"PAYMENT_METHOD_{method.value}") for method in PaymentMethod
}
REASON: Final = {reason: reason_pb2.Reason.Value(f"REASON_{reason.value}") for reason in Reason}


def encode(outcome: Outcome) -> bytes:
    """Return an outcome as the encoded answer that a request record keeps."""
    message_of = _MESSAGE_OF.get(type(outcome))
    if message_of is None:
        message = f"{type(outcome).__name__} has no encoded answer"
        raise TypeError(message)
    encoded: bytes = message_of(outcome).SerializeToString()
    return encoded


def validated(outcome: Validated, wait: timedelta | None = None) -> pb.ValidateResponse:
    """Return what Authorize would answer; `wait` is how long a throttled caller has to wait."""
    currency = outcome.currency
    return pb.ValidateResponse(
        usable=outcome.reason is None,
        reason=REASON[outcome.reason] if outcome.reason else reason_pb2.REASON_UNSPECIFIED,
        card=_card(outcome.card) if outcome.card else None,
        applicable_amount=_money(outcome.applicable_minor, currency),
        remaining_due=_money(outcome.remaining_due_minor, currency),
        forfeited_amount=_money(outcome.forfeited_minor, currency),
        retry_delay=None if wait is None else duration(wait),
    )


def shown(outcome: Shown) -> authorization_pb.GetAuthorizationResponse:
    """Return an authorization and what came out of it."""
    return authorization_pb.GetAuthorizationResponse(
        authorization=_authorization(outcome.authorization),
        replacements=[_card(card) for card in outcome.replacements],
    )


def listed(
    authorizations: Sequence[Authorization], next_page_token: str
) -> authorization_pb.ListAuthorizationsResponse:
    """Return a page of authorizations."""
    return authorization_pb.ListAuthorizationsResponse(
        authorizations=[_authorization(each) for each in authorizations],
        next_page_token=next_page_token,
    )


def previewed(outcome: Previewed | Declined) -> authorization_pb.PreviewReverseResponse:
    """Return what Reverse would answer; where no currency is known there are no amounts."""
    if isinstance(outcome, Declined):
        return authorization_pb.PreviewReverseResponse(reason=REASON[outcome.reason])
    named, currency = _REVERSE_OUTCOME[outcome.outcome], outcome.currency
    if currency is None:
        return authorization_pb.PreviewReverseResponse(outcome=named)
    return authorization_pb.PreviewReverseResponse(
        outcome=named,
        gift_card_amount=_money(outcome.gift_card_minor, currency),
        other_tender_amount=_money(outcome.other_tender_minor, currency),
        restored_amount=_money(outcome.restored_minor, currency),
        deadline=_timestamp(outcome.deadline) if outcome.deadline else None,
    )


def _reversed(outcome: Reversed) -> pb.ReverseResponse:
    if outcome.authorization is None:  # A prevented Authorize: no currency is known.
        return pb.ReverseResponse(outcome=_REVERSE_OUTCOME[outcome.outcome])
    currency = outcome.authorization.currency
    return pb.ReverseResponse(
        outcome=_REVERSE_OUTCOME[outcome.outcome],
        authorization=_authorization(outcome.authorization),
        gift_card_amount=_money(outcome.gift_card_minor, currency),
        other_tender_amount=_money(outcome.other_tender_minor, currency),
        replacement=_replacement(outcome.replacement),
    )


def _issued(outcome: Issued) -> pb.IssueResponse:
    return pb.IssueResponse(card=_card(outcome.card))


def _authorized(outcome: Authorized) -> pb.AuthorizeResponse:
    response = pb.AuthorizeResponse()
    _fill(response.authorization, outcome.authorization)
    return response


def _captured(outcome: Captured) -> pb.CaptureResponse:
    return pb.CaptureResponse(
        authorization=_authorization(outcome.authorization),
        replacement=_replacement(outcome.replacement),
    )


def _extended(outcome: Extended) -> authorization_pb.ExtendAuthorizationResponse:
    authorization = _authorization(outcome.authorization)
    return authorization_pb.ExtendAuthorizationResponse(authorization=authorization)


def _declined(outcome: Declined) -> Status:
    return declined(outcome.reason, outcome.details)


def _cancelled(outcome: Cancelled) -> pb.CancelResponse:
    return pb.CancelResponse(
        card=_card(outcome.card),
        refund=pb.PurchaseRefund(
            amount=_money(outcome.amount_minor, outcome.card.currency),
            payment_method=PAYMENT_METHOD[outcome.payment_method],
            payment_reference=outcome.payment_reference,
        ),
    )


# The messages of outcomes that request records keep.
_MESSAGE_OF: Final[dict[type[Outcome], Callable[[Any], Message]]] = {
    Issued: _issued,
    Authorized: _authorized,
    Captured: _captured,
    Reversed: _reversed,
    Cancelled: _cancelled,
    Extended: _extended,
    RefundConfirmed: refund_messages.confirmed,
    Declined: _declined,
}


def _replacement(card: Card | None) -> gift_card_pb2.Replacement | None:
    return gift_card_pb2.Replacement(card=_card(card)) if card else None


def _card(card: Card) -> gift_card_pb2.GiftCard:
    return gift_card_pb2.GiftCard(
        card_id=card.card_id,
        market=card.market,
        state=_CARD_STATE[card.shown_state],
        origin=_CARD_ORIGIN[card.origin],
        initial_amount=_money(card.initial_minor, card.currency),
        balance=_money(card.balance_minor, card.currency),
        issue_time=_timestamp(card.issued_at),
        expire_time=_timestamp(card.expires_at),
        last4=card.last4,
        replaces_card_id=card.replaces_card_id or "",
    )


def _authorization(authorization: Authorization) -> gift_card_pb2.Authorization:
    message = gift_card_pb2.Authorization()
    _fill(message, authorization)
    return message


def _fill(message: gift_card_pb2.Authorization, authorization: Authorization) -> None:
    """Write an authorization into a message, which costs two thirds of making one by names."""
    message.authorization_id = authorization.authorization_id
    message.card_id = authorization.card_id
    message.market = authorization.market
    message.order_id = authorization.order_id
    message.state = _AUTHORIZATION_STATE[authorization.state]
    amounts = [
        (message.order_total, authorization.order_total_minor),
        (message.authorized_amount, authorization.authorized_minor),
        (message.captured_amount, authorization.captured_minor),
        (message.refunded_amount, authorization.refunded_minor),
        (message.remaining_due, authorization.remaining_due_minor),
        (message.forfeited_amount, authorization.lost_minor),
        (message.restored_amount, authorization.restored_minor),
    ]
    if authorization.state is AuthorizationState.CAPTURED:
        amounts.append((message.other_tender_amount, authorization.other_tenders_minor))
    currency = authorization.currency
    for amount, amount_minor in amounts:
        amount.currency_code = currency
        amount.amount_minor = amount_minor
    for time, instant in (
        (message.create_time, authorization.created_at),
        (message.expire_time, authorization.expires_at),
    ):
        since = instant - _EPOCH
        time.seconds = since.days * 86400 + since.seconds
        time.nanos = since.microseconds * 1000


# A dictionary in the place of a message within another one halves the cost: the message need not
# be made first and copied in. The stubs do not know that protobuf takes dictionaries.


def _money(amount_minor: int, currency: str) -> Any:  # noqa: ANN401 - as said above
    return {"amount_minor": amount_minor, "currency_code": currency}


def _timestamp(instant: datetime) -> Any:  # noqa: ANN401 - as said above
    since = instant - _EPOCH
    return {
        "seconds": since.days * 86400 + since.seconds,
        "nanos": since.microseconds * 1000,
    }


def duration(span: timedelta) -> Any:  # noqa: ANN401 - as said above
    """Return a span of time as the fields of a Duration."""
    return {"seconds": span.days * 86400 + span.seconds, "nanos": span.microseconds * 1000}


# The parts of messages that other services have as well.
card_message: Final = _card
authorization_message: Final = _authorization
money: Final = _money
timestamp: Final = _timestamp
