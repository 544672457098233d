"""The states of cards and holds, and their tables. If it is not in a table, it cannot happen.

`steps.py` takes the steps.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final, NamedTuple

from giftcard_rules.reasons import DeclinedError, Reason, require

if TYPE_CHECKING:
    from datetime import date, datetime


class CardState(enum.Enum):
    """The states of a card. BLOCKED is shown, never stored: it covers usable states (R37)."""

    ACTIVE = "ACTIVE"
    HELD = "HELD"
    REDEEMED = "REDEEMED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    BLOCKED = "BLOCKED"

    # By identity, as they are equal: Enum's own is in Python, and costs ten times as much.
    __hash__ = object.__hash__


class CardOrigin(enum.Enum):
    """Where a card comes from: a purchase, or money that came back (R23, R27)."""

    PURCHASE = "PURCHASE"
    REFUND = "REFUND"


class AuthorizationState(enum.Enum):
    """The states of an authorization; a LAPSED one is opened again by an operator alone."""

    OPEN = "OPEN"
    CAPTURED = "CAPTURED"
    RELEASED = "RELEASED"
    LAPSED = "LAPSED"

    __hash__ = object.__hash__  # As above.


# The states that may follow each stored state of a card, in one step. One command may take
# several steps: unless it is captured, a held card is released before anything else (R33-R35).
CARD_TRANSITIONS: Final = {
    CardState.ACTIVE: {CardState.HELD, CardState.CANCELLED, CardState.EXPIRED},
    # A hold that is extended keeps its card held.
    CardState.HELD: {CardState.HELD, CardState.ACTIVE, CardState.REDEEMED},
    CardState.REDEEMED: {CardState.REDEEMED},  # refunds: the card stays used (R23)
    CardState.CANCELLED: {CardState.CANCELLED},  # refunds paid: the card stays cancelled (R29)
    CardState.EXPIRED: {CardState.ACTIVE},  # An expiry that a clock or a block caused is undone.
}

# The states that may follow each state of an authorization.
AUTHORIZATION_TRANSITIONS: Final = {
    AuthorizationState.OPEN: {
        AuthorizationState.OPEN,  # extended
        AuthorizationState.CAPTURED,
        AuthorizationState.RELEASED,
        AuthorizationState.LAPSED,
    },
    AuthorizationState.CAPTURED: {AuthorizationState.CAPTURED},  # refunds
    AuthorizationState.RELEASED: set[AuthorizationState](),
    AuthorizationState.LAPSED: {AuthorizationState.OPEN},  # A lapse that a clock caused is undone.
}

# The reason why a card in a final state cannot be used, in order of precedence.
SPENT: Final = {
    CardState.CANCELLED: Reason.CARD_CANCELLED,
    CardState.REDEEMED: Reason.CARD_REDEEMED,
    CardState.EXPIRED: Reason.CARD_EXPIRED,
}

# The reason why an authorization in a final state is neither captured nor released.
CLOSED: Final = {
    AuthorizationState.CAPTURED: Reason.AUTHORIZATION_CAPTURED,
    AuthorizationState.RELEASED: Reason.AUTHORIZATION_RELEASED,
    AuthorizationState.LAPSED: Reason.AUTHORIZATION_LAPSED,
}

# The states of which an order has at most one authorization (R13).
LIVE: Final = frozenset({AuthorizationState.OPEN, AuthorizationState.CAPTURED})


class RefundedFor(enum.Enum):
    """Why the parts of an order were refunded so far, taken together (R39)."""

    TECHNICAL = "TECHNICAL"
    NOT_PERFORMED = "NOT_PERFORMED"
    OTHER = "OTHER"


class Card(NamedTuple):
    """A prepaid voucher (R1). Amounts are minor units of `currency`; instants are UTC.

    `balance_minor` and `held_minor` are its CARD and HELD accounts. `hold_id` is the open
    authorization, if any. `version` counts the changes.
    `purchase_order_id` is the purchase that the money came from, also for a card that
    replaces another; `refund_order_id` the order that such a card came back from.
    `caller` and `request_id` name the request that made it; from them and the key `key_id`
    its code is derived again. `terms_from` names the version of the terms that the card lives
    under (R38), None the earliest one.
    """

    card_id: str
    market: str
    currency: str
    origin: CardOrigin
    state: CardState
    blocked: bool
    initial_minor: int
    balance_minor: int
    held_minor: int
    hold_id: str | None
    issued_at: datetime
    expires_at: datetime
    last4: str
    key_id: str
    caller: str
    request_id: str
    purchase_order_id: str
    refund_order_id: str | None = None
    replaces_card_id: str | None = None
    authorization_id: str | None = None
    version: int = 0
    blocked_at: datetime | None = None
    terms_from: date | None = None

    @property
    def shown_state(self) -> CardState:
        """The state as callers see it: a block covers a state that could still be used (R37)."""
        if self.blocked and self.state not in SPENT:
            return CardState.BLOCKED
        return self.state


class Authorization(NamedTuple):
    """Money set aside on a card for one order. Amounts are minor units of `currency`.

    `forfeited_minor` is what a capture loses (R14), or would lose where there was none yet.
    `refunded_other_minor` is what refunds sent to the order's other tenders (R24), and
    `other_tender_minor` what these took, where a capture has said so. `restored_minor` is what
    came back of `forfeited_minor` (R39). `first_held_at` is when the chain of replaced holds
    began (R35), `refunded_other_at` when a refund went to other tenders last. None stands where
    the version that saved it did not know the value.
    """

    authorization_id: str
    card_id: str
    market: str
    currency: str
    order_id: str
    state: AuthorizationState
    order_total_minor: int
    authorized_minor: int
    forfeited_minor: int
    created_at: datetime
    expires_at: datetime
    captured_minor: int = 0
    refunded_minor: int = 0
    refunded_other_minor: int = 0
    other_tender_minor: int | None = None
    restored_minor: int = 0
    captured_at: datetime | None = None
    first_held_at: datetime | None = None
    refunded_for: RefundedFor | None = None
    refunded_other_at: datetime | None = None

    @property
    def lost_minor(self) -> int:
        """What is lost, or would be (R14): nothing once the card was not used after all."""
        return self.forfeited_minor if self.state in LIVE else 0

    @property
    def other_tenders_minor(self) -> int:
        """What the order's other tenders took, as far as it is known."""
        told = self.other_tender_minor
        return self.remaining_due_minor if told is None else told

    @property
    def remaining_due_minor(self) -> int:
        """The amount that the order's other tenders have to pay (R16)."""
        return self.order_total_minor - self.authorized_minor

    @property
    def refundable_minor(self) -> int:
        """The amount of the order that is left to refund, to all tenders (R22, R24).

        Money that was set aside and never captured was not spent on the order (R27). A server
        of the former version may have sent more to other tenders than these took.
        """
        of_card_minor = self.captured_minor - self.refunded_minor
        return of_card_minor + max(0, self.other_tenders_minor - self.refunded_other_minor)


