"""The commands of callers, named by intent, and the outcomes that answer them, as plain values.

Amounts are `Money`; instants are aware and UTC; ids are text.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from giftcard_rules.act_commands import ActCommand, ActOutcome, ShowCards
from giftcard_rules.authorization_calls import ExtendAuthorization, Extended, Query, QueryResult
from giftcard_rules.operator_commands import Reinstate, Reinstated
from giftcard_rules.questions import Validate, Validated
from giftcard_rules.reasons import Reason
from giftcard_rules.refund_commands import ConfirmRefund, RefundConfirmed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, timedelta

    from giftcard_rules.acts import ActedBy
    from giftcard_rules.cards import Authorization, Card


class Money(NamedTuple):
    """An amount in the minor unit of a currency (ISO 4217)."""

    amount_minor: int
    currency: str


class OrderLine(NamedTuple):
    """One line of an order; `amount_minor` in the order's currency."""

    category: str
    amount_minor: int


class Order(NamedTuple):
    """An order that a card shall help to pay; the lines add up to the total."""

    order_id: str
    total: Money
    lines: tuple[OrderLine, ...]
    discount_codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Contact:
    """A person's name and address (R30). No field prints."""

    name: str = field(repr=False)
    email: str = field(repr=False)
    locale: str = field(repr=False)


class PaymentMethod(enum.Enum):
    """The means of payment with which a card was bought (R3)."""

    BANK_CARD = "BANK_CARD"
    PAY_LATER = "PAY_LATER"
    GIFT_CARD = "GIFT_CARD"
    OTHER = "OTHER"


class ReverseReason(enum.Enum):
    """Why money is given back."""

    CHANGE_OF_MIND = "CHANGE_OF_MIND"
    NOT_DELIVERED = "NOT_DELIVERED"
    DEFECTIVE = "DEFECTIVE"
    ORDER_CANCELLED = "ORDER_CANCELLED"
    TECHNICAL = "TECHNICAL"


class ReverseOutcome(enum.Enum):
    """The ways in which a Reverse ends."""

    RELEASED = "RELEASED"
    REFUNDED = "REFUNDED"
    PREVENTED = "PREVENTED"


class RequestKey(NamedTuple):
    """The lasting name of a request: its caller, and the id that the caller gave it."""

    caller: str
    request_id: str


@dataclass(frozen=True, slots=True)
class NewCard:
    """The names of a card that a request may make; the code itself stays at the edge."""

    card_id: str
    last4: str
    key_id: str


@dataclass(frozen=True, slots=True)
class Purchase:
    """How a card was bought."""

    order_id: str
    payment_method: PaymentMethod
    payment_reference: str
    discount_codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """Make a card for a purchase. No design: the first one on offer (R4).

    `deliver_on` is the day on whose morning the card is mailed; None: at once.
    """

    key: RequestKey
    new_card: NewCard
    market: str
    amount: Money
    purchase: Purchase
    design: str
    message: str = field(repr=False)
    purchaser: Contact
    recipient: Contact | None
    deliver_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorize:
    """Set money aside on a card for an order."""

    key: RequestKey
    authorization_id: str
    card_ids: tuple[str, ...]
    market: str
    order: Order
    customer: Contact
    hold_for: timedelta | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """Take `amount`, None: all; the order's other tenders took the other amount, None: all due."""

    key: RequestKey
    new_card: NewCard
    authorization_id: str
    amount: Money | None
    other_tender_amount: Money | None = None  # None: all that remained due.


@dataclass(frozen=True, slots=True, kw_only=True)
class Reverse:
    """Undo an Authorize, named by its authorization or by the request that asked for it (R36).

    `exercised_on` is the day on which the customer declared it (R21); None: today.
    """

    key: RequestKey
    new_card: NewCard
    authorization_id: str | None
    authorize_request_id: str | None
    reason: ReverseReason
    refund_amount: Money | None
    delivered_on: date | None
    beneficiary: Contact | None
    before_delivery: bool = False
    exercised_on: date | None = None
    formerly: tuple[str, ...] = ()  # Former names of the caller, whose requests are its own.


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """Cancel the purchase of an unused card; `exercised_on` as in Reverse (R25), `by` a desk's."""

    key: RequestKey
    card_ids: tuple[str, ...]
    purchase_order_id: str
    exercised_on: date | None = None
    by: ActedBy | None = None
    act_id: str = ""


@dataclass(frozen=True, slots=True)
class CatchUp:
    """Book what time has done to a card, without a call about it."""

    card_id: str


@dataclass(frozen=True, slots=True)
class BlockCard:
    """Let a card pay for nothing until the block is lifted (R37)."""

    card_id: str


@dataclass(frozen=True, slots=True)
class UnblockCard:
    """Lift a block; `restore_validity`: give back the days that it took."""

    card_id: str
    restore_validity: bool


@dataclass(frozen=True, slots=True)
class WriteOffCard:
    """Write off a blocked card, whose purchase was charged back."""

    card_id: str


# The commands whose requests have a key: each request is decided once, and its answer is final.
Keyed = (
    Issue
    | Authorize
    | Capture
    | Reverse
    | Cancel
    | ExtendAuthorization
    | ConfirmRefund
    | ActCommand
)
# What Customer Service does to one card.
DeskAct = BlockCard | UnblockCard | WriteOffCard
Command = Keyed | Validate | CatchUp | DeskAct | Query | ShowCards
Decidable = Command | Reinstate  # Beside what a server decides, what its operator asks for.


@dataclass(frozen=True, slots=True)
class Issued:
    """A card was made."""

    card: Card


@dataclass(frozen=True, slots=True)
class Authorized:
    """Money is set aside."""

    authorization: Authorization


@dataclass(frozen=True, slots=True)
class Captured:
    """The card paid; `replacement` where less was captured than set aside (R27)."""

    authorization: Authorization
    replacement: Card | None


@dataclass(frozen=True, slots=True)
class Reversed:
    """An Authorize was undone; the amounts are what this refund gave to each side."""

    outcome: ReverseOutcome
    authorization: Authorization | None = None
    gift_card_minor: int = 0
    other_tender_minor: int = 0
    replacement: Card | None = None


@dataclass(frozen=True, slots=True)
class Cancelled:
    """A purchase was cancelled; the payment provider shall pay `amount_minor` back (R29)."""

    card: Card
    amount_minor: int
    payment_method: PaymentMethod
    payment_reference: str


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """A card is as time has made it: lapses and expiry are booked."""


@dataclass(frozen=True, slots=True)
class Acted:
    """An act of Customer Service was done; `card` is as it is afterwards."""

    card: Card


@dataclass(frozen=True, slots=True)
class Declined:
    """A rule declined the command."""

    reason: Reason
    details: Mapping[str, str] = field(default_factory=dict)


_Keyed = (
    Issued | Authorized | Captured | Reversed | Cancelled | Extended | RefundConfirmed | ActOutcome
)
Outcome = _Keyed | Validated | QueryResult | CaughtUp | Acted | Reinstated | Declined
