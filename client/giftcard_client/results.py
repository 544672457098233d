"""The results of calls. Codes are in the values and never in their `repr`.

Times are aware datetimes in UTC; money is in minor units. `replayed` says that
the service had decided this same request before, and gave that answer again.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

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
    # The money on the card that is not set aside.
    balance: Money
    issue_time: datetime
    expire_time: datetime
    last4: str
    # For a card that came out of a refund: the card that had paid (R23). Else empty.
    replaces_card_id: str


@dataclass(frozen=True, slots=True)
class Authorization:
    """Money set aside on a card for one order, and its later history."""

    authorization_id: str
    card_id: str
    market: str
    order_id: str
    state: AuthorizationState
    order_total: Money
    # The card's share of the order.
    authorized_amount: Money
    captured_amount: Money
    # The sum that has come back on new cards so far.
    refunded_amount: Money
    # The share that other tenders have to pay (R16).
    remaining_due: Money
    # Lost at capture (R14); before the capture, the amount that would be lost. Zero
    # once the authorization is released or has lapsed.
    forfeited_amount: Money
    create_time: datetime
    # The first instant at which the hold can no longer be captured (R34).
    expire_time: datetime
    # The sum that the order's other tenders took; None before the capture, and from
    # a server that does not know it.
    other_tender_amount: Money | None = None
    # The part of `forfeited_amount` that came back on a new card (R39); likewise.
    restored_amount: Money | None = None


@dataclass(frozen=True, slots=True)
class Replacement:
    """A new card for money that came back (R23, R27). Its holder must be given the code.

    `code_withheld`: the service gives no codes to this caller and mails the card
    itself; then `code` is empty.
    """

    card: GiftCard
    code: str = field(repr=False)
    code_withheld: bool = False


@dataclass(frozen=True, slots=True)
class Issued:
    """A new card. The service does not store the code: show or send it.

    `code_withheld` as in `Replacement`.
    """

    card: GiftCard
    code: str = field(repr=False)
    replayed: bool = False
    code_withheld: bool = False


@dataclass(frozen=True, slots=True)
class Validation:
    """The answer that Authorize would give now.

    `reason` says why the card is not usable, and is None where it is. `card` is
    present only where the code is right. For a card that is not usable the whole
    order remains due. Without an order `usable` says whether some order could use the
    card now, and the amounts are zero.
    """

    usable: bool
    reason: Reason | None
    card: GiftCard | None
    # The share of the order that the card would pay.
    applicable_amount: Money
    # The share that other tenders would have to pay (R16).
    remaining_due: Money
    # The amount that the capture would lose (R14): show it before the shopper agrees.
    forfeited_amount: Money
    # With TOO_MANY_ATTEMPTS: how long to wait.
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Authorized:
    """Money was set aside."""

    authorization: Authorization
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Captured:
    """The card paid. `replacement` is present where less was taken than set aside (R27)."""

    authorization: Authorization
    replacement: Replacement | None
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Reversed:
    """The outcome of a Reverse.

    `gift_card_amount` came back on `replacement`, which also holds what was restored
    (R39); the caller has to refund `other_tender_amount` (R24). Both are zero unless
    REFUNDED. `authorization` is None where the outcome is PREVENTED (R36).
    """

    outcome: ReverseOutcome
    gift_card_amount: Money
    other_tender_amount: Money
    replacement: Replacement | None
    authorization: Authorization | None
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class PurchaseRefund:
    """The amount that the payment provider shall pay back, and how (R29)."""

    amount: Money
    payment_method: PaymentMethod
    payment_reference: str


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The purchase of a card is cancelled (R25); the caller carries out the `refund`."""

    card: GiftCard
    refund: PurchaseRefund
    replayed: bool = False