def require_unspent(card: Card, now: datetime) -> None:
    """Decline a card that is blocked (R37), cancelled, used (R14) or expired (R12)."""
    require(not card.blocked, otherwise=Reason.CARD_BLOCKED)
    require_unended(card)
    if now >= card.expires_at:
        raise _expired(card)


def require_unended(card: Card) -> None:
    """Decline a card in a final state: cancelled, used (R14) or expired (R12)."""
    if card.state is CardState.EXPIRED:
        raise _expired(card)
    if card.state in SPENT:
        raise DeclinedError(SPENT[card.state])


def _expired(card: Card) -> DeclinedError:
    return DeclinedError(Reason.CARD_EXPIRED, {"expire_time": timestamp(card.expires_at)})


def require_free(hold: Authorization | None, order_id: str | None = None) -> None:
    """Decline a card with an open hold, unless it is for this order; say until when (R28, R35)."""
    if hold is not None and hold.order_id != order_id:
        details = {"hold_expire_time": timestamp(hold.expires_at)}
        raise DeclinedError(Reason.CARD_HELD, details)


def require_not(authorization: Authorization, *states: AuthorizationState) -> None:
    """Decline an authorization in one of these final states; one that lapsed says when."""
    if authorization.state not in states:
        return
    lapsed = authorization.state is AuthorizationState.LAPSED
    details = {"expire_time": timestamp(authorization.expires_at)} if lapsed else {}
    raise DeclinedError(CLOSED[authorization.state], details)


def timestamp(instant: datetime) -> str:
    """Return an instant as callers read it, RFC 3339 in UTC."""
    return instant.isoformat().replace("+00:00", "Z")
