"""The only place where a failed RPC becomes one of our exceptions: one table, all status codes.

A status with the service's own ErrorInfo is a decision, with any status code.
Without it there is no decision, and the table says what is known. Where it is
not certain that nothing happened the result is OutcomeUnknown, because a caller
that reads "failed" about money that is set aside would leave it there.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import cast

import grpc
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from giftcard_client.diagnosing.diagnoses import explanation_of
from giftcard_client.diagnosing.targets import Peer
from giftcard_client.errors import (
    Declined,
    GenerationChanged,
    GiftCardError,
    InvalidRequest,
    Misconfigured,
    OutcomeUnknown,
    PositionAhead,
    PositionGone,
    TimedOut,
    Unavailable,
    Violation,
)

# The `domain` of an ErrorInfo whose `reason` is one of ours. A proxy between client
# and service has reasons of its own, which are no decisions.
DECLINE_DOMAIN = "giftcard.v1"

# The reasons of the log of events, which are not about cards: docs of EventService.
CANNOT_RESUME: Mapping[str, Callable[[Mapping[str, str]], GiftCardError]] = MappingProxyType(
    {
        "GENERATION_CHANGED": lambda facts: GenerationChanged(
            facts["generation"], int(facts["last_common_position"])
        ),
        "POSITION_GONE": lambda facts: PositionGone(int(facts["oldest_position"])),
        "POSITION_AHEAD": lambda facts: PositionAhead(int(facts["last_position"])),
    }
)


def _invalid(details: status_pb2.Status, explanation: str, request_id: str) -> GiftCardError:
    bad_request = error_details_pb2.BadRequest()
    if not _unpack(details, bad_request):
        return InvalidRequest([Violation("", explanation)], request_id)
    found = [Violation(each.field, each.description) for each in bad_request.field_violations]
    return InvalidRequest(found, request_id)


def _misconfigured(_: status_pb2.Status, explanation: str, request_id: str) -> GiftCardError:
    return Misconfigured(explanation, request_id)


def _timed_out(details: status_pb2.Status, explanation: str, request_id: str) -> GiftCardError:
    return TimedOut(explanation, request_id, _retry_after(details))


def _unavailable(details: status_pb2.Status, explanation: str, request_id: str) -> GiftCardError:
    return Unavailable(explanation, request_id, _retry_after(details))


def _unknown(details: status_pb2.Status, explanation: str, request_id: str) -> GiftCardError:
    return OutcomeUnknown(explanation, request_id, _retry_after(details))


UNDECIDED: Mapping[grpc.StatusCode, Callable[[status_pb2.Status, str, str], GiftCardError]] = (
    MappingProxyType(
        {
            grpc.StatusCode.INVALID_ARGUMENT: _invalid,
            grpc.StatusCode.UNAUTHENTICATED: _misconfigured,
            grpc.StatusCode.PERMISSION_DENIED: _misconfigured,
            grpc.StatusCode.UNIMPLEMENTED: _misconfigured,
            grpc.StatusCode.DEADLINE_EXCEEDED: _timed_out,
            grpc.StatusCode.UNAVAILABLE: _unavailable,
            # Contention that outlasted the service's retries, and the client's.
            grpc.StatusCode.ABORTED: _unavailable,
            # Raised by gRPC itself: all the service's threads are busy.
            grpc.StatusCode.RESOURCE_EXHAUSTED: _unavailable,
            grpc.StatusCode.CANCELLED: _unknown,
            grpc.StatusCode.INTERNAL: _unknown,
            grpc.StatusCode.UNKNOWN: _unknown,
            grpc.StatusCode.DATA_LOSS: _unknown,
            # The service sends these only with a reason; bare, they come from elsewhere.
            grpc.StatusCode.NOT_FOUND: _unknown,
            grpc.StatusCode.ALREADY_EXISTS: _unknown,
            grpc.StatusCode.FAILED_PRECONDITION: _unknown,
            grpc.StatusCode.OUT_OF_RANGE: _unknown,
        }
    )
)


def as_gift_card_error(error: grpc.RpcError, request_id: str, peer: Peer) -> GiftCardError:
    """Turn gRPC's exception into one of ours; `request_id` is the call's, `peer` its server."""
    if not hasattr(error, "code"):
        # Only interceptors, which applications may add, raise it without a status.
        return OutcomeUnknown("the call ended without a status", request_id)
    details = _rich_status(error)
    info = error_details_pb2.ErrorInfo()
    if _unpack(details, info) and info.domain == DECLINE_DOMAIN:
        if info.reason in CANNOT_RESUME:
            return CANNOT_RESUME[info.reason](info.metadata)
        # The details are the service's own sentence, which holds no code and no person.
        sentence = error.details() or ""
        return Declined(info.reason, info.metadata, _retry_after(details), request_id, sentence)
    explanation = explanation_of(error.code(), error.details() or "", peer)
    return UNDECIDED[error.code()](details, explanation, request_id)


def _rich_status(error: grpc.RpcError) -> status_pb2.Status:
    try:
        # The error is a Call as well, which the types of grpc do not say.
        return rpc_status.from_call(cast("grpc.Call", error)) or status_pb2.Status()
    except (ValueError, DecodeError):
        # Details that contradict the status or cannot be decoded come from a
        # proxy between client and service; the status still holds.
        return status_pb2.Status()


def _unpack(details: status_pb2.Status, into: Message) -> bool:
    # Unpack compares the types itself, and returns False where they differ.
    try:
        return any(detail.Unpack(into) for detail in details.details)
    except DecodeError:
        return False


def _retry_after(details: status_pb2.Status) -> timedelta | None:
    retry = error_details_pb2.RetryInfo()
    return retry.retry_delay.ToTimedelta() if _unpack(details, retry) else None
