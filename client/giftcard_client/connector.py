"""The interface that a payment orchestrator has for every payment method, a gift card included.

Hyperswitch calls it a connector, Spreedly a gateway, Saleor a payment app; the
verbs are the same: authorize, capture, void, refund. Nothing here knows gift
cards. An orchestrator that has an interface of its own translates names.

What all tenders owe their orchestrator:

- No exception says no. Every answer is a TenderResult with a status.
- The orchestrator makes a `request_id` (a UUID) and writes it down before it
  calls. The same call under the same id is done once, and answered as before.
- PENDING means that nobody knows: call again under the same id, or void.
- DECLINED means that nothing happened, unless the result `may_stand`: then this
  try was refused, and an earlier one whose answer was lost may have been done. After
  authorize and capture, void. Void and refund are called again later, under the
  same id: a refund under a new one might be a second refund.
- `void` undoes an authorize whatever became of it, as Adyen's reversals do:
  set aside, charged, or lost on the way. It can always be called again.
- `amount` of a result is what this tender did, `remaining` what other tenders
  have left to do, so that tenders can be chained.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Protocol

from giftcard_client.values import Contact, Money, Order


class TenderStatus(StrEnum):
    """What became of a call, in the words that orchestrators share."""

    # Set aside: all that was asked for, or less.
    AUTHORIZED = "AUTHORIZED"
    PARTIALLY_AUTHORIZED = "PARTIALLY_AUTHORIZED"
    # Taken: all that was set aside, or less. What was not taken is no longer set aside.
    CHARGED = "CHARGED"
    PARTIALLY_CHARGED = "PARTIALLY_CHARGED"
    # Nothing is set aside, and nothing was taken.
    VOIDED = "VOIDED"
    # Money that had been taken came back.
    REFUNDED = "REFUNDED"
    # The tender said no. The shopper may use another. Nothing happened, for good,
    # unless the result `may_stand`.
    DECLINED = "DECLINED"
    # The call was wrong or is not allowed, and did nothing; what earlier tries of it
    # did is not known. An engineer must look.
    FAILURE = "FAILURE"
    # Nobody knows whether it happened.
    PENDING = "PENDING"


class RefundReason(StrEnum):
    """Why the customer gets money back. Tenders may set limits for a change of mind."""

    CHANGE_OF_MIND = "CHANGE_OF_MIND"
    NOT_DELIVERED = "NOT_DELIVERED"
    DEFECTIVE = "DEFECTIVE"
    ORDER_CANCELLED = "ORDER_CANCELLED"


@dataclass(frozen=True, slots=True)
class Payment:
    """One tender's part of paying an order.

    `amount` is what this tender shall pay of `order`. `instrument` is what the
    shopper pays with: a card's token, a gift card's code. `session` is the
    shopper's, for tenders that throttle guesses. `hold_for` None is as long as
    the tender holds money by default.
    """

    request_id: str
    instrument: str = field(repr=False)
    amount: Money
    order: Order
    market: str
    customer: Contact
    session: str = ""
    hold_for: timedelta | None = None


@dataclass(frozen=True, slots=True)
class StoreCredit:
    """Money that came back as something to pay with. The customer must be given the code."""

    code: str = field(repr=False)
    amount: Money
    # The first instant at which it is no longer valid, in UTC.
    expire_time: datetime
    last4: str


@dataclass(frozen=True, slots=True)
class TenderResult:
    """What a tender answered.

    `code` and `message` say why not. The message is for the shopper where the
    status is DECLINED, and for the logs where it is FAILURE or PENDING. Amounts
    are None where there are none.
    """

    status: TenderStatus
    # Under which id the tender knows the call.
    request_id: str
    # The tender's own name of the payment, for capture, void and refund.
    reference: str = ""
    # What this call set aside, took, gave up or gave back.
    amount: Money | None = None
    # What other tenders have to pay of the order, or to refund of a return.
    remaining: Money | None = None
    store_credit: StoreCredit | None = None
    code: str = ""
    message: str = ""
    # When to come back, where the tender said so.
    retry_after: timedelta | None = None
    # For DECLINED: whether an earlier try of the call may have been done all the same.
    may_stand: bool = False


class Tender(Protocol):
    """A payment method. Which one it is makes no difference to who calls it."""

    @property
    def name(self) -> str:
        """For logs and receipts, such as "gift_card"."""

    def authorize(self, payment: Payment) -> TenderResult:
        """Set money aside.

        AUTHORIZED or PARTIALLY_AUTHORIZED, with `reference`, `amount` and
        `remaining`; DECLINED, FAILURE, PENDING. All but a DECLINED that may not
        stand must be voided, should the order not be paid.
        """

    def capture(
        self, reference: str, amount: Money | None = None, *, request_id: str
    ) -> TenderResult:
        """Take the money that was set aside, all of it or `amount`.

        CHARGED or PARTIALLY_CHARGED, with `amount`; DECLINED, FAILURE, PENDING.
        """

    def void(self, *, reference: str = "", authorize_request_id: str = "") -> TenderResult:
        """Undo an authorize, named by its `reference` or by the id it was sent with.

        VOIDED where nothing had been taken, also if it was never authorized and
        now never will be; REFUNDED where it had; DECLINED, FAILURE, PENDING. It
        takes no `request_id`: every void of the same payment is the same call.
        Raises TypeError unless the payment is named in exactly one way.
        """

    def refund(
        self,
        reference: str,
        amount: Money | None = None,
        *,
        request_id: str,
        reason: RefundReason,
        delivered_on: date | None = None,
    ) -> TenderResult:
        """Give back `amount` of what all tenders paid for the order, or all that is left.

        REFUNDED, with `amount` for this tender's part and `remaining` for what
        the other tenders shall give back; DECLINED, FAILURE, PENDING.
        """
