"""A small payment orchestrator: one order, paid by gift card and bank card, all or nothing.

    python examples/checkout.py --target 127.0.0.1:50051

The order of the steps makes it safe:

1. `quote` says how the order splits, and the shopper agrees to the loss (R14).
2. The bank card is authorized first and the gift card last. Most refusals come
   from the bank, and then the gift card was never touched.
3. The captures go in the same order: a bank's refund is money again, while a
   gift card that was captured can only come back as a new one (R23).
4. A call whose answer is lost is repeated under the same request id. If its
   outcome stays unknown, or a call fails, the checkout ends, and every leg is
   voided by the request id that it was sent with, in whatever state it is (R36).
   The exception is a leg that was declined and of which no earlier try may stand.

The request ids are on the disk before they are sent (`crash_journal.py`). After a crash:

    python examples/checkout.py --journal orders.jsonl --reconcile
"""

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from getpass import getpass
from pathlib import Path
from uuid import uuid4

from bank_card import BankCard, Failure
from crash_journal import Journal, reconcile
from giftcard_client import Contact, GiftCards, Money, Order, OrderLine
from giftcard_client.tender import (
    GiftCardTender,
    Payment,
    Quote,
    StoreCredit,
    Tender,
    TenderResult,
    TenderStatus,
)

# What a shopper reads where a tender cannot be asked; engineers read the result.
NOT_NOW = "Your {} cannot be used right now. You have paid nothing. Please try again later."
TRIES = 3  # Of a call that gets no answer.
# Longer than any checkout takes, and short enough for a shopper to come back.
HOLD_FOR = timedelta(minutes=15)
UNDONE = {TenderStatus.VOIDED, TenderStatus.REFUNDED}


class Outcome(StrEnum):
    """The end of a checkout."""

    PAID = "PAID"
    # Nothing was taken, and nothing is set aside.
    NOT_PAID = "NOT_PAID"
    # Nothing will be taken, but a tender could not be reached yet: `finish_undoing`.
    UNDOING = "UNDOING"


@dataclass(frozen=True, slots=True)
class Basket:
    """The order that the shopper wants to pay, and the cards to pay it with."""

    order: Order
    market: str
    customer: Contact
    gift_card_code: str = field(repr=False)
    bank_card_token: str = field(repr=False)
    session: str = ""


@dataclass(slots=True)
class Leg:
    """One tender's part of the order. Its request ids are made before anything is sent."""

    tender: Tender
    payment: Payment
    capture_request_id: str
    reference: str = ""

    def authorize(self) -> TenderResult:
        """Set the money aside; every call is the same request."""
        return self.tender.authorize(self.payment)

    def capture(self) -> TenderResult:
        """Take the money; every call is the same request."""
        return self.tender.capture(self.reference, request_id=self.capture_request_id)

    def void(self) -> TenderResult:
        """Give the money back, whether or not an answer ever came."""
        return self.tender.void(authorize_request_id=self.payment.request_id)


@dataclass(frozen=True, slots=True)
class Receipt:
    """The result for the shopper. `legs` are what was paid; returns need their references."""

    outcome: Outcome
    message: str = ""
    legs: tuple[Leg, ...] = ()
    # For a gift card that was captured before the checkout failed (R23).
    store_credit: StoreCredit | None = None


class LegFailed(Exception):  # noqa: N818 - it says what happened
    """A tender did not pay its part."""


class Checkout:
    """One order's checkout over a gift card and a bank card. `agree` asks the shopper."""

    def __init__(
        self,
        gift_card: GiftCardTender,
        bank_card: Tender,
        agree: Callable[[Quote], bool],
        journal: Journal | None = None,
    ) -> None:
        """The caller closes the tenders."""
        self._journal, self._order_id = journal or Journal(), ""
        self._gift_card, self._bank_card = gift_card, bank_card
        self._agree = agree
        # The legs that may set money aside, or have taken it.
        self._to_undo: list[Leg] = []

    def pay(self, basket: Basket) -> Receipt:
        """Pay the whole order, or nothing of it."""
        code, order = basket.gift_card_code, basket.order
        quote = self._gift_card.quote(
            code, market=basket.market, order=order, session=basket.session
        )
        if not quote.usable:
            return Receipt(Outcome.NOT_PAID, _words(self._gift_card, quote))
        if not self._agree(quote):
            return Receipt(Outcome.NOT_PAID, "You did not agree.")
        legs, self._order_id = self._legs(basket, quote), basket.order.order_id
        sent = {leg.tender.name: leg.payment.request_id for leg in legs}
        self._journal.begin(self._order_id, sent)
        try:
            for leg in legs:
                self._authorize(leg)
            for leg in legs:
                _capture(leg)
        except LegFailed as failed:
            credit = self.finish_undoing()
            outcome = Outcome.UNDOING if self._to_undo else Outcome.NOT_PAID
            return Receipt(outcome, str(failed), store_credit=credit)
        except BaseException:
            # Ctrl-C or a bug: no money may stay set aside.
            self.finish_undoing()
            raise
        self._to_undo.clear()
        self._journal.end(self._order_id)
        return Receipt(Outcome.PAID, legs=tuple(legs))

    def finish_undoing(self) -> StoreCredit | None:
        """Void every leg that was sent, after a checkout that ended in UNDOING.

        Call it until `is_undone`. It returns the new card, where the gift card had
        been captured.
        """
        credit = None
        # In reverse order: the gift card is free again before the bank is called.
        for leg in reversed(self._to_undo.copy()):
            result = _known(leg.void)
            if result.status in UNDONE:
                self._to_undo.remove(leg)
                credit = result.store_credit or credit
        if self.is_undone:
            self._journal.end(self._order_id)
        return credit

    @property
    def is_undone(self) -> bool:
        """Whether no money is set aside any more."""
        return not self._to_undo

    def _legs(self, basket: Basket, quote: Quote) -> list[Leg]:
        plan = (
            (self._bank_card, basket.bank_card_token, quote.remaining),
            (self._gift_card, basket.gift_card_code, quote.payable),
        )
        return [
            Leg(
                tender,
                Payment(
                    request_id=str(uuid4()),
                    instrument=instrument,
                    amount=amount,
                    order=basket.order,
                    market=basket.market,
                    customer=basket.customer,
                    session=basket.session,
                    hold_for=HOLD_FOR,
                ),
                capture_request_id=str(uuid4()),
            )
            for tender, instrument, amount in plan
            if amount.amount_minor > 0
        ]

    def _authorize(self, leg: Leg) -> None:
        # Added before it is sent: a request that may have arrived must be undone too.
        self._to_undo.append(leg)
        result = _known(leg.authorize)
        # If a decline may stand (the throttle's, say), a lost try may have been granted.
        if result.status is TenderStatus.DECLINED and not result.may_stand:
            self._to_undo.remove(leg)
        # Less than was quoted is a failure: the shopper agreed to the split.
        if result.status is not TenderStatus.AUTHORIZED or result.amount != leg.payment.amount:
            raise LegFailed(_words(leg.tender, result))
        leg.reference = result.reference


