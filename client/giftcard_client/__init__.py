"""The gift card service for programs: `GiftCards` makes its calls, with plain values in and out.

Payment orchestrators may prefer `giftcard_client.tender`: the same card behind
the interface that all their payment methods have.
"""

from giftcard_client.desk_words import Ground, PersonRole
from giftcard_client.errors import (
    CannotResume,
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
from giftcard_client.event_results import Event, EventPage
from giftcard_client.events import Events
from giftcard_client.gift_cards import GiftCards
from giftcard_client.market_terms import MarketTerms
from giftcard_client.privacy import ActingAs, Privacy, Who
from giftcard_client.privacy_results import (
    PeopleChanged,
    PersonErased,
    PersonExport,
)
from giftcard_client.refund_results import RefundConfirmed, RefundDue
from giftcard_client.refunds import Refunds
from giftcard_client.results import (
    Authorization,
    Authorized,
    Cancelled,
    Captured,
    GiftCard,
    Issued,
    PurchaseRefund,
    Replacement,
    Reversed,
    Validation,
)
from giftcard_client.sandbox import ClockMoved, ClockReading, Sandbox, SandboxCard
from giftcard_client.shown_authorizations import (
    Extended,
    ReversePreview,
    ShownAuthorization,
    ShownAuthorizations,
)
from giftcard_client.support_results import ErasureReceipt
from giftcard_client.values import Contact, Money, Order, OrderLine, Purchase
from giftcard_client.vocabulary import (
    AuthorizationState,
    CardOrigin,
    CardState,
    EventType,
    PaymentMethod,
    Reason,
    ReverseOutcome,
    ReverseReason,
    SandboxCardState,
)

__all__ = [
    "ActingAs",
    "Authorization",
    "AuthorizationState",
    "Authorized",
    "Cancelled",
    "CannotResume",
    "Captured",
    "CardOrigin",
    "CardState",
    "ClockMoved",
    "ClockReading",
    "Contact",
    "Declined",
    "ErasureReceipt",
    "Event",
    "EventPage",
    "EventType",
    "Events",
    "Extended",
    "GenerationChanged",
    "GiftCard",
    "GiftCardError",
    "GiftCards",
    "Ground",
    "InvalidRequest",
    "Issued",
    "MarketTerms",
    "Misconfigured",
    "Money",
    "Order",
    "OrderLine",
    "OutcomeUnknown",
    "PaymentMethod",
    "PeopleChanged",
    "PersonErased",
    "PersonExport",
    "PersonRole",
    "PositionAhead",
    "PositionGone",
    "Privacy",
    "Purchase",
    "PurchaseRefund",
    "Reason",
    "RefundConfirmed",
    "RefundDue",
    "Refunds",
    "Replacement",
    "ReverseOutcome",
    "ReversePreview",
    "ReverseReason",
    "Reversed",
    "Sandbox",
    "SandboxCard",
    "SandboxCardState",
    "ShownAuthorization",
    "ShownAuthorizations",
    "TimedOut",
    "Unavailable",
    "Validation",
    "Violation",
    "Who",
]
