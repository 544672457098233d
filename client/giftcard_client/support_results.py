"""What Customer Service is shown, and what became of its acts, as plain values."""

from dataclasses import dataclass, field
from datetime import datetime

from giftcard_client.results import Authorization, GiftCard, PurchaseRefund
from giftcard_client.values import Contact, Money, Purchase
from giftcard_client.vocabulary import (
    Ground,
    PersonRole,
    PersonState,
    ProposalState,
    Reason,
    TimelineKind,
)


@dataclass(frozen=True, slots=True)
class ActedBy:
    """Who acts, on which ground, and why in words, without any code. It is kept."""

    actor: str
    ground: Ground
    # It may speak of a person, and does not print.
    note: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Delivery:
    """An e-mail about a card, without its address."""

    delivery_id: str
    kind: str
    state: str
    create_time: datetime
    # None before it was sent.
    send_time: datetime | None
    # Why it was not sent, or why its last try failed.
    reason: str


@dataclass(frozen=True, slots=True)
class CardPerson:
    """A person of a card; `contact` is None unless people were opened, and are there."""

    role: PersonRole
    # Of a customer: the authorization. Else empty.
    authorization_id: str
    state: PersonState
    contact: Contact | None


@dataclass(frozen=True, slots=True)
class ShownCard:
    """A card and what belongs to it."""

    card: GiftCard
    # How it was bought; None for a card that came out of a refund.
    purchase: Purchase | None
    # From the bought card to the last replacements, this one among them.
    chain: tuple[GiftCard, ...]
    authorizations: tuple[Authorization, ...]
    deliveries: tuple[Delivery, ...]
    people: tuple[CardPerson, ...]
    # None where it is not blocked.
    block_time: datetime | None


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """Something that happened to a card; what does not apply is None or empty."""

    occur_time: datetime
    kind: TimelineKind
    amount: Money | None
    authorization_id: str
    order_id: str
    actor: str
    ground: Ground | None
    note: str = field(repr=False)
    related_card_id: str
    proposal_id: str
    delivery_id: str
    person_role: PersonRole | None


@dataclass(frozen=True, slots=True)
class Proposal:
    """An act that another actor has to approve, or what became of it."""

    proposal_id: str
    # The name of the act's RPC, such as "UnblockCard".
    act: str
    card_id: str
    proposed_by: str
    ground: Ground
    create_time: datetime
    # The first instant at which it can no longer be approved.
    lapse_time: datetime
    state: ProposalState
    # Why the rules declined it once it was approved. Else None.
    reason: Reason | None


@dataclass(frozen=True, slots=True)
class CardActedOn:
    """An act was done, or proposed: then there is a `proposal_id` and nothing else."""

    card: GiftCard | None
    # What came back from the card; the act left it alone.
    replacements: tuple[GiftCard, ...]
    proposal_id: str
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class CardResent:
    """An e-mail goes out again, or that is proposed: then `delivery` is None."""

    delivery: Delivery | None
    proposal_id: str
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class PurchaseCancelled:
    """A purchase is cancelled; `refund` is what the payment provider shall pay back (R29)."""

    card: GiftCard
    refund: PurchaseRefund
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class ErasureReceipt:
    """The proof of an erasure; it names no person. `digest` is SHA-256, in hex."""

    receipt_id: str
    erase_time: datetime
    card_ids: tuple[str, ...]
    digest: str


@dataclass(frozen=True, slots=True)
class ProposalClosed:
    """A proposal was approved or rejected; the card is as it is afterwards.

    `receipt` is of an erasure that was carried out.
    """

    proposal: Proposal
    card: GiftCard
    replayed: bool = False
    receipt: ErasureReceipt | None = None
