"""What an operator asks for beside the callers, and the answer to it, as plain values."""

from __future__ import annotations

import enum
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Reinstate:
    """Undo what a wrong clock has booked to a card.

    `lapsed_id` and `order_id` name the hold whose lapse was the last move of the card, but for an
    expiry; both are None where there is no such hold.
    """

    card_id: str
    lapsed_id: str | None = None
    order_id: str | None = None


class WhyLeft(enum.Enum):
    """Why a lapse stays booked although its hold would still be open."""

    CARD_HAS_MOVED = "the card has moved since"
    ORDER_HAS_ANOTHER = "its order has another live authorization"


@dataclass(frozen=True, slots=True)
class Reinstated:
    """The postings say what is undone: an expiry, a lapse, both or neither.

    `why_left` says why a lapse is not undone.
    """

    why_left: WhyLeft | None = None
