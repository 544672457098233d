"""What rules know of the e-mails that a card has, and of the contacts that they go to."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

    from giftcard_rules.decisions import PersonRole
    from giftcard_rules.deliveries import DeliveryKind
    from giftcard_rules.person_acts import Slot


class DeliveryMade(NamedTuple):
    """A delivery that a card has, and when it was made; number 0 is the first of its kind.

    With `has_own_address` it went to an address that Customer Service gave for it alone.
    """

    card_id: str
    kind: DeliveryKind
    resend_number: int
    created_at: datetime
    has_own_address: bool = False


class ContactRectified(NamedTuple):
    """An entry of a card which says that the contact of one of its people was replaced.

    `role` is None where it was several people of the card, and `acted_at` where an earlier command
    of the same batch did it.
    """

    card_id: str
    role: PersonRole | None
    authorization_id: str | None
    acted_at: datetime | None

    def may_be(self, slot: Slot) -> bool:
        """Return whether a person may be meant, by the entry of the person's card."""
        named = (self.role, self.authorization_id or "")
        return self.role is None or named == (slot.role, slot.authorization_id)
