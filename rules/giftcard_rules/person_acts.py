"""What is done to the data of people, who asks for it, and the answers, as plain values (R32)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

    from giftcard_rules.acts import ActedBy
    from giftcard_rules.commands import Contact, RequestKey
    from giftcard_rules.decisions import PersonRole
    from giftcard_rules.proposals import Proposal


class Slot(NamedTuple):
    """The place of a person: a card, a role, and of a customer the authorization, else empty.

    Nobody else ever takes it, so that it names an erased person for good.
    """

    card_id: str
    role: PersonRole
    authorization_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whom it is about: everybody with an address, or people of one card.

    `email` is in its comparable form. `role` and `authorization_id` narrow down the people of the
    card `card_id`; None: everybody of the card.
    """

    email: str | None = field(default=None, repr=False)
    card_id: str | None = None
    role: PersonRole | None = None
    authorization_id: str | None = None

    def names(self, slot: Slot) -> bool:
        """Return whether a person of the card is meant; those with an address are looked up."""
        return (
            slot.card_id == self.card_id
            and self.role in {None, slot.role}
            and self.authorization_id in {None, slot.authorization_id}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPerson:
    """A person as far as rules know them: where they stand, and what became of their data.

    `has_moved` is set where an earlier command of the same batch gave the person another address.
    """

    slot: Slot
    is_erased: bool = False
    is_restricted: bool = False
    has_moved: bool = False


@dataclass(frozen=True, slots=True)
class ErasePerson:
    """Erase people for good. Their cards stay as they are."""

    subject: Subject


@dataclass(frozen=True, slots=True)
class RectifyPerson:
    """Replace name, address and locale of people; a message stays."""

    subject: Subject
    contact: Contact


@dataclass(frozen=True, slots=True)
class RestrictPerson:
    """Keep people's data and use it no more."""

    subject: Subject


@dataclass(frozen=True, slots=True)
class LiftRestriction:
    """Use people's data again."""

    subject: Subject


PersonAct = ErasePerson | RectifyPerson | RestrictPerson | LiftRestriction


@dataclass(frozen=True, slots=True, kw_only=True)
class ActOnPeople:
    """Do something to the data of people, or propose it where another actor has to agree.

    The fields are those of `ActOnCard`.
    """

    key: RequestKey
    act: PersonAct
    by: ActedBy
    act_id: str
    is_proposed: bool = False
    request: bytes = field(default=b"", repr=False)

    @property
    def method(self) -> str:
        """The name of the RPC, under which its request is recorded."""
        return type(self.act).__name__


@dataclass(frozen=True, slots=True)
class Erased:
    """A person's data goes for good, in the erasure that `receipt_id` names."""

    slot: Slot
    receipt_id: str
    actor: str


@dataclass(frozen=True, slots=True)
class Rectified:
    """A person gets another contact."""

    slot: Slot
    contact: Contact


@dataclass(frozen=True, slots=True)
class Restricted:
    """A person's data is kept and not used, or used again."""

    slot: Slot
    is_restricted: bool


PersonChange = Erased | Rectified | Restricted


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The proof of an erasure; `digest` is that of what was erased and when, in hex."""

    receipt_id: str
    erased_at: datetime
    card_ids: tuple[str, ...]
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ActedOnPeople:
    """What the RPC `method` did; `card_ids` are the cards whose people were changed.

    The receipt is of an erasure; the proposal is all there is where another actor has to approve.
    """

    method: str
    card_ids: tuple[str, ...] = ()
    receipt: Receipt | None = None
    proposal: Proposal | None = None
