"""The interface that a payment orchestrator has for every payment method, a gift card included.

Hyperswitch calls it a connector, Spreedly a gateway, Saleor a payment app; the
verbs are the same: authorize, capture, void, refund. Nothing here knows gift
cards. An orchestrator that has an interface of its own translates names.

Every tender keeps these promises to its orchestrator:

- A decline is no exception. Every answer is a TenderResult with a status.
- The orchestrator makes a `request_id` (a UUID) and stores it before it calls.
  The same call under the same id is done once, and answered as before.
- PENDING means that the outcome is unknown: call again under the same id, or void.
- DECLINED means that nothing happened, unless the result `may_stand`: then this
  try was refused, but an earlier one whose answer was lost may have succeeded. In
  that case an authorize or a capture must be voided. A void or a refund is called
  again later, under the same id: a refund under a new id could pay twice.
- `void` undoes an authorize in any state, as Adyen's reversals do: set aside,
  charged, or lost on the way. It can always be called again.
- `amount` of a result is what this tender did, `remaining` what other tenders
  have left to do, so that tenders can be chained.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Protocol

from giftcard_client.values import Contact, Money, Order


class TenderStatus(StrEnum):
    """The outcome of a call, in the words that orchestrators share."""

    # Set aside: all that was asked for, or less.
    AUTHORIZED = "AUTHORIZED"
    PARTIALLY_AUTHORIZED = "PARTIALLY_AUTHORIZED"
    # Taken: all that was set aside, or less. The rest is no longer set aside.
    CHARGED = "CHARGED"
    PARTIALLY_CHARGED = "PARTIALLY_CHARGED"
    # Nothing is set aside, and nothing was taken.
    VOIDED = "VOIDED"
    # Money that had been taken came back.
    REFUNDED = "REFUNDED"
    # The tender refused. The shopper may use another one. Nothing happened and nothing
    # will, unless the result `may_stand`.
    DECLINED = "DECLINED"
    # The call was malformed or is not allowed, and did nothing. Whether an earlier try of
    # it did something is unknown. An engineer must look into it.
    FAILURE = "FAILURE"
    # It is unknown whether the call was carried out.
    PENDING = "PENDING"


class RefundReason(StrEnum):
    """The reason for a refund. Tenders may set limits for a change of mind."""

    CHANGE_OF_MIND = "CHANGE_OF_MIND"
    NOT_DELIVERED = "NOT_DELIVERED"
    DEFECTIVE = "DEFECTIVE"
    ORDER_CANCELLED = "ORDER_CANCELLED"


class ComesBackAs(StrEnum):
    """The form in which money comes back to the customer."""

    # To the instrument that paid, as if it had not paid.
    SAME_INSTRUMENT = "SAME_INSTRUMENT"
    # As a new card or voucher: `StoreCredit`.
    STORE_CREDIT = "STORE_CREDIT"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an orchestrator has to know of a tender before it plans a payment.

    It is the same for every payment of the tender.
    """

    # Whether an authorization can be captured again after a capture of a part of it. Where
    # it cannot, the first capture is final, however small.
    multiple_captures: bool
    # What becomes of the rest where the final capture takes less than was set aside.
    uncaptured_rest: ComesBackAs
    # What becomes of money that was taken and is refunded, or voided after its capture.
    refunds: ComesBackAs
    # Whether a hold can be made to last longer without the instrument.
    extendable_holds: bool


@dataclass(frozen=True, slots=True)
class Payment:
    """One tender's part of paying an order.

    `amount` is the share of `order` that this tender shall pay. `instrument` is
    what the shopper pays with: a card's token, a gift card's code. `session` is
    the shopper's, for tenders that throttle guesses. `hold_for` None stands for
    the tender's default.
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
    """Money that came back as a new card or voucher. The customer must be given the code.

    `code_withheld`: its issuer sends the code to the customer, and `code` is empty.
    """

    code: str = field(repr=False)
    amount: Money
    # The first instant at which it is no longer valid, in UTC.
    expire_time: datetime
    last4: str
    code_withheld: bool = False


@dataclass(frozen=True, slots=True)
class TenderResult:
    """A tender's answer.

    `code` and `message` say why a call did not succeed. The message is for the
    shopper where the status is DECLINED, and for the logs where it is FAILURE or
    PENDING. An amount that the answer lacks is None.
    """

    status: TenderStatus
    # The id under which the tender knows the call.
    request_id: str
    # The tender's own name of the payment, for capture, void and refund.
    reference: str = ""
    # The sum that this call set aside, took, released or gave back.
    amount: Money | None = None
    # The sum that other tenders have to pay of the order, or to refund of a return.
    remaining: Money | None = None
    store_credit: StoreCredit | None = None
    code: str = ""
    message: str = ""
    # When to try again, where the tender said so.
    retry_after: timedelta | None = None
    # For DECLINED: whether an earlier try of the call may have succeeded nevertheless.
    may_stand: bool = False

    @property
    def is_technical(self) -> bool:
        """Whether the call failed, so that `message` is for engineers and not for the shopper."""
        return self.status in {TenderStatus.FAILURE, TenderStatus.PENDING}


class Tender(Protocol):
    """A payment method; its caller need not know which one."""

    @property
    def name(self) -> str:
        """For logs and receipts, such as "gift_card"."""

    @property
    def capabilities(self) -> Capabilities:
        """What the tender can do, and how money comes back from it."""

    def authorize(self, payment: Payment) -> TenderResult:
        """Set money aside.

        AUTHORIZED or PARTIALLY_AUTHORIZED, with `reference`, `amount` and
        `remaining`; DECLINED, FAILURE, PENDING. If the order is then not paid,
        the caller must void each of these, except a DECLINED without `may_stand`.
        """

    def capture(
        self,
        reference: str,
        amount: Money | None = None,
        *,
        request_id: str,
        other_tender_amount: Money | None = None,
    ) -> TenderResult:
        """Take the money that was set aside, all of it or `amount`.

        `other_tender_amount` is what the order's other tenders really took, zero
        included, where that is less than `remaining` was.
        CHARGED or PARTIALLY_CHARGED, with `amount`; DECLINED, FAILURE, PENDING.
        """

    def void(self, *, reference: str = "", authorize_request_id: str = "") -> TenderResult:
        """Undo an authorize, named by its `reference` or by the id it was sent with.

        VOIDED where nothing had been taken, also if the payment was never
        authorized and now never will be; REFUNDED where money had been taken;
        DECLINED, FAILURE, PENDING. There is no `request_id`: every void of the
        same payment is the same call. Raises TypeError unless the payment is
        named in exactly one way.
        """

    def refund(
        self,
        reference: str,
        amount: Money | None = None,
        *,
        request_id: str,
        reason: RefundReason,
        delivered_on: date | None = None,
        before_delivery: bool = False,
        exercised_on: date | None = None,
    ) -> TenderResult:
        """Give back `amount` of what all tenders paid for the order, or all that is left.

        `exercised_on` is the day on which the customer declared it, today where it
        is absent: that day counts, however late the call comes. A change of mind
        needs `delivered_on`, or `before_delivery`.
        REFUNDED, with `amount` for this tender's part and `remaining` for what
        the other tenders shall give back; DECLINED, FAILURE, PENDING.
        """
