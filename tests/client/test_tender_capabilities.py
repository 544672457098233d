"""What a tender says that it can do is what happens at the real server."""

from dataclasses import FrozenInstanceError

import pytest

from bank_card import BankCard
from giftcard_client import Money
from giftcard_client.tender import (
    Capabilities,
    ComesBackAs,
    GiftCardTender,
    RefundReason,
    TenderStatus,
)
from given.checkout.shopping import Buy, capture, order, payment


@pytest.mark.parametrize(
    ("tender_type", "capabilities"),
    [
        (
            GiftCardTender,
            Capabilities(
                multiple_captures=False,
                uncaptured_rest=ComesBackAs.STORE_CREDIT,
                refunds=ComesBackAs.STORE_CREDIT,
                extendable_holds=True,
            ),
        ),
        (
            BankCard,
            Capabilities(
                multiple_captures=False,
                uncaptured_rest=ComesBackAs.SAME_INSTRUMENT,
                refunds=ComesBackAs.SAME_INSTRUMENT,
                extendable_holds=False,
            ),
        ),
    ],
)
def test_a_tender_says_what_it_can_do_before_there_is_any_payment(
    tender_type: type[GiftCardTender | BankCard], capabilities: Capabilities
) -> None:
    assert tender_type.capabilities == capabilities
    with pytest.raises(FrozenInstanceError):
        capabilities.multiple_captures = True  # type: ignore[misc] # That is what is tested.


@pytest.mark.parametrize("first_minor", [None, 2000])
def test_a_gift_card_is_captured_once_and_the_rest_is_store_credit(
    tender: GiftCardTender, buy: Buy, first_minor: int | None
) -> None:
    # R14, R27
    held = tender.authorize(payment(buy(5000).code, order(9000), 5000))
    first = capture(tender, held.reference, Money(first_minor) if first_minor else None)
    assert (first.store_credit is None) == (first_minor is None)
    assert tender.capabilities.uncaptured_rest is ComesBackAs.STORE_CREDIT
    again = capture(tender, held.reference, Money(1000))
    assert (again.status, again.code) == (TenderStatus.DECLINED, "AUTHORIZATION_CAPTURED")
    assert not tender.capabilities.multiple_captures


def test_a_parcel_that_never_leaves_comes_back_to_a_new_card_first(
    tender: GiftCardTender, buy: Buy
) -> None:
    # As docs/integrator.md says: an order of 90 € in parcels of 30, 30 and 30 €; the card of
    # 50 € pays the first and 20 € of the second.
    bank = BankCard()
    basket = order(3000, 3000, 3000)
    held = tender.authorize(payment(buy(5000).code, basket, 5000))
    assert held.remaining == Money(4000)
    set_aside = bank.authorize(payment("bank token", basket, 4000))
    assert capture(tender, held.reference, None).amount == Money(5000)
    back = tender.refund(
        held.reference,
        Money(3000),
        request_id="5d0c1d2f-4a57-4f9e-9d3c-0d7f6b3a9e21",
        reason=RefundReason.ORDER_CANCELLED,
    )
    assert tender.capabilities.refunds is ComesBackAs.STORE_CREDIT
    assert back.store_credit is not None
    assert (back.amount, back.store_credit.amount) == (Money(3000), Money(3000))
    assert back.remaining == Money(0)
    charged = bank.capture(set_aside.reference, Money(4000), request_id="the third parcel")
    assert charged.status is TenderStatus.CHARGED
