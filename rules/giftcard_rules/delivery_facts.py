"""What rules know of the e-mails that a card has."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

    from giftcard_rules.deliveries import DeliveryKind


class DeliveryMade(NamedTuple):
    """A delivery that a card has, and when it was made; number 0 is the first of its kind."""

    card_id: str
    kind: DeliveryKind
    resend_number: int
    created_at: datetime
