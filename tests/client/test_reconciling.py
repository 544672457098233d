"""A checkout that dies at any step: the next process finds out, and pays or undoes all of it."""

from pathlib import Path
from typing import Any

import pytest

from bank_card import BankCard, Failure
from checkout import Checkout, Outcome
from crash_journal import Found, Journal, reconcile
from giftcard_client import GiftCards
from giftcard_client.connector import Payment, TenderResult
from giftcard_client.tender import GiftCardTender
from given.checkout.checkouts import BANK_MINOR, agree, basket
from given.checkout.faulty_gateway import FaultyGateway, fail_before
from given.checkout.shopping import CARD_MINOR, Buy, is_free


class Dies(BaseException):
    """The process ends here: nothing more of it is done."""


class DyingGiftCard(GiftCardTender):
    """A gift card whose checkout dies beside one call, before or after it is carried out."""

    def __init__(self, cards: GiftCards, call: str, *, done: bool) -> None:
        super().__init__(cards)
        self._dies_at, self._done = call, done

    def authorize(self, payment: Payment) -> TenderResult:
        return self._die("authorize", lambda: super(DyingGiftCard, self).authorize(payment))

    def capture(self, reference: str, *amount: Any, **named: Any) -> TenderResult:
        return self._die(
            "capture", lambda: super(DyingGiftCard, self).capture(reference, *amount, **named)
        )

    def void(self, **_: Any) -> TenderResult:
        raise Dies  # Who is dead undoes nothing.

    def _die(self, call: str, carry_out: Any) -> TenderResult:
        if call != self._dies_at:
            result: TenderResult = carry_out()
            return result
        if self._done:
            carry_out()
        raise Dies


@pytest.mark.parametrize(
    ("call", "done", "found"),
    [
        ("authorize", False, Found.UNDONE),
        ("authorize", True, Found.UNDONE),
        ("capture", False, Found.UNDONE),
        ("capture", True, Found.PAID),
    ],
)
def test_an_order_of_a_process_that_died_is_paid_or_undone(
    cards: GiftCards, buy: Buy, tmp_path: Path, call: str, found: Found, *, done: bool
) -> None:
    code, bank, journal = buy(CARD_MINOR).code, BankCard(), Journal(tmp_path / "orders.jsonl")
    wanted = basket(code)
    with pytest.raises(Dies):
        Checkout(DyingGiftCard(cards, call, done=done), bank, agree, journal).pay(wanted)
    after = Journal(tmp_path / "orders.jsonl")
    tender = GiftCardTender(cards)
    assert reconcile(after, cards, tender, bank) == {wanted.order.order_id: found}
    assert bank.held_minor == 0
    assert bank.charged_minor == (BANK_MINOR if found is Found.PAID else 0)
    assert is_free(tender, code) == (found is Found.UNDONE)
    assert reconcile(after, cards, tender, bank) == {}


def test_a_service_that_does_not_answer_is_asked_again(
    cards: GiftCards, lossy_cards: GiftCards, gateway: FaultyGateway, buy: Buy, tmp_path: Path
) -> None:
    code, bank, journal = buy(CARD_MINOR).code, BankCard(), Journal(tmp_path / "orders.jsonl")
    wanted = basket(code)
    with pytest.raises(Dies):
        Checkout(DyingGiftCard(cards, "capture", done=False), bank, agree, journal).pay(wanted)
    gateway.next("Reverse", fail_before)
    tender = GiftCardTender(lossy_cards)
    order_id = wanted.order.order_id
    assert reconcile(journal, cards, tender, bank) == {order_id: Found.NOT_YET}
    assert reconcile(journal, cards, tender, bank) == {order_id: Found.UNDONE}
    assert is_free(tender, code)


@pytest.mark.parametrize("outcome", [Outcome.PAID, Outcome.NOT_PAID])
def test_an_order_that_came_to_its_end_leaves_nothing_to_do(
    cards: GiftCards, buy: Buy, tmp_path: Path, outcome: Outcome
) -> None:
    path = tmp_path / "orders.jsonl"
    code = buy(CARD_MINOR).code
    bank = BankCard({} if outcome is Outcome.PAID else {"authorize": [Failure.DECLINE]})
    receipt = Checkout(GiftCardTender(cards), bank, agree, Journal(path)).pay(basket(code))
    assert receipt.outcome is outcome
    assert Journal(path).unfinished() == {}
    written = path.read_text(encoding="utf-8")
    assert code not in written  # Nor a person (R30).
    assert "@" not in written


def test_without_a_journal_nothing_is_kept() -> None:
    journal = Journal()
    journal.begin("order-1", {})
    assert journal.unfinished() == {}
