"""What comes out of a call. Codes are in the values and never in their `repr`.

Times are aware datetimes in UTC; money is in minor units. `replayed` says that
the service had decided this very request before, and gave that answer again.
"""

from dataclasses import dataclass, field
from datetime import datetime

from giftcard_client.values import Money
from giftcard_client.vocabulary import (
    AuthorizationState,
    CardOrigin,
    CardState,
    PaymentMethod,
    Reason,
    ReverseOutcome,
)


@dataclass(frozen=True, slots=True)
class GiftCard:
    """A card without its code; `expire_time` is the first instant when it is invalid (R12)."""

    card_id: str
    market: str
    state: CardState
    origin: CardOrigin
    initial_amount: Money
    # What lies on the card and is not set aside.
    balance: Money
    issue_time: datetime
    expire_time: datetime
    last4: str
    # For a card that came out of a refund: the card that had paid (R23). Else empty.
    replaces_card_id: str


@dataclass(frozen=True, slots=True)
class Authorization:
    """Money set aside on a card for one order, and what has become of it."""

    authorization_id: str
    card_id: str
    market: str
    order_id: str
    state: AuthorizationState
    order_total: Money
    # What the card pays of the order.
    authorized_amount: Money
    captured_amount: Money
    # What has come back to new cards so far.
    refunded_amount: Money
    # What other tenders have to pay (R16).
    remaining_due: Money
    # Lost at capture (R14); before the capture: what would be lost.
    forfeited_amount: Money
    create_time: datetime
    # The first instant at which the hold can no longer be captured (R34).
    expire_time: datetime


@dataclass(frozen=True, slots=True)
class Replacement:
    """A new card for money that came back (R23, R27). Its holder must be told the code."""

    card: GiftCard
    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Issued:
    """A new card. The service keeps the code nowhere: show or send it."""

    card: GiftCard
    code: str = field(repr=False)
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Validation:
    """What Authorize would answer now.

    `reason` says why not, and is None where the card is usable. `card` is there
    only where the code is right. For a card that is not usable the order stays
    due in full.
    """

    usable: bool
    reason: Reason | None
    card: GiftCard | None
    # What the card would pay of the order.
    applicable_amount: Money
    # What other tenders would have to pay (R16).
    remaining_due: Money
    # What the capture would lose (R14): show it before the shopper agrees.
    forfeited_amount: Money


@dataclass(frozen=True, slots=True)
class Authorized:
    """Money was set aside."""

    authorization: Authorization
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Captured:
    """The card paid. `replacement` is there where less was taken than set aside (R27)."""

    authorization: Authorization
    replacement: Replacement | None
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Reversed:
    """What Reverse found, and did.

    `gift_card_amount` came back on `replacement`; `other_tender_amount` is the
    caller's to refund (R24). Both are zero unless REFUNDED. `authorization` is
    None where the outcome is PREVENTED (R36).
    """

    outcome: ReverseOutcome
    gift_card_amount: Money
    other_tender_amount: Money
    replacement: Replacement | None
    authorization: Authorization | None
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class PurchaseRefund:
    """What the payment provider shall pay back, and how (R29)."""

    amount: Money
    payment_method: PaymentMethod
    payment_reference: str


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The purchase of a card is cancelled (R25); `refund` is the caller's to carry out."""

    card: GiftCard
    refund: PurchaseRefund
    replayed: bool = False
