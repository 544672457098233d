"""The words of the API as enums: their values are the names of the proto without its prefix.

The enums of answers have one member more than the proto, UNRECOGNIZED: a newer
server may send a word that this client does not know, and a client that failed
on it would turn a known outcome into an unknown one. Callers must read it as
"something else", and never as success.
"""

from enum import StrEnum, auto


class _Word(StrEnum):
    """A word whose value is its name."""

    @staticmethod
    def _generate_next_value_(name: str, start: int, count: int, last_values: list[str]) -> str:
        del start, count, last_values
        return name


class Reason(_Word):
    """Every reason to decline, in the contract's order of precedence."""

    TOO_MANY_ATTEMPTS = auto()
    REQUEST_ID_REUSED = auto()
    ANSWER_RETIRED = auto()
    REQUEST_PREVENTED = auto()
    CARD_NOT_FOUND = auto()
    AUTHORIZATION_NOT_FOUND = auto()
    WRONG_MARKET = auto()
    CURRENCY_MISMATCH = auto()
    MARKET_PAUSED = auto()
    CARD_BLOCKED = auto()
    CARD_CANCELLED = auto()
    CARD_REDEEMED = auto()
    CARD_EXPIRED = auto()
    CARD_HELD = auto()
    AUTHORIZATION_CAPTURED = auto()
    AUTHORIZATION_RELEASED = auto()
    AUTHORIZATION_LAPSED = auto()
    AUTHORIZATION_NOT_CAPTURED = auto()
    ORDER_HAS_GIFT_CARD_LINE = auto()
    ORDER_HAS_DISCOUNT = auto()
    ORDER_HAS_ANOTHER_CARD = auto()
    NOTHING_ELIGIBLE = auto()
    PURCHASE_HAS_ANOTHER_CARD = auto()
    PAYMENT_METHOD_NOT_ACCEPTED = auto()
    PURCHASE_HAS_DISCOUNT = auto()
    AMOUNT_OUT_OF_RANGE = auto()
    ISSUE_CEILING_REACHED = auto()
    AMOUNT_EXCEEDS_AUTHORIZED = auto()
    AMOUNT_EXCEEDS_REFUNDABLE = auto()
    EXERCISE_DAY_OUT_OF_RANGE = auto()
    RETURN_WINDOW_CLOSED = auto()
    CANCELLATION_WINDOW_CLOSED = auto()
    NOT_A_PURCHASED_CARD = auto()
    CARD_NOT_BLOCKED = auto()
    RESEND_LIMIT = auto()
    PERSON_ERASED = auto()
    PERSON_RESTRICTED = auto()
    PROPOSAL_NOT_FOUND = auto()
    PROPOSAL_CLOSED = auto()
    PROPOSAL_LAPSED = auto()
    SAME_ACTOR = auto()
    REFUND_NOT_DUE = auto()
    UNRECOGNIZED = auto()


class CardState(_Word):
    """The state of a card."""

    ACTIVE = auto()
    HELD = auto()
    REDEEMED = auto()
    CANCELLED = auto()
    EXPIRED = auto()
    BLOCKED = auto()
    UNRECOGNIZED = auto()


class CardOrigin(_Word):
    """The origin of a card: bought, or made by a refund (R23, R27)."""

    PURCHASE = auto()
    REFUND = auto()
    UNRECOGNIZED = auto()


class AuthorizationState(_Word):
    """The state of money that was set aside."""

    OPEN = auto()
    CAPTURED = auto()
    RELEASED = auto()
    LAPSED = auto()
    UNRECOGNIZED = auto()


class PaymentMethod(_Word):
    """The payment method of a purchase; the service accepts only bank cards (R3)."""

    BANK_CARD = auto()
    PAY_LATER = auto()
    GIFT_CARD = auto()
    OTHER = auto()
    UNRECOGNIZED = auto()


