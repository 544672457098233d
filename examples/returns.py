"""A small refund service: goods came back, and the money goes back to both cards.

    python examples/returns.py --target 127.0.0.1:50051 --authorization-id ... --amount 2000 \
        --delivered-on 2026-11-20 --exercised-on 2026-11-28 \
        --bank-reference bank-... --bank-charged 4390

The gift card is refunded first, and its service says how much it gives back: the
whole return, up to all that the card had paid, as a new card (R23). Only the rest
goes to the bank card (R24). The refund service never computes the split, so two
part returns cannot disagree about it.

Before anything moves, `promise` says what the customer would get, and until when
a change of mind is in time: a preview, which changes nothing.

A return has one id, and the ids of its requests are derived from that. So a
return that was cut short, by a lost answer or a crash, is simply processed again:
finished requests get the same answer, including the new card's code, and the
others are carried out once.

What the bank gave back is confirmed to the service (`confirm_bank_refund`). Until then
it stays in the list of refunds that are due, so that none is forgotten.
"""

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import NAMESPACE_URL, uuid4, uuid5

from bank_card import BankCard
from giftcard_client import GiftCards, Money, Refunds, ReverseReason
from giftcard_client.decline_messages import DECLINE_MESSAGES
from giftcard_client.tender import (
    GiftCardTender,
    RefundReason,
    StoreCredit,
    Tender,
    TenderResult,
    TenderStatus,
)


@dataclass(frozen=True, slots=True)
class Return:
    """A return of an order, or of a part of it.

    `amount` is the sum that the customer gets back from both tenders; None is
    all that is left. A change of mind needs `delivered_on`, or `before_delivery`. The
    day that counts is `exercised_on`, on which the customer declared it, however
    late the goods are back (R21).
    """

    return_id: str
    gift_card_reference: str
    bank_card_reference: str
    amount: Money | None
    reason: RefundReason = RefundReason.CHANGE_OF_MIND
    delivered_on: date | None = None
    before_delivery: bool = False
    exercised_on: date | None = None


@dataclass(frozen=True, slots=True)
class Promise:
    """What a return would give now; `declined` says why it would give nothing.

    A change of mind is in time before `deadline`; None: it has no limit.
    """

    to_gift_card: Money | None = None
    to_bank_card: Money | None = None
    deadline: datetime | None = None
    declined: str = ""


@dataclass(frozen=True, slots=True)
class Refunded:
    """The outcome of a return.

    `is_settled` is False where a tender gave no answer: process the same return
    again. `declined` says why nothing was given back. If a declined return is not
    settled, an earlier try may have given money back: Customer Service must look.
    """

    is_settled: bool
    to_gift_card: Money | None = None
    to_bank_card: Money | None = None
    declined: str = ""


def promise(returned: Return, cards: GiftCards) -> Promise:
    """Ask what a return would give, for the customer to agree; changes nothing."""
    preview = cards.preview_reverse(
        returned.gift_card_reference,
        reason=ReverseReason(returned.reason),
        refund_amount=returned.amount,
        delivered_on=returned.delivered_on,
        before_delivery=returned.before_delivery,
        exercised_on=returned.exercised_on,
    )
    if preview.reason is not None:
        return Promise(declined=DECLINE_MESSAGES[preview.reason])
    return Promise(preview.gift_card_amount, preview.other_tender_amount, preview.deadline)


def take_back(
    returned: Return,
    *,
    gift_card: Tender,
    bank_card: Tender,
    hand_over: Callable[[StoreCredit], None],
) -> Refunded:
    """Refund a return. `hand_over` gives the customer the new card.

    If the same return is processed again, `hand_over` is called again with the
    same card: better twice than never, since no other system has the code.
    """
    first = _refund(gift_card, returned, returned.gift_card_reference, returned.amount)
    if first.status in {TenderStatus.DECLINED, TenderStatus.FAILURE}:
        # It may stand if, say, another request was sent under this return's id.
        return Refunded(is_settled=not first.may_stand, declined=first.message)
    if first.status is not TenderStatus.REFUNDED:
        # PENDING, or VOIDED: an order that was never charged is not returned but
        # voided, which is the checkout's task.
        return Refunded(is_settled=first.status is TenderStatus.VOIDED)
    if first.store_credit is not None:
        hand_over(first.store_credit)
    if first.remaining is None or first.remaining.amount_minor == 0:
        return Refunded(is_settled=True, to_gift_card=first.amount)
    rest = _refund(bank_card, returned, returned.bank_card_reference, first.remaining)
    if rest.status is not TenderStatus.REFUNDED:
        # Also where the bank declines: the customer is owed the rest, and Customer
        # Service must find out why.
        return Refunded(is_settled=False, to_gift_card=first.amount)
    return Refunded(is_settled=True, to_gift_card=first.amount, to_bank_card=rest.amount)


