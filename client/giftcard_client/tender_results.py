"""The client's answers and exceptions as results of a tender."""

from collections.abc import Callable

from giftcard_client.connector import StoreCredit, TenderResult, TenderStatus
from giftcard_client.decline_messages import DECLINE_MESSAGES
from giftcard_client.errors import (
    Declined,
    GiftCardError,
    InvalidRequest,
    Misconfigured,
    OutcomeUnknown,
    TimedOut,
    Unavailable,
)
from giftcard_client.results import Replacement, Reversed
from giftcard_client.vocabulary import ReverseOutcome

# The status and code that an orchestrator gets for each exception but Declined.
TECHNICAL: tuple[tuple[type[GiftCardError], TenderStatus, str], ...] = (
    (InvalidRequest, TenderStatus.FAILURE, "INVALID_REQUEST"),
    (Misconfigured, TenderStatus.FAILURE, "MISCONFIGURED"),
    (TimedOut, TenderStatus.PENDING, "TIMED_OUT"),
    (Unavailable, TenderStatus.PENDING, "UNAVAILABLE"),
    (GiftCardError, TenderStatus.PENDING, "OUTCOME_UNKNOWN"),
)


def answered(call: Callable[[], TenderResult], request_id: str) -> TenderResult:
    """Make the call; only here do the client's exceptions become results."""
    try:
        return call()
    except GiftCardError as error:
        return as_result(error, request_id)


def as_result(error: GiftCardError, request_id: str) -> TenderResult:
    """Return the result of a call that raised."""
    if isinstance(error, Declined):
        return TenderResult(
            TenderStatus.DECLINED,
            request_id,
            code=error.name,
            message=DECLINE_MESSAGES[error.reason],
            retry_after=error.retry_after,
            may_stand=error.may_stand,
        )
    status, code = next(
        (status, code) for kind, status, code in TECHNICAL if isinstance(error, kind)
    )
    return TenderResult(
        status,
        request_id,
        code=code,
        message=error.explanation,
        retry_after=error.retry_after if isinstance(error, OutcomeUnknown) else None,
    )


def as_given_back(undone: Reversed, request_id: str, reference: str) -> TenderResult:
    """Return the result of a void or a refund."""
    held = undone.authorization
    reference = held.authorization_id if held else reference
    match undone.outcome:
        case ReverseOutcome.REFUNDED:
            return TenderResult(
                TenderStatus.REFUNDED,
                request_id,
                reference=reference,
                amount=undone.gift_card_amount,
                remaining=undone.other_tender_amount,
                store_credit=store_credit_of(undone.replacement),
            )
        case ReverseOutcome.RELEASED | ReverseOutcome.PREVENTED:
            released = held.authorized_amount if held else None
            return TenderResult(
                TenderStatus.VOIDED, request_id, reference=reference, amount=released
            )
        case ReverseOutcome.UNRECOGNIZED:
            return TenderResult(
                TenderStatus.PENDING,
                request_id,
                reference=reference,
                code="UNRECOGNIZED_OUTCOME",
                message="The service is newer than this client, which does not know the outcome.",
            )


def store_credit_of(replacement: Replacement | None) -> StoreCredit | None:
    """Return a new card as the orchestrator knows it; what was restored (R39) is on it too."""
    if replacement is None:
        return None
    card = replacement.card
    return StoreCredit(
        replacement.code,
        card.initial_amount,
        card.expire_time,
        card.last4,
        replacement.code_withheld,
    )