class EventType(_Word):
    """What happened to a card, or to an order that it paid for."""

    CARD_ISSUED = auto()
    CARD_HELD = auto()
    CARD_RELEASED = auto()
    HOLD_LAPSED = auto()
    CARD_REDEEMED = auto()
    ORDER_REFUNDED = auto()
    CARD_CANCELLED = auto()
    REFUND_PAID = auto()
    CARD_EXPIRED = auto()
    CARD_REINSTATED = auto()
    HOLD_REINSTATED = auto()
    CARD_BLOCKED = auto()
    CARD_UNBLOCKED = auto()
    CARD_WRITTEN_OFF = auto()
    UNRECOGNIZED = auto()


class ReverseReason(_Word):
    """The reason to give money back; only a change of mind has a time limit (R21, R26)."""

    CHANGE_OF_MIND = auto()
    NOT_DELIVERED = auto()
    DEFECTIVE = auto()
    ORDER_CANCELLED = auto()
    TECHNICAL = auto()


class ReverseOutcome(_Word):
    """The outcome of Reverse: a hold released, a refund, or a request prevented (R36)."""

    RELEASED = auto()
    REFUNDED = auto()
    PREVENTED = auto()
    UNRECOGNIZED = auto()


class Ground(_Word):
    """Why somebody of Customer Service acts."""

    CUSTOMER_REQUEST = auto()
    FRAUD = auto()
    CHARGEBACK = auto()
    MISTAKE = auto()
    LEGAL = auto()
    OTHER = auto()
    UNRECOGNIZED = auto()


class PersonRole(_Word):
    """The part that a person plays for a card."""

    PURCHASER = auto()
    RECIPIENT = auto()
    CUSTOMER = auto()
    UNRECOGNIZED = auto()


class PersonState(_Word):
    """What became of a person's data."""

    KEPT = auto()
    RESTRICTED = auto()
    ERASED = auto()
    OUT_OF_REACH = auto()
    UNRECOGNIZED = auto()


class ProposalState(_Word):
    """What became of an act that another actor had to approve."""

    OPEN = auto()
    CARRIED_OUT = auto()
    REJECTED = auto()
    DECLINED = auto()
    LAPSED = auto()
    UNRECOGNIZED = auto()


class TimelineKind(_Word):
    """What happened to a card, or around it."""

    ISSUE = auto()
    AUTHORIZE = auto()
    CAPTURE = auto()
    REISSUE = auto()
    FORFEIT = auto()
    RELEASE = auto()
    LAPSE = auto()
    REFUND = auto()
    CANCEL = auto()
    EXPIRE = auto()
    REINSTATE = auto()
    REHOLD = auto()
    RESTORE = auto()
    CHARGE_BACK = auto()
    REFUND_PAID = auto()
    OTHER_TENDER_DUE = auto()
    OTHER_TENDER_PAID = auto()
    DELIVERY = auto()
    CARD_BLOCKED = auto()
    CARD_UNBLOCKED = auto()
    CARD_WRITTEN_OFF = auto()
    CARD_RESENT = auto()
    PURCHASE_CANCELLED = auto()
    PROPOSED = auto()
    PROPOSAL_APPROVED = auto()
    PROPOSAL_REJECTED = auto()
    PROPOSAL_DECLINED = auto()
    PERSON_READ = auto()
    PERSON_EXPORTED = auto()
    PERSON_RECTIFIED = auto()
    PERSON_RESTRICTED = auto()
    RESTRICTION_LIFTED = auto()
    PERSON_ERASED = auto()
    UNRECOGNIZED = auto()


class SandboxCardState(_Word):
    """The states in which a sandbox makes cards for tests."""

    ACTIVE = auto()
    HELD = auto()
    # Active again, after a hold that was neither captured nor released (R34).
    LAPSED = auto()
    REDEEMED = auto()
    EXPIRED = auto()
    BLOCKED = auto()
    CANCELLED = auto()
