"""The decision of a rule: the facts as they become, the money that moves, and the outcome."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import date

    from giftcard_rules.acts import Act
    from giftcard_rules.cards import Authorization, Card
    from giftcard_rules.ceilings import IssuedValue
    from giftcard_rules.commands import Contact, Outcome, PaymentMethod, RequestKey
    from giftcard_rules.deliveries import NewDelivery
    from giftcard_rules.ledger import Posting
    from giftcard_rules.person_acts import PersonChange
    from giftcard_rules.proposals import Proposal
    from giftcard_rules.refund_commands import RefundConfirmation, RefundDue


class PersonRole(enum.Enum):
    """The part that a person plays for a card; e-mails are addressed by role."""

    PURCHASER = "PURCHASER"  # R9
    RECIPIENT = "RECIPIENT"  # R8; also the person who gets a new card (R23)
    CUSTOMER = "CUSTOMER"  # of an authorization; gets the new card by default (R23)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A person to store beside a card (R30); `message` is the buyer's (R5)."""

    card_id: str
    role: PersonRole
    contact: Contact
    authorization_id: str | None = None
    message: str = field(default="", repr=False)


class PurchaseReference(NamedTuple):
    """The card that a payment reference bought; one for each market and reference (R10)."""

    market: str
    payment_reference: str
    card_id: str


class TermsVersion(NamedTuple):
    """A version of a market's terms that cards were sold under (R38), with its digest.

    `in_force_from` is an ISO day, empty for the version that has always held.
    """

    market: str
    in_force_from: str
    digest: str


@dataclass(frozen=True, slots=True)
class CardPurchase:
    """How a purchased card was bought; one card for each market and order (R10).

    `deliver_on` is the day on whose morning it is mailed; None: at once.
    """

    card_id: str
    market: str
    order_id: str
    payment_method: PaymentMethod
    payment_reference: str
    design: str
    deliver_on: date | None = None

    @property
    def reference(self) -> PurchaseReference:
        """Its payment reference, which buys no other card."""
        return PurchaseReference(self.market, self.payment_reference, self.card_id)


class Decision(NamedTuple):
    """Everything that one command changes. Cards and authorizations are whole, as they become.

    `prevents` names the Authorize that shall never be decided, under each name of its caller (R36),
    `block_of` the card whose
    block or validity changes; all other cards keep theirs. `first_sold` is a version of terms
    that no card was sold under before. `refund_due` is what the payment provider owes for a card
    as it becomes, and `confirmation` what it has paid of that. `issued_value` counts for the
    ceiling of its caller. `acts` are entries of timelines, `proposal` is one that is made or
    closed, and `deliveries` are e-mails that go out again.
    `person_changes` are what becomes of the data of people; they change no card.

    It is a tuple, as a frozen dataclass sets each field by a call. Name the fields all the same.
    """

    outcome: Outcome
    cards: tuple[Card, ...] = ()
    authorizations: tuple[Authorization, ...] = ()
    postings: tuple[Posting, ...] = ()
    purchase: CardPurchase | None = None
    people: tuple[Person, ...] = ()
    prevents: tuple[RequestKey, ...] = ()
    block_of: str | None = None
    first_sold: TermsVersion | None = None
    refund_due: RefundDue | None = None
    confirmation: RefundConfirmation | None = None
    issued_value: IssuedValue | None = None
    acts: tuple[Act, ...] = ()
    person_changes: tuple[PersonChange, ...] = ()
    proposal: Proposal | None = None
    deliveries: tuple[NewDelivery, ...] = ()
