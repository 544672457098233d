"""Everything that an e-mail says, before it has a language and a form.

Whoever sends a delivery fills in a `Letter`; `giftcard_server.mail.rendering` writes it.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import date

from giftcard_rules.commands import PaymentMethod
from giftcard_rules.deliveries import WITH_CODE, DeliveryKind


class ReplacementCause(enum.Enum):
    """Why a card came into being that nobody bought."""

    REFUND = "refund"  # R23: what a card had paid for a returned or cancelled order
    REMAINDER = "remainder"  # R27: less was captured than was set aside
    RESTORED = "restored"  # R39: what the order had not needed, given back


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """How a market presents itself to the people whom it writes to. Nothing here is secret.

    `privacy_contact` is where rights are exercised (§5): an e-mail address, a postal address,
    or both, as one line. `website` begins with https:// and is the only link in a message;
    without one the message has no button.
    """

    name: str
    privacy_contact: str
    support_contact: str = ""  # How to reach Customer Service (R28); empty: "our Customer Service".
    website: str = ""
    language: str = "fr"  # Of people whose own language has no templates.

    def __post_init__(self) -> None:
        """Raise ValueError where the website is no link to follow safely."""
        if self.website and not self.website.startswith("https://"):
            message = "the website of a shop begins with https://"
            raise ValueError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One e-mail's facts. Amounts are minor units of `currency`, days are days in the market.

    A field that a kind does not need is ignored; one that it needs and lacks makes `render`
    raise `LetterIncompleteError` with the name of the field. Names and the message come from
    people: they may hold anything, are shown as text, and never print.
    """

    kind: DeliveryKind
    shop: Shop
    market: str
    locale: str = field(repr=False)  # The addressee's, BCP 47 or POSIX; may be empty or unknown.
    design: str
    amount_minor: int  # The card's initial amount.
    currency: str
    last4: str
    expires_on: date  # The last day on which the card is valid (R12), not the first when it is not.
    code: str | None = field(default=None, repr=False)  # As shown; CARD and REPLACEMENT alone.

    # The purchase. Of a replacement: of the card that it goes back to, where known.
    purchased_on: date | None = None
    purchase_order_id: str | None = field(default=None, repr=False)
    cancel_until: date | None = None  # R25: the last day. CONFIRMATION.
    deliver_on: date | None = None  # The morning on which the card goes out; None: at once.

    # People. Each name may be empty where it is not known or was erased.
    addressee_name: str = field(default="", repr=False)
    purchaser_name: str = field(default="", repr=False)
    # CONFIRMATION, CANCELLATION: who gets the card, where the buyer named somebody else.
    recipient_name: str = field(default="", repr=False)
    for_somebody_else: bool = (
        False  # The buyer named a recipient: this decides on wording (R9, R28).
    )
    message: str = field(default="", repr=False)  # The buyer's (R5): up to 500 characters. CARD.

    # GDPR art. 14: the addressee did not give us the address, somebody else did.
    named_by_other: bool = False
    named_by_name: str = field(default="", repr=False)  # Who did; empty: "a customer".

    # Of a REPLACEMENT alone.
    cause: ReplacementCause | None = None
    order_id: str | None = field(default=None, repr=False)  # The order that the old card paid.
    replaced_last4: str | None = None

    # Of a CANCELLATION alone: what is paid back, and how (R29).
    refund_amount_minor: int | None = None
    payment_method: PaymentMethod | None = None
    cancelled_on: date | None = None

    # Of a REMINDER alone.
    days_left: int | None = None  # From the day of sending; 0: it is the last day.

    def __post_init__(self) -> None:
        """Raise ValueError where a code is given to a kind that must not carry it (R9)."""
        if self.code is not None and self.kind not in WITH_CODE:
            message = f"a message of the kind {self.kind.value} never carries a code"
            raise ValueError(message)
