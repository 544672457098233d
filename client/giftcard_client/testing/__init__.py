"""A real gift card service for other people's tests, on a database that is deleted afterwards.

The plugin of pytest, which every environment with this package and the service has, brings the
fixture `gift_cards`: a client of a server of its own.

    def test_a_card_pays(gift_cards: GiftCards) -> None:
        card = new_card(gift_cards, 50_00)
        seen = gift_cards.validate(card.code, market="fr")
        assert seen.usable
"""

from uuid import uuid4

from giftcard_client.gift_cards import GiftCards
from giftcard_client.results import Issued
from giftcard_client.values import Contact, Money, Purchase

__all__ = ["new_card"]

BUYER = Contact("buyer@example.org", "A. Buyer")


def new_card(cards: GiftCards, amount_minor: int = 50_00, *, market: str = "fr") -> Issued:
    """Buy a card in a new purchase. Raises Declined for an amount that is not sold (R2)."""
    purchase = Purchase(f"purchase-{uuid4()}", f"payment-{uuid4()}")
    return cards.issue(
        market=market, amount=Money(amount_minor), purchase=purchase, purchaser=BUYER
    )
