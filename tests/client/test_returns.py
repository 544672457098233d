"""The example refund service at the real server: card first (R24), a new card (R23), once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from bank_card import BankCard, Failure
from checkout import Basket, Checkout, Outcome
from giftcard_client import GiftCards, Money, Refunds
from giftcard_client.tender import GiftCardTender, RefundReason, StoreCredit
from given.checkout.faulty_gateway import FaultyGateway, Step, fail_after, fail_before, lose_answer
from given.checkout.shopping import CARD_MINOR, SHOPPER, Buy, order, session
from given.servers.server_process import ServerProcess
from returns import Promise, Refunded, Return, confirm_bank_refund, promise, take_back

BANK_MINOR = 4000


class Shop:
    """An order over 90, paid with a card of 50 and 40 from the bank, and its refund service."""

    def __init__(self, cards: GiftCards, code: str) -> None:
        self.bank = BankCard()
        self.gift_card = GiftCardTender(cards)
        self.handed_over: list[StoreCredit] = []
        checkout = Checkout(self.gift_card, self.bank, lambda _: True)
        paid = checkout.pay(
            Basket(order(CARD_MINOR + BANK_MINOR), "fr", SHOPPER, code, "tok", session())
        )
        assert paid.outcome is Outcome.PAID
        self.references = {leg.tender.name: leg.reference for leg in paid.legs}

    def returned(self, amount_minor: int | None, **changes: object) -> Return:
        """Return a part of the order, or all that is left."""
        return replace(
            Return(
                return_id=str(uuid4()),
                gift_card_reference=self.references["gift_card"],
                bank_card_reference=self.references["bank_card"],
                amount=None if amount_minor is None else Money(amount_minor),
                delivered_on=datetime.now(UTC).date(),
            ),
            **changes,  # type: ignore[arg-type] # Fields of a return.
        )

    def take_back(self, returned: Return) -> Refunded:
        """Refund a return."""
        return take_back(
            returned,
            gift_card=self.gift_card,
            bank_card=self.bank,
            hand_over=self.handed_over.append,
        )


@pytest.fixture
def shop(lossy_cards: GiftCards, buy: Buy) -> Shop:
    return Shop(lossy_cards, buy(CARD_MINOR).code)


@pytest.mark.parametrize(
    "parts",
    [
        # (the amount that is returned, its share on a new card, its share on the bank card)
        [(None, 5000, 4000)],
        [(3000, 3000, 0)],
        [(5000, 5000, 0)],
        [(7000, 5000, 2000)],
        [(3000, 3000, 0), (3000, 2000, 1000)],
        [(3000, 3000, 0), (None, 2000, 4000)],
        [(6000, 5000, 1000), (1000, 0, 1000), (None, 0, 2000)],
    ],
)
def test_a_return_goes_to_a_new_card_first_and_the_rest_to_the_bank_card(
    shop: Shop, parts: list[tuple[int | None, int, int]]
) -> None:
    # R23, R24
    for amount_minor, to_gift_card, to_bank_card in parts:
        before_minor = shop.bank.charged_minor
        refunded = shop.take_back(shop.returned(amount_minor))
        assert (refunded.is_settled, refunded.declined) == (True, "")
        assert refunded.to_gift_card == Money(to_gift_card)
        assert (refunded.to_bank_card or Money(0)) == Money(to_bank_card)
        assert before_minor - shop.bank.charged_minor == to_bank_card
    handed_over = [credit.amount.amount_minor for credit in shop.handed_over]
    assert handed_over == [to_card for _, to_card, _ in parts if to_card]


@pytest.mark.parametrize(
    ("amount_minor", "to_gift_card", "to_bank_card"),
    [(None, 5000, 4000), (3000, 3000, 0), (7000, 5000, 2000)],
)
def test_a_return_gives_what_was_promised(
    shop: Shop, cards: GiftCards, amount_minor: int | None, to_gift_card: int, to_bank_card: int
) -> None:
    # R21, R24
    returned = shop.returned(amount_minor)
    promised = promise(returned, cards)
    assert promised.to_gift_card == Money(to_gift_card)
    assert promised.to_bank_card == Money(to_bank_card)
    assert promised.deadline is not None
    assert promised.deadline > datetime.now(UTC) + timedelta(days=29)
    assert shop.handed_over == []
    refunded = shop.take_back(returned)
    assert refunded.to_gift_card == promised.to_gift_card
    assert (refunded.to_bank_card or Money(0)) == promised.to_bank_card


def test_nothing_is_promised_that_would_be_declined(shop: Shop, cards: GiftCards) -> None:
    # R21
    long_ago = datetime.now(UTC).date() - timedelta(days=60)
    returned = shop.returned(1000, delivered_on=long_ago)
    assert promise(returned, cards) == Promise(declined=shop.take_back(returned).declined)


def test_the_new_card_pays_another_order(shop: Shop, cards: GiftCards) -> None:
    # R23
    shop.take_back(shop.returned(None))
    (credit,) = shop.handed_over
    assert cards.validate(
        credit.code, market="fr", order=order(CARD_MINOR), attempt_key=session()
    ).usable
    assert credit.expire_time > datetime.now(UTC) + timedelta(days=180)


@pytest.mark.parametrize(
    ("step", "is_settled_at_once"),
    [(lose_answer, True), (fail_before, False), (fail_after, False)],
    ids=["tried again by gRPC", "request lost", "answer lost"],
)
def test_a_return_that_was_cut_short_is_refunded_once(
    shop: Shop, gateway: FaultyGateway, step: Step, *, is_settled_at_once: bool
) -> None:
    gateway.next("Reverse", step)
    returned = shop.returned(7000)
    first = shop.take_back(returned)
    second, third = shop.take_back(returned), shop.take_back(returned)
    assert first.is_settled is is_settled_at_once
    assert second == third
    assert second == Refunded(is_settled=True, to_gift_card=Money(5000), to_bank_card=Money(2000))
    assert len({credit.code for credit in shop.handed_over}) == 1
    assert shop.bank.charged_minor == BANK_MINOR - 2000


@pytest.mark.parametrize("failure", [Failure.LOSE_REQUEST, Failure.LOSE_ANSWER])
def test_a_bank_that_does_not_answer_is_called_again_for_the_same_rest(
    shop: Shop, failure: Failure
) -> None:
    shop.bank.fail_next("refund", failure)
    returned = shop.returned(7000)
    assert shop.take_back(returned) == Refunded(is_settled=False, to_gift_card=Money(5000))
    assert shop.take_back(returned).to_bank_card == Money(2000)
    assert shop.bank.charged_minor == BANK_MINOR - 2000


def test_a_return_after_thirty_days_is_declined(shop: Shop) -> None:
    # R21
    long_ago = datetime.now(UTC).date() - timedelta(days=60)
    refunded = shop.take_back(shop.returned(1000, delivered_on=long_ago))
    assert refunded == Refunded(is_settled=True, declined="The time to return this order is over.")
    assert shop.bank.charged_minor == BANK_MINOR


def test_an_order_that_was_never_delivered_is_refunded_at_any_time(shop: Shop) -> None:
    # R26
    returned = shop.returned(None, reason=RefundReason.NOT_DELIVERED, delivered_on=None)
    assert shop.take_back(returned).to_gift_card == Money(CARD_MINOR)


def test_more_than_was_paid_is_not_refunded(shop: Shop) -> None:
    # R24
    refunded = shop.take_back(shop.returned(CARD_MINOR + BANK_MINOR + 1))
    assert refunded.declined == "This is more than is left to refund."


def test_a_change_of_mind_without_a_day_of_delivery_is_a_mistake(shop: Shop) -> None:
    # R21
    refunded = shop.take_back(shop.returned(1000, delivered_on=None))
    assert refunded.is_settled
    assert "delivered_on" in refunded.declined


def test_what_the_bank_gave_back_is_confirmed_once_however_often_the_return_is_processed(
    shop: Shop, live_server: ServerProcess
) -> None:
    def owed() -> list[Money]:
        found = refunds.due("fr")
        return [due.amount for due in found if due.authorization_id == returned.gift_card_reference]

    with Refunds(live_server.target) as refunds:
        returned = shop.returned(7000)
        refunded = shop.take_back(returned)
        assert owed() == [Money(2000)]
        for _ in range(2):
            confirm_bank_refund(refunds, returned, refunded)
        assert owed() == []
        later = shop.returned(1000)
        confirm_bank_refund(refunds, later, shop.take_back(later))
        assert owed() == []
