"""Refunds that the payment provider pays: what it owes, what is confirmed, as plain values.

Amounts are minor units of `currency`; instants are aware and UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

    from giftcard_rules.commands import Money, PaymentMethod, RequestKey


@dataclass(frozen=True, slots=True)
class RefundDue:
    """What the payment provider owes for a card: in all, and how much of it is confirmed.

    A card has one at most: its purchase was cancelled (R29), or it paid for one order, whose
    `authorization_id` is then set, and a refund went in part to the order's other tenders (R24).
    `due_at` is the instant since which something has been due without a break. The last two are
    of the last confirmation.
    """

    card_id: str
    authorization_id: str | None
    market: str
    currency: str
    order_id: str
    due_minor: int
    confirmed_minor: int
    due_at: datetime
    confirmed_at: datetime | None = None
    provider_reference: str | None = None

    @property
    def unconfirmed_minor(self) -> int:
        """What is due and not confirmed yet."""
        return self.due_minor - self.confirmed_minor


class RefundConfirmation(NamedTuple):
    """The payment provider has paid a refund, or a part; `version` is the card's after it."""

    card_id: str
    version: int
    amount_minor: int
    provider_reference: str
    confirmed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmRefund:
    """Note that the payment provider has paid; one of `card_id` and `authorization_id` is set."""

    key: RequestKey
    card_id: str | None
    authorization_id: str | None
    amount: Money
    provider_reference: str


@dataclass(frozen=True, slots=True)
class RefundConfirmed:
    """A refund, or a part of it, was paid; the method and reference are of a cancelled purchase."""

    refund_due: RefundDue
    payment_method: PaymentMethod | None = None
    payment_reference: str = ""