def confirm_bank_refund(refunds: Refunds, returned: Return, refunded: Refunded) -> None:
    """Tell the service what the bank did, so that it does not count as owed any more.

    If the same return is processed again, the service knows the request by its id, and
    the refund is confirmed once.
    """
    if refunded.to_bank_card is None:
        return
    refunds.confirm(
        authorization_id=returned.gift_card_reference,
        amount=refunded.to_bank_card,
        provider_reference=returned.bank_card_reference,
        request_id=uuid5(NAMESPACE_URL, f"confirm:{returned.return_id}"),
    )


def _refund(tender: Tender, returned: Return, reference: str, amount: Money | None) -> TenderResult:
    return tender.refund(
        reference,
        amount,
        request_id=str(uuid5(NAMESPACE_URL, f"{tender.name}:{returned.return_id}")),
        reason=returned.reason,
        delivered_on=returned.delivered_on,
        before_delivery=returned.before_delivery,
        exercised_on=returned.exercised_on,
    )


def main() -> None:
    """Refund a return at a real service, with a simulated bank card."""
    options = _options()
    bank_card = BankCard()
    bank_card.remember(options.bank_reference, Money(options.bank_charged))
    returned = Return(
        options.return_id,
        options.authorization_id,
        options.bank_reference,
        None if options.amount is None else Money(options.amount),
        options.reason,
        options.delivered_on,
        options.before_delivery,
        options.exercised_on,
    )
    with GiftCards(options.target) as cards:
        promised = promise(returned, cards)
        if not promised.declined:
            print("This return gives back:")
            _print_amounts(promised.to_gift_card, promised.to_bank_card)
        if promised.deadline:
            print(f"  if it is declared before {promised.deadline:%F %T} UTC")
        refunded = take_back(
            returned,
            gift_card=GiftCardTender(cards),
            bank_card=bank_card,
            hand_over=_show,
        )
    with Refunds(options.target) as refunds:
        confirm_bank_refund(refunds, returned, refunded)
    if refunded.declined:
        print(f"Not refunded: {refunded.declined}")
    elif not refunded.is_settled:
        print(f"Not everything is refunded yet: repeat with --return-id {returned.return_id}")
    _print_amounts(refunded.to_gift_card, refunded.to_bank_card)
    sys.exit(0 if refunded.is_settled and not refunded.declined else 1)


def _print_amounts(to_gift_card: Money | None, to_bank_card: Money | None) -> None:
    for name, amount in (("gift card", to_gift_card), ("bank card", to_bank_card)):
        if amount and amount.amount_minor:
            print(f"  to the {name}: {amount.amount_minor / 100:.2f} {amount.currency_code}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--target", default="127.0.0.1:50051", help="where the service is")
    parser.add_argument("--authorization-id", required=True)
    parser.add_argument("--amount", type=int, help="in cents, of the whole order; default: all")
    parser.add_argument("--reason", type=RefundReason, default=RefundReason.CHANGE_OF_MIND)
    parser.add_argument("--delivered-on", type=date.fromisoformat, help="such as 2026-11-20")
    parser.add_argument("--before-delivery", action="store_true", help="nothing was delivered")
    parser.add_argument(
        "--exercised-on", type=date.fromisoformat, help="the day of the declaration; default: today"
    )
    parser.add_argument("--bank-reference", default="bank-0")
    parser.add_argument("--bank-charged", type=int, default=0, help="in cents, by checkout.py")
    parser.add_argument("--return-id", default=str(uuid4()))
    return parser.parse_args()


def _show(new_card: StoreCredit) -> None:
    amount = f"{new_card.amount.amount_minor / 100:.2f} {new_card.amount.currency_code}"
    print(f"New gift card {new_card.code} over {amount}, valid until {new_card.expire_time:%F}")


if __name__ == "__main__":
    main()
