"""The example checkout at the real server: its questions, and the share of each card."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from bank_card import BankCard
from checkout import Basket, Checkout, Outcome, Receipt
from giftcard_client import GiftCards, Money
from giftcard_client.connector import Payment, TenderResult, TenderStatus
from giftcard_client.tender import GiftCardTender, Quote
from given.calls.sent import UNKNOWN_CODE
from given.checkout.checkouts import BANK_MINOR, agree, assert_all_or_nothing, basket
from given.checkout.shopping import CARD_MINOR, Buy, is_free, order


def test_an_order_that_the_card_covers_leaves_the_bank_card_alone(
    tender: GiftCardTender, buy: Buy
) -> None:
    bank = BankCard()
    whole = replace(basket(buy(CARD_MINOR).code), order=order(CARD_MINOR))
    receipt = Checkout(tender, bank, agree).pay(whole)
    assert receipt.outcome is Outcome.PAID
    assert [leg.tender.name for leg in receipt.legs] == ["gift_card"]
    assert bank.charged_minor == 0


def test_a_shopper_who_does_not_want_to_lose_money_keeps_the_card(
    tender: GiftCardTender, buy: Buy
) -> None:
    # R14
    code = buy(CARD_MINOR).code
    small = replace(basket(code), order=order(1000))
    lost: list[Money] = []

    def refuse_loss(quote: Quote) -> bool:
        lost.append(quote.lost)
        return quote.lost.amount_minor == 0

    receipt = Checkout(tender, BankCard(), refuse_loss).pay(small)
    assert (receipt.outcome, lost) == (Outcome.NOT_PAID, [Money(4000)])
    assert is_free(tender, code)


def test_a_card_that_cannot_be_used_is_reported_before_anything_is_set_aside(
    tender: GiftCardTender,
) -> None:
    bank = BankCard()
    receipt = Checkout(tender, bank, agree).pay(basket(UNKNOWN_CODE))
    assert receipt.outcome is Outcome.NOT_PAID
    assert receipt.message == "There is no gift card with this code."
    assert bank.held_minor == bank.charged_minor == 0


def test_an_unforeseen_exception_leaves_nothing_set_aside_either(
    tender: GiftCardTender, buy: Buy
) -> None:
    class Interrupted(BankCard):
        """The user presses Ctrl-C while the bank is asked to capture."""

        def capture(self, *_: object, **__: object) -> TenderResult:
            raise KeyboardInterrupt

    code = buy(CARD_MINOR).code
    bank = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        Checkout(tender, bank, agree).pay(basket(code))
    assert bank.held_minor == 0
    assert is_free(tender, code)


def test_a_bank_that_sets_aside_less_than_was_asked_for_ends_the_checkout(
    tender: GiftCardTender, buy: Buy
) -> None:
    class Stingy(BankCard):
        """A bank that authorizes only a part."""

        def authorize(self, payment: Payment) -> TenderResult:
            result = super().authorize(payment)
            return replace(result, status=TenderStatus.PARTIALLY_AUTHORIZED, amount=Money(1))

    code = buy(CARD_MINOR).code
    bank = Stingy()
    receipt = Checkout(tender, bank, agree).pay(basket(code))
    assert_all_or_nothing(tender, bank, code, receipt)


def at_once(checkouts: int, baskets: list[Basket], cards: GiftCards) -> list[Receipt]:
    """Pay the baskets at the same moment, each in a thread of its own."""
    together = threading.Barrier(checkouts)

    def pay(wanted: Basket) -> Receipt:
        together.wait()
        return pay_all_or_nothing(GiftCardTender(cards), wanted)

    with ThreadPoolExecutor(checkouts) as threads:
        return list(threads.map(pay, baskets))


def pay_all_or_nothing(tender: GiftCardTender, wanted: Basket) -> Receipt:
    """Pay it with a bank card of its own, which must be charged in full or not at all."""
    bank = BankCard()
    receipt = Checkout(tender, bank, agree).pay(wanted)
    paid = receipt.outcome is Outcome.PAID
    assert (bank.held_minor, bank.charged_minor) == (0, BANK_MINOR if paid else 0)
    return receipt


def test_a_shopper_who_clicks_twice_pays_once(cards: GiftCards, buy: Buy) -> None:
    # R35: the second authorize replaces the first one's hold, and one of the two captures.
    for _ in range(10):
        wanted = basket(buy(CARD_MINOR).code)
        receipts = at_once(2, [wanted, wanted], cards)
        assert sorted(receipt.outcome for receipt in receipts) == [Outcome.NOT_PAID, Outcome.PAID]


def test_a_card_pays_one_of_many_orders_at_once(cards: GiftCards, buy: Buy) -> None:
    # R14
    for _ in range(5):
        code = buy(CARD_MINOR).code
        receipts = at_once(8, [basket(code) for _ in range(8)], cards)
        assert [receipt.outcome for receipt in receipts].count(Outcome.PAID) == 1
