"""The gift card as one payment method among others, behind `giftcard_client.connector`.

    with GiftCards("127.0.0.1:50051") as cards:
        tender = GiftCardTender(cards)
        quote = tender.quote(code, market="fr", order=order)
        result = tender.authorize(Payment(request_id, code, quote.payable, order, "fr", customer))

Three properties of gift cards that other tenders lack show through the interface:

- A card pays as much as it can, and not every order: `quote` says beforehand how
  the order splits, and how much a card worth more than the order would lose (R14).
- Money comes back as a new card (R23, R27): `store_credit`.
- A refund goes to the card first, up to all that the card had paid; the rest, for
  the other tenders, is in `remaining` (R24).
"""

from dataclasses import dataclass
from datetime import date, timedelta
from uuid import NAMESPACE_URL, uuid5

from giftcard_client.connector import (
    Capabilities,
    ComesBackAs,
    Payment,
    RefundReason,
    StoreCredit,
    Tender,
    TenderResult,
    TenderStatus,
)
from giftcard_client.decline_messages import DECLINE_MESSAGES
from giftcard_client.errors import GiftCardError
from giftcard_client.gift_cards import GiftCards
from giftcard_client.tender_results import answered, as_given_back, as_result, store_credit_of
from giftcard_client.values import Money, Order
from giftcard_client.vocabulary import Reason, ReverseReason

__all__ = [
    "Capabilities",
    "ComesBackAs",
    "GiftCardTender",
    "Payment",
    "Quote",
    "RefundReason",
    "StoreCredit",
    "Tender",
    "TenderResult",
    "TenderStatus",
]

# Declines that mean success to a void: nothing is set aside.
VOIDED_BEFORE = {Reason.AUTHORIZATION_RELEASED, Reason.AUTHORIZATION_LAPSED}


@dataclass(frozen=True, slots=True)
class Quote:
    """The split of an order if it were authorized now; nothing is set aside.

    `lost` is the value of the card beyond the order: the capture loses it (R14),
    so the shopper must agree. Where the card is not `usable`, `code` and
    `message` say why, and the whole order remains to be paid. `message` is for the shopper,
    unless the failure `is_technical`: then it is for engineers.
    """

    usable: bool
    payable: Money
    remaining: Money
    lost: Money
    code: str = ""
    message: str = ""
    retry_after: timedelta | None = None
    is_technical: bool = False


