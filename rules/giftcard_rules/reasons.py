"""Every reason to decline, in order of precedence, and the one way for a rule to decline."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Reason(enum.Enum):
    """Why a command was declined; where several apply, the first of them is the answer."""

    TOO_MANY_ATTEMPTS = "TOO_MANY_ATTEMPTS"
    REQUEST_ID_REUSED = "REQUEST_ID_REUSED"
    ANSWER_RETIRED = "ANSWER_RETIRED"
    REQUEST_PREVENTED = "REQUEST_PREVENTED"
    CARD_NOT_FOUND = "CARD_NOT_FOUND"
    AUTHORIZATION_NOT_FOUND = "AUTHORIZATION_NOT_FOUND"
    WRONG_MARKET = "WRONG_MARKET"
    CURRENCY_MISMATCH = "CURRENCY_MISMATCH"
    MARKET_PAUSED = "MARKET_PAUSED"
    CARD_BLOCKED = "CARD_BLOCKED"
    CARD_CANCELLED = "CARD_CANCELLED"
    CARD_REDEEMED = "CARD_REDEEMED"
    CARD_EXPIRED = "CARD_EXPIRED"
    CARD_HELD = "CARD_HELD"
    AUTHORIZATION_CAPTURED = "AUTHORIZATION_CAPTURED"
    AUTHORIZATION_RELEASED = "AUTHORIZATION_RELEASED"
    AUTHORIZATION_LAPSED = "AUTHORIZATION_LAPSED"
    AUTHORIZATION_NOT_CAPTURED = "AUTHORIZATION_NOT_CAPTURED"
    ORDER_HAS_GIFT_CARD_LINE = "ORDER_HAS_GIFT_CARD_LINE"
    ORDER_HAS_DISCOUNT = "ORDER_HAS_DISCOUNT"
    ORDER_HAS_ANOTHER_CARD = "ORDER_HAS_ANOTHER_CARD"
    NOTHING_ELIGIBLE = "NOTHING_ELIGIBLE"
    PURCHASE_HAS_ANOTHER_CARD = "PURCHASE_HAS_ANOTHER_CARD"
    PAYMENT_METHOD_NOT_ACCEPTED = "PAYMENT_METHOD_NOT_ACCEPTED"
    PURCHASE_HAS_DISCOUNT = "PURCHASE_HAS_DISCOUNT"
    AMOUNT_OUT_OF_RANGE = "AMOUNT_OUT_OF_RANGE"
    ISSUE_CEILING_REACHED = "ISSUE_CEILING_REACHED"
    AMOUNT_EXCEEDS_AUTHORIZED = "AMOUNT_EXCEEDS_AUTHORIZED"
    AMOUNT_EXCEEDS_REFUNDABLE = "AMOUNT_EXCEEDS_REFUNDABLE"
    EXERCISE_DAY_OUT_OF_RANGE = "EXERCISE_DAY_OUT_OF_RANGE"
    RETURN_WINDOW_CLOSED = "RETURN_WINDOW_CLOSED"
    CANCELLATION_WINDOW_CLOSED = "CANCELLATION_WINDOW_CLOSED"
    NOT_A_PURCHASED_CARD = "NOT_A_PURCHASED_CARD"
    CARD_NOT_BLOCKED = "CARD_NOT_BLOCKED"
    RESEND_LIMIT = "RESEND_LIMIT"
    PERSON_ERASED = "PERSON_ERASED"
    PERSON_RESTRICTED = "PERSON_RESTRICTED"
    PROPOSAL_NOT_FOUND = "PROPOSAL_NOT_FOUND"
    PROPOSAL_CLOSED = "PROPOSAL_CLOSED"
    PROPOSAL_LAPSED = "PROPOSAL_LAPSED"
    SAME_ACTOR = "SAME_ACTOR"
    REFUND_NOT_DUE = "REFUND_NOT_DUE"


# A request that was declined for one of these may be answered differently next
# time: nothing was decided about a card, so no record of the request is kept.
LEAVES_NO_TRACE = frozenset(
    {
        Reason.TOO_MANY_ATTEMPTS,
        Reason.REQUEST_ID_REUSED,
        Reason.ANSWER_RETIRED,
        Reason.REQUEST_PREVENTED,
        Reason.CARD_NOT_FOUND,
        Reason.AUTHORIZATION_NOT_FOUND,
        Reason.PROPOSAL_NOT_FOUND,
    }
)


class DeclinedError(Exception):
    """A rule declined. `details` are public: a caller may act on them."""

    def __init__(self, reason: Reason, details: Mapping[str, str] | None = None) -> None:
        super().__init__(reason.value)
        self.reason = reason
        self.details = details or {}


class MalformedError(Exception):
    """A field of a command is wrong on this day; `why` completes a sentence that begins with it.

    Nothing is decided, so that no record is kept.
    """

    def __init__(self, *, field: str, why: str) -> None:
        super().__init__(f"{field} {why}")
        self.field = field
        self.why = why


def require(holds: bool, *, otherwise: Reason, **details: object) -> None:  # noqa: FBT001 - a checklist reads best with what must hold first
    """Raise `DeclinedError` with the reason and its details unless the condition holds."""
    if not holds:
        raise DeclinedError(otherwise, {name: str(value) for name, value in details.items()})
