"""A bank card without a bank: a `Tender` in memory, with the failures that real ones have.

    BankCard(failures={"capture": [Failure.LOSE_ANSWER]})

answers the first capture with PENDING although the money was taken. Tests can
read the sums that are set aside and taken, which no real bank allows.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from uuid import uuid4

from giftcard_client import Money
from giftcard_client.connector import (
    Capabilities,
    ComesBackAs,
    Payment,
    RefundReason,
    TenderResult,
    TenderStatus,
)


class Failure(StrEnum):
    """A way in which a call can fail."""

    # The bank declines.
    DECLINE = "decline"
    # The request does not reach the bank.
    LOSE_REQUEST = "lose-request"
    # The bank carries out the request, and its answer is lost.
    LOSE_ANSWER = "lose-answer"


@dataclass(frozen=True, slots=True)
class _Account:
    """The bank's record of one payment, in minor units."""

    authorize_request_id: str
    currency_code: str
    held_minor: int = 0
    charged_minor: int = 0
    refunded_minor: int = 0


class BankCard:
    """A `Tender` with unlimited credit."""

    name = "bank_card"
    capabilities = Capabilities(
        multiple_captures=False,
        uncaptured_rest=ComesBackAs.SAME_INSTRUMENT,
        refunds=ComesBackAs.SAME_INSTRUMENT,
        extendable_holds=False,
    )

    def __init__(self, failures: Mapping[str, Sequence[Failure]] | None = None) -> None:
        """`failures` are those of each method, in the order in which they will happen."""
        self._failures = {method: list(each) for method, each in (failures or {}).items()}
        self._accounts: dict[str, _Account] = {}
        # The first answer to each request is its answer for ever.
        self._answers: dict[str, TenderResult] = {}

    @property
    def held_minor(self) -> int:
        """The sum that is set aside, over all payments."""
        return sum(account.held_minor for account in self._accounts.values())

    @property
    def charged_minor(self) -> int:
        """The sum that was taken and not given back, over all payments."""
        return sum(each.charged_minor - each.refunded_minor for each in self._accounts.values())

    def fail_next(self, method: str, *failures: Failure) -> None:
        """Let the next calls of a method fail like this."""
        self._failures.setdefault(method, []).extend(failures)

    def remember(self, reference: str, charged: Money) -> None:
        """Add a payment that another process made, so that it can be refunded here."""
        self._accounts[reference] = _Account(
            "", charged.currency_code, charged_minor=charged.amount_minor
        )

    def authorize(self, payment: Payment) -> TenderResult:
        """Set `payment.amount` aside."""

        def decide() -> TenderResult:
            reference = f"bank-{uuid4()}"
            self._accounts[reference] = _Account(
                payment.request_id,
                payment.amount.currency_code,
                held_minor=payment.amount.amount_minor,
            )
            return TenderResult(
                TenderStatus.AUTHORIZED,
                payment.request_id,
                reference=reference,
                amount=payment.amount,
                remaining=Money(
                    payment.order.total.amount_minor - payment.amount.amount_minor,
                    payment.amount.currency_code,
                ),
            )

        return self._answer("authorize", payment.request_id, decide)

    def capture(
        self,
        reference: str,
        amount: Money | None = None,
        *,
        request_id: str,
        other_tender_amount: Money | None = None,
    ) -> TenderResult:
        """Take what was set aside; the rest of it is released."""
        del other_tender_amount  # A bank does not ask what the others took.

        def decide() -> TenderResult:
            account = self._accounts[reference]
            taken = account.held_minor if amount is None else amount.amount_minor
            if not 0 < taken <= account.held_minor:
                return _declined(request_id)
            self._accounts[reference] = replace(account, held_minor=0, charged_minor=taken)
            whole = taken == account.held_minor
            return TenderResult(
                TenderStatus.CHARGED if whole else TenderStatus.PARTIALLY_CHARGED,
                request_id,
                reference=reference,
                amount=Money(taken, account.currency_code),
            )

        return self._answer("capture", request_id, decide)

    def void(self, *, reference: str = "", authorize_request_id: str = "") -> TenderResult:
        """Undo an authorize in any state."""
        if bool(reference) == bool(authorize_request_id):
            named_how = "void takes either reference or authorize_request_id"
            raise TypeError(named_how)
        request_id = f"void:{reference}{authorize_request_id}"

        def decide() -> TenderResult:
            found = reference or self._reference_of(authorize_request_id)
            if not found:
                # If the authorize arrives later, it gets this answer and sets nothing aside.
                self._answers.setdefault(authorize_request_id, _declined(authorize_request_id))
                return TenderResult(TenderStatus.VOIDED, request_id)
            account = self._accounts[found]
            back_minor = account.charged_minor - account.refunded_minor
            self._accounts[found] = replace(
                account, held_minor=0, refunded_minor=account.charged_minor
            )
            return TenderResult(
                TenderStatus.REFUNDED if account.charged_minor else TenderStatus.VOIDED,
                request_id,
                reference=found,
                amount=Money(back_minor or account.held_minor, account.currency_code),
            )

        return self._answer("void", request_id, decide)

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
        """Give money back; a bank ignores the reason and the days."""
        del reason, delivered_on, before_delivery, exercised_on

        def decide() -> TenderResult:
            account = self._accounts[reference]
            refundable_minor = account.charged_minor - account.refunded_minor
            back_minor = refundable_minor if amount is None else amount.amount_minor
            if not 0 < back_minor <= refundable_minor:
                return _declined(request_id)
            self._accounts[reference] = replace(
                account, refunded_minor=account.refunded_minor + back_minor
            )
            return TenderResult(
                TenderStatus.REFUNDED,
                request_id,
                reference=reference,
                amount=Money(back_minor, account.currency_code),
                remaining=Money(0, account.currency_code),
            )

        return self._answer("refund", request_id, decide)

    def _answer(
        self, method: str, request_id: str, decide: Callable[[], TenderResult]
    ) -> TenderResult:
        waiting = self._failures.get(method)
        failure = waiting.pop(0) if waiting else None
        pending = TenderResult(TenderStatus.PENDING, request_id, code="NO_ANSWER")
        if failure is Failure.LOSE_REQUEST:
            return pending
        if request_id not in self._answers:
            declined = failure is Failure.DECLINE
            self._answers[request_id] = _declined(request_id) if declined else decide()
        return pending if failure is Failure.LOSE_ANSWER else self._answers[request_id]

    def _reference_of(self, authorize_request_id: str) -> str:
        for reference, account in self._accounts.items():
            if account.authorize_request_id == authorize_request_id:
                return reference
        return ""


def _declined(request_id: str) -> TenderResult:
    return TenderResult(
        TenderStatus.DECLINED,
        request_id,
        code="DO_NOT_HONOR",
        message="Your bank declined the payment.",
    )
