"""Every refusal over gRPC: its status and its details."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from giftcard_rules.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from google.protobuf.message import Message

    from giftcard_server.errors import EventsRefusedError

DOMAIN: Final = "giftcard.v1"

# The reasons whose status is not FAILED_PRECONDITION.
_OTHER_STATUS: Final = {
    Reason.TOO_MANY_ATTEMPTS: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Reason.REQUEST_ID_REUSED: grpc.StatusCode.ALREADY_EXISTS,
    Reason.REQUEST_PREVENTED: grpc.StatusCode.ABORTED,
    Reason.CARD_NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    Reason.AUTHORIZATION_NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    Reason.PROPOSAL_NOT_FOUND: grpc.StatusCode.NOT_FOUND,
}
STATUS: Final = {
    reason: _OTHER_STATUS.get(reason, grpc.StatusCode.FAILED_PRECONDITION) for reason in Reason
}

# The text of each reason, for people who read logs; programs read the reason.
MESSAGE: Final = {
    Reason.TOO_MANY_ATTEMPTS: "too many wrong codes of late",
    Reason.REQUEST_ID_REUSED: "this request id was first sent with another request",
    Reason.ANSWER_RETIRED: "the key that the recorded answer needs was retired",
    Reason.REQUEST_PREVENTED: "a reversal came first and prevented this request",
    Reason.CARD_NOT_FOUND: "no such card",
    Reason.AUTHORIZATION_NOT_FOUND: "no such authorization",
    Reason.WRONG_MARKET: "the card belongs to another market",
    Reason.CURRENCY_MISMATCH: "the amount is in another currency",
    Reason.MARKET_PAUSED: "an operator has stopped this in the market for a while",
    Reason.CARD_BLOCKED: "the card is blocked",
    Reason.CARD_CANCELLED: "the purchase of the card was cancelled",
    Reason.CARD_REDEEMED: "the card was used",
    Reason.CARD_EXPIRED: "the card has expired",
    Reason.CARD_HELD: "the card is set aside for an order",
    Reason.AUTHORIZATION_CAPTURED: "the authorization was captured",
    Reason.AUTHORIZATION_RELEASED: "the authorization was released",
    Reason.AUTHORIZATION_LAPSED: "the authorization has lapsed",
    Reason.AUTHORIZATION_NOT_CAPTURED: "the authorization was not captured yet",
    Reason.ORDER_HAS_GIFT_CARD_LINE: "a gift card cannot buy a gift card",
    Reason.ORDER_HAS_DISCOUNT: "a gift card combines with no discount",
    Reason.ORDER_HAS_ANOTHER_CARD: "the order has another gift card",
    Reason.NOTHING_ELIGIBLE: "nothing in the order can be paid with a gift card",
    Reason.PURCHASE_HAS_ANOTHER_CARD: "the purchase has another gift card",
    Reason.PAYMENT_METHOD_NOT_ACCEPTED: "gift cards are bought by bank card only",
    Reason.PURCHASE_HAS_DISCOUNT: "gift cards are bought without promo codes",
    Reason.AMOUNT_OUT_OF_RANGE: "the amount is outside the market's range",
    Reason.ISSUE_CEILING_REACHED: "the caller has issued too much value within the hour",
    Reason.AMOUNT_EXCEEDS_AUTHORIZED: "the amount is more than was authorized",
    Reason.AMOUNT_EXCEEDS_REFUNDABLE: "the amount is more than is left to refund",
    Reason.EXERCISE_DAY_OUT_OF_RANGE: "the right cannot have been exercised on that day",
    Reason.RETURN_WINDOW_CLOSED: "the time for returns is over",
    Reason.CANCELLATION_WINDOW_CLOSED: "the time for cancelling the purchase is over",
    Reason.NOT_A_PURCHASED_CARD: "the card was not purchased",
    Reason.CARD_NOT_BLOCKED: "the card is not blocked",
    Reason.RESEND_LIMIT: "the e-mail was sent again as often as a day allows",
    Reason.PERSON_ERASED: "the person was erased",
    Reason.PERSON_RESTRICTED: "the person's data is restricted",
    Reason.PROPOSAL_NOT_FOUND: "no such proposal",
    Reason.PROPOSAL_CLOSED: "the proposal is closed",
    Reason.PROPOSAL_LAPSED: "the proposal has lapsed",
    Reason.SAME_ACTOR: "another actor has to approve what this one has proposed",
    Reason.REFUND_NOT_DUE: "nothing is due, or less than the amount",
}
assert set(STATUS) == set(MESSAGE) == set(Reason)

# By then the connection is gone, and the next try goes to another server.
STOPPING_RETRY_AFTER: Final = timedelta(milliseconds=200)
WATCH_AGAIN_AFTER: Final = timedelta(seconds=1)

UNAVAILABLE: Final = grpc.StatusCode.UNAVAILABLE
ABORTED: Final = grpc.StatusCode.ABORTED


def declined(
    reason: Reason, details: Mapping[str, str], retry_after: timedelta | None = None
) -> Status:
    """Return the status of a command that a rule declined."""
    messages: list[Message] = [ErrorInfo(reason=reason.value, domain=DOMAIN, metadata=details)]
    if retry_after is not None:
        messages.append(_retry(retry_after))
    return _status(STATUS[reason], MESSAGE[reason], messages)


def events_refused(error: EventsRefusedError) -> Status:
    """Return the status of a consumer of events from whose place the log cannot go on."""
    info = ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=error.details)
    return _status(error.status, str(error), [info])


def malformed(violations: Sequence[tuple[str, str]]) -> Status:
    """Return the status of a malformed request, with every violation."""
    fields = [
        BadRequest.FieldViolation(field=field, description=f"{field} {why}".strip())
        for field, why in violations
    ]
    message = "; ".join(field.description for field in fields[:3])
    if len(fields) > 3:  # noqa: PLR2004 - enough for a quick look; the details have all
        message += f"; and {len(fields) - 3} more"
    details = [BadRequest(field_violations=fields)]
    return _status(grpc.StatusCode.INVALID_ARGUMENT, message, details)


def try_again(code: grpc.StatusCode, message: str, after: timedelta) -> Status:
    """Return the status of a request that was not decided and may be sent again unchanged."""
    return _status(code, message, [_retry(after)])


def stopping() -> Status:
    """Return the status of a call that a server refuses because it stops: others answer it."""
    return try_again(UNAVAILABLE, "the server is stopping", STOPPING_RETRY_AFTER)


def too_many_watchers() -> Status:
    """Return the status of a stream of events for which this server has no room."""
    return try_again(UNAVAILABLE, "too many consumers watch this server", WATCH_AGAIN_AFTER)


def storage_away() -> Status:
    """Return the status of a stream of events that cannot be read any more."""
    return try_again(UNAVAILABLE, "storage is away", WATCH_AGAIN_AFTER)


def no_longer_admitted() -> Status:
    """Return the status of a stream whose caller has lost its role since."""
    return _status(grpc.StatusCode.PERMISSION_DENIED, "the caller may no longer watch", [])


def internal() -> Status:
    """Return the status of a defect. Its cause is in the log, never in the answer."""
    return _status(grpc.StatusCode.INTERNAL, "internal error", [])


def _status(code: grpc.StatusCode, message: str, details: Sequence[Message]) -> Status:
    status = Status(code=code.value[0], message=message)
    for detail in details:
        packed = Any()
        packed.Pack(detail)
        status.details.append(packed)
    return status


def _retry(after: timedelta) -> RetryInfo:
    delay = Duration()
    delay.FromTimedelta(after)
    return RetryInfo(retry_delay=delay)