class GiftCardTender:
    """A `Tender` that pays by gift card, through the client that it is given."""

    name = "gift_card"
    # R14 and R27: used once, and what was set aside and not taken is a new card. R23: so is
    # what is refunded. R35: up to the market's longest hold.
    capabilities = Capabilities(
        multiple_captures=False,
        uncaptured_rest=ComesBackAs.STORE_CREDIT,
        refunds=ComesBackAs.STORE_CREDIT,
        extendable_holds=True,
    )

    def __init__(self, cards: GiftCards) -> None:
        """The caller closes `cards`."""
        self._cards = cards

    def quote(self, instrument: str, *, market: str, order: Order, session: str = "") -> Quote:
        """Ask how much of `order` the card would pay; sets nothing aside (R16)."""
        nothing = Money(0, order.total.currency_code)
        try:
            answer = self._cards.validate(
                instrument, market=market, order=order, attempt_key=session
            )
        except GiftCardError as error:
            refusal = as_result(error, "")
            return Quote(
                usable=False,
                payable=nothing,
                remaining=order.total,
                lost=nothing,
                code=refusal.code,
                message=refusal.message,
                retry_after=refusal.retry_after,
                is_technical=refusal.is_technical,
            )
        return Quote(
            usable=answer.usable,
            payable=answer.applicable_amount,
            remaining=answer.remaining_due,
            lost=answer.forfeited_amount,
            code=answer.reason or "",
            message=DECLINE_MESSAGES[answer.reason] if answer.reason else "",
            retry_after=answer.retry_after,
        )

    def authorize(self, payment: Payment) -> TenderResult:
        """Set aside all that the card can pay of the order.

        PARTIALLY_AUTHORIZED where that is less than `payment.amount`. Where that
        is more, capture `payment.amount`: the difference comes back as a new card
        (R27).
        """

        def call() -> TenderResult:
            held = self._cards.authorize(
                payment.instrument,
                market=payment.market,
                order=payment.order,
                customer=payment.customer,
                hold_for=payment.hold_for,
                attempt_key=payment.session,
                request_id=payment.request_id,
            ).authorization
            enough = held.authorized_amount.amount_minor >= payment.amount.amount_minor
            return TenderResult(
                TenderStatus.AUTHORIZED if enough else TenderStatus.PARTIALLY_AUTHORIZED,
                payment.request_id,
                reference=held.authorization_id,
                amount=held.authorized_amount,
                remaining=held.remaining_due,
            )

        return answered(call, payment.request_id)

    def capture(
        self,
        reference: str,
        amount: Money | None = None,
        *,
        request_id: str,
        other_tender_amount: Money | None = None,
    ) -> TenderResult:
        """Take what was set aside. The value of the card beyond the order is lost (R14).

        `other_tender_amount` is what the order's other tenders really took, zero
        included, where that is less than `remaining` was: no refund names more of it.
        PARTIALLY_CHARGED where `amount` is less than was set aside; the difference
        is in `store_credit` (R27).
        """

        def call() -> TenderResult:
            captured = self._cards.capture(
                reference, amount, request_id, other_tender_amount=other_tender_amount
            )
            held = captured.authorization
            whole = held.captured_amount == held.authorized_amount
            return TenderResult(
                TenderStatus.CHARGED if whole else TenderStatus.PARTIALLY_CHARGED,
                request_id,
                reference=reference,
                amount=held.captured_amount,
                store_credit=store_credit_of(captured.replacement),
            )

        return answered(call, request_id)

    def void(self, *, reference: str = "", authorize_request_id: str = "") -> TenderResult:
        """Undo an authorize in any state (R36).

        VOIDED where the hold was open, had been released or had lapsed, and
        where the authorize never arrived (if it arrives later, it is refused).
        REFUNDED, with `store_credit`, where it had been captured: soon after the
        capture, `store_credit` holds what the capture had lost as well (R39).
        Exactly one of the arguments, else TypeError.
        """
        request_id = _void_request_id(reference, authorize_request_id)

        def call() -> TenderResult:
            undone = self._cards.reverse(
                reference or None,
                authorize_request_id=authorize_request_id or None,
                reason=ReverseReason.TECHNICAL,
                request_id=request_id,
            )
            return as_given_back(undone, request_id, reference)

        result = answered(call, request_id)
        if result.status is TenderStatus.DECLINED and result.code in VOIDED_BEFORE:
            return TenderResult(TenderStatus.VOIDED, request_id, reference=reference)
        return result

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
        """Give back `amount` of the whole order, to a new card first (R22-R24).

        A change of mind needs `delivered_on`, from when it has 30 days, or
        `before_delivery`; the day that counts is `exercised_on`, on which the
        customer declared it, or today (R21). Without `amount`, VOIDED where the
        card had not been charged yet: it can be used again. With it, DECLINED.
        """

        def call() -> TenderResult:
            given_back = self._cards.reverse(
                reference,
                reason=ReverseReason(reason),
                refund_amount=amount,
                delivered_on=delivered_on,
                before_delivery=before_delivery,
                exercised_on=exercised_on,
                request_id=request_id,
            )
            return as_given_back(given_back, request_id, reference)

        return answered(call, request_id)


def _void_request_id(reference: str, authorize_request_id: str) -> str:
    # Derived from the payment's name: a void that is called again, by another
    # process or after a crash, is the same request and gets the same answer,
    # including the code of a new card.
    if bool(reference) == bool(authorize_request_id):
        named_how = "void takes either reference or authorize_request_id"
        raise TypeError(named_how)
    return str(uuid5(NAMESPACE_URL, f"giftcard:void:{reference}:{authorize_request_id}"))
