"""What Customer Service asks for, with who asks and why, and the answers, as plain values (R37)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from giftcard_rules.person_acts import ActedOnPeople, ActOnPeople

if TYPE_CHECKING:
    from datetime import date

    from giftcard_rules.acts import ActedBy
    from giftcard_rules.cards import Card
    from giftcard_rules.commands import DeskAct, RequestKey
    from giftcard_rules.deliveries import NewDelivery
    from giftcard_rules.person_acts import Receipt, Slot
    from giftcard_rules.proposals import Proposal
    from giftcard_rules.reasons import Reason


@dataclass(frozen=True, slots=True)
class OtherAct:
    """An act that rules know nothing of but its name, an RPC's; carried out elsewhere."""

    name: str
    card_id: str


@dataclass(frozen=True, slots=True)
class ResendCard:
    """Send the message with the code again, to the known address or to a corrected one.

    `unreachable` is why nobody can be written to, None where somebody can; then `addressee` is who
    gets it.
    """

    card_id: str
    corrected_email: str = field(default="", repr=False)
    unreachable: Reason | None = None
    addressee: Slot | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActOnCard:
    """Do something to a card, or propose it where another actor has to agree.

    `act_id` is derived from the request. With `is_proposed`, a proposal with that id is made, and
    `request` is what it keeps, sealed: the message in which it was asked for. A ResendCard is done
    at once all the same where it goes to an address that needs no other actor.
    """

    key: RequestKey
    act: DeskAct | ResendCard | OtherAct
    by: ActedBy
    act_id: str
    is_proposed: bool = False
    request: bytes = field(default=b"", repr=False)

    @property
    def method(self) -> str:
        """The name of the RPC, under which its request is recorded."""
        return self.act.name if isinstance(self.act, OtherAct) else type(self.act).__name__


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelPurchase:
    """Cancel the purchase of an unused card for its buyer, who has no code (R28).

    `card_id` is None where no purchase has this number, or another purchaser's address.
    """

    key: RequestKey
    card_id: str | None
    market: str
    purchase_order_id: str
    purchaser_email: str = field(repr=False)
    exercised_on: date | None
    by: ActedBy
    act_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApproveProposal:
    """Carry out what another actor has proposed.

    `act` is what was asked for; None: the request can no longer be opened, as a person of the
    card was erased.
    """

    key: RequestKey
    proposal_id: str
    act: ActOnCard | ActOnPeople | None
    by: ActedBy
    act_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectProposal:
    """Close a proposal without carrying it out; its own actor may do so, too."""

    key: RequestKey
    proposal_id: str
    by: ActedBy
    act_id: str


@dataclass(frozen=True, slots=True)
class ShowCards:
    """Show cards, and authorizations, as they are now."""

    card_ids: tuple[str, ...]
    authorization_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ActedOn:
    """An act of the RPC `method` was done; `replacements` are the card's, which it left alone."""

    method: str
    card: Card
    replacements: tuple[Card, ...] = ()


@dataclass(frozen=True, slots=True)
class Resent:
    """A message with the code goes out again.

    With `is_elsewhere` it goes to an address that Customer Service gave, and that no other actor
    has approved for a message of this card before.
    """

    card: Card
    delivery: NewDelivery
    is_elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class Proposed:
    """Another actor has to approve what was asked for."""

    proposal: Proposal


@dataclass(frozen=True, slots=True)
class ProposalClosed:
    """A proposal was approved or rejected; the card is as it is afterwards.

    The receipt is of an erasure that was carried out.
    """

    proposal: Proposal
    card: Card
    receipt: Receipt | None = None


ActCommand = ActOnCard | CancelPurchase | ApproveProposal | RejectProposal | ActOnPeople
ActOutcome = ActedOn | Resent | Proposed | ProposalClosed | ActedOnPeople
