"""What callers ask without changing anything, and the answers, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from giftcard_rules.cards import Card
    from giftcard_rules.commands import Order
    from giftcard_rules.reasons import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Validate:
    """Say what Authorize would answer for an order; `order` None: whether it could say yes at all.

    `card_ids`: the code's card under each key of the ring. `currency` is that of the order's total;
    without an order it is the market's, or empty where the market is not one of this service.
    """

    card_ids: tuple[str, ...]
    market: str
    order: Order | None
    currency: str

    @property
    def due_minor(self) -> int:
        """The total of the order, in minor units of `currency`."""
        return 0 if self.order is None else self.order.total.amount_minor


@dataclass(frozen=True, slots=True, kw_only=True)
class Validated:
    """The answer to Validate; amounts are in `currency`."""

    reason: Reason | None
    card: Card | None
    currency: str
    applicable_minor: int
    remaining_due_minor: int
    forfeited_minor: int
