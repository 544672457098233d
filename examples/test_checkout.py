"""Tests of a checkout against a real gift card service, which the fixture `gift_cards` starts.

    pytest examples/test_checkout.py

It needs neither Docker nor a running server: giftcard-tender in the environment of the tests.
"""

from bank_card import BankCard, Failure
from checkout import Basket, Checkout, Outcome
from giftcard_client import Contact, GiftCards, Money, Order, OrderLine
from giftcard_client.tender import GiftCardTender
from giftcard_client.testing import new_card

SHOPPER = Contact("shopper@example.com", "A. Shopper", "fr-FR")


def basket(order_id: str, cents: int, code: str) -> Basket:
    """Return an order with one line."""
    order = Order(order_id, Money(cents), [OrderLine("goods", Money(cents))])
    return Basket(order, "fr", SHOPPER, code, "tok_visa")


def test_a_card_and_a_bank_card_share_an_order(gift_cards: GiftCards) -> None:
    """The gift card pays what it can, and the bank card the rest."""
    card = new_card(gift_cards, 50_00)
    checkout = Checkout(GiftCardTender(gift_cards), BankCard(), agree=lambda _: True)
    receipt = checkout.pay(basket("order-1", 80_00, card.code))
    assert receipt.outcome is Outcome.PAID
    assert {leg.tender.name: leg.payment.amount.amount_minor for leg in receipt.legs} == {
        "bank_card": 30_00,
        "gift_card": 50_00,
    }


def test_where_the_bank_declines_the_card_is_free_again(gift_cards: GiftCards) -> None:
    """A checkout that fails leaves nothing set aside."""
    card = new_card(gift_cards, 50_00)
    bank = BankCard({"authorize": [Failure.DECLINE]})
    checkout = Checkout(GiftCardTender(gift_cards), bank, agree=lambda _: True)
    assert checkout.pay(basket("order-2", 80_00, card.code)).outcome is Outcome.NOT_PAID
    assert gift_cards.validate(card.code, market="fr").usable