def _capture(leg: Leg) -> None:
    result = _known(leg.capture)
    if result.status is not TenderStatus.CHARGED:
        raise LegFailed(_words(leg.tender, result))


def _known(call: Callable[[], TenderResult]) -> TenderResult:
    """Repeat a call, under its request id, until its answer comes or the tries are used up."""
    result = call()
    for _ in range(TRIES - 1):
        if result.status is not TenderStatus.PENDING:
            break
        result = call()
    return result


def _words(tender: Tender, refused: Quote | TenderResult) -> str:
    """Return what to tell the shopper."""
    return (
        NOT_NOW.format(tender.name.replace("_", " ")) if refused.is_technical else refused.message
    )


def main() -> None:
    """Check out an order at a real service, with a simulated bank card."""
    options = _options()
    journal = Journal(options.journal)
    if options.reconcile:
        with GiftCards(options.target) as cards:
            found = reconcile(journal, cards, GiftCardTender(cards), BankCard())
        print(*(f"{order_id}: {each}" for order_id, each in found.items()), sep="\n")
        return
    order = Order(
        options.order_id,
        Money(options.goods + options.delivery),
        [OrderLine("goods", Money(options.goods)), OrderLine("delivery", Money(options.delivery))],
    )
    # Typed without an echo, or piped in; an argument would show in `ps` and the history.
    code = getpass("Gift card code: ") if sys.stdin.isatty() else sys.stdin.readline().strip()
    bank_card = BankCard({options.at: [options.bank_card]} if options.bank_card else {})
    with GiftCards(options.target) as cards:
        checkout = Checkout(GiftCardTender(cards), bank_card, _agree, journal)
        shopper = Contact("shopper@example.com", "A. Shopper", "fr-FR")
        receipt = checkout.pay(Basket(order, options.market, shopper, code, "tok_visa"))
    print(receipt.message or "Your order is paid.")
    for leg in receipt.legs:
        print(f"  {leg.tender.name}: {_shown(leg.payment.amount)}, reference {leg.reference}")
    if receipt.store_credit:
        print(f"  Your new gift card: {receipt.store_credit.code}")
    sys.exit(0 if receipt.outcome is Outcome.PAID else 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--target", default="127.0.0.1:50051", help="where the service is")
    parser.add_argument("--market", default="fr")
    parser.add_argument("--order-id", default=f"order-{uuid4()}")
    parser.add_argument("--journal", type=Path, help="note here what is sent")
    parser.add_argument("--reconcile", action="store_true", help="finish what a crash has left")
    parser.add_argument("--goods", type=int, default=8900, help="in cents")
    parser.add_argument("--delivery", type=int, default=490, help="in cents")
    parser.add_argument("--bank-card", type=Failure, choices=list(Failure), help="fail like this")
    parser.add_argument("--at", choices=["authorize", "capture", "void"], default="authorize")
    return parser.parse_args()


def _agree(quote: Quote) -> bool:
    print(f"The card pays {_shown(quote.payable)}; {_shown(quote.remaining)} are left to pay.")
    if quote.lost.amount_minor == 0:
        return True
    print(f"A gift card is used once: {_shown(quote.lost)} of it would be lost.")
    # Without a terminal there is no way to ask, and no money may be lost unasked.
    return sys.stdin.isatty() and input("Use it nevertheless? [y/N] ").lower() == "y"


def _shown(amount: Money) -> str:
    euros, cents = divmod(amount.amount_minor, 100)
    return f"{euros}.{cents:02} {amount.currency_code}"


if __name__ == "__main__":
    main()
