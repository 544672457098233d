"""A checkout: a shopper who agrees, a basket, and the check that it was all or nothing."""

from bank_card import BankCard
from checkout import Basket, Outcome, Receipt
from giftcard_client.tender import GiftCardTender, Quote
from given.checkout.shopping import CARD_MINOR, SHOPPER, is_free, order, session

BANK_MINOR = 4390


def agree(quote: Quote) -> bool:
    """Agree to every usable quote."""
    return quote.usable


def basket(code: str) -> Basket:
    """Return an order over 93.90, of which the card pays 50."""
    return Basket(
        order(8900, BANK_MINOR + CARD_MINOR - 8900), "fr", SHOPPER, code, "tok", session()
    )


def assert_all_or_nothing(
    tender: GiftCardTender, bank: BankCard, code: str, receipt: Receipt
) -> None:
    """Check both tenders: paid in full, or nothing taken and nothing set aside."""
    assert bank.held_minor == 0
    if receipt.outcome is Outcome.PAID:
        assert bank.charged_minor == BANK_MINOR
        used = tender.quote(code, market="fr", order=order(100), session=session())
        assert (used.usable, used.code) == (False, "CARD_REDEEMED")
        return
    assert bank.charged_minor == 0
    # A card that had been captured came back as a new one of the same amount (R23).
    credit = receipt.store_credit
    assert is_free(tender, credit.code if credit else code)
