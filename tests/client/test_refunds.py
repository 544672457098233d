"""`Refunds` at the real server: what is due, in pages, and confirmations that are sent again."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from giftcard_client import (
    Declined,
    GiftCards,
    InvalidRequest,
    Money,
    PaymentMethod,
    Purchase,
    Reason,
    RefundDue,
    Refunds,
    ReverseReason,
)
from given.calls.shop import TIMEOUT_SECONDS
from given.checkout.faulty_gateway import FaultyGateway, lose_answer
from given.checkout.shopping import BUYER, SHOPPER, Buy, order
from given.servers.server_process import ServerProcess

pytestmark = pytest.mark.one_database


@pytest.fixture
def refunds(live_server: ServerProcess) -> Iterator[Refunds]:
    with Refunds(live_server.target, timeout_seconds=TIMEOUT_SECONDS) as client:
        yield client


def cancelled(cards: GiftCards) -> tuple[str, Purchase]:
    """Cancel the purchase of a card; return its id and how it was bought."""
    purchase = Purchase(f"purchase-{uuid4()}", f"psp-{uuid4()}")
    issued = cards.issue(market="fr", amount=Money(5000), purchase=purchase, purchaser=BUYER)
    cards.cancel(issued.code, purchase_order_id=purchase.order_id)
    return issued.card.card_id, purchase


def refunded(cards: GiftCards, code: str) -> str:
    """Refund an order that a card paid together with another tender; return its authorization."""
    held = cards.authorize(code, market="fr", order=order(8000), customer=SHOPPER)
    authorization_id = held.authorization.authorization_id
    cards.capture(authorization_id)
    cards.reverse(authorization_id, reason=ReverseReason.DEFECTIVE)
    return authorization_id


def of(dues: Iterator[RefundDue], *ids: str) -> list[RefundDue]:
    """Return those of these cards and authorizations; other tests have theirs in the list."""
    return [due for due in dues if {due.card_id, due.authorization_id} & set(ids)]


def test_r24_r29_what_is_due_has_all_that_a_payment_provider_needs(
    cards: GiftCards, refunds: Refunds, buy: Buy
) -> None:
    card_id, purchase = cancelled(cards)
    authorization_id = refunded(cards, buy(5000).code)
    of_purchase, of_order = of(refunds.due("fr"), card_id, authorization_id)
    assert (of_purchase.card_id, of_purchase.authorization_id) == (card_id, "")
    assert (of_purchase.market, of_purchase.order_id) == ("fr", purchase.order_id)
    assert of_purchase.amount == Money(5000)
    assert of_purchase.payment_method is PaymentMethod.BANK_CARD
    assert of_purchase.payment_reference == purchase.payment_reference
    assert (of_purchase.confirm_time, of_purchase.provider_reference) == (None, "")
    assert (of_order.card_id, of_order.authorization_id) == ("", authorization_id)
    assert (of_order.amount, of_order.payment_method) == (Money(3000), None)
    assert of_purchase.due_time <= of_order.due_time


def test_a_refund_is_confirmed_in_parts_until_nothing_is_due(
    cards: GiftCards, refunds: Refunds
) -> None:
    card_id, _ = cancelled(cards)
    part = refunds.confirm(card_id=card_id, amount=Money(2000), provider_reference="r-1")
    assert (part.refund_due.amount, part.refund_due.provider_reference) == (Money(3000), "r-1")
    assert part.refund_due.confirm_time is not None
    assert of(refunds.due("fr"), card_id) == [part.refund_due]
    refunds.confirm(card_id=card_id, amount=Money(3000), provider_reference="r-2")
    assert of(refunds.due("fr"), card_id) == []
    with pytest.raises(Declined) as declined:
        refunds.confirm(card_id=card_id, amount=Money(1), provider_reference="r-3")
    assert declined.value.reason is Reason.REFUND_NOT_DUE
    assert declined.value.facts["due_amount_minor"] == "0"


def test_every_page_is_fetched(cards: GiftCards, refunds: Refunds) -> None:
    ids = [cancelled(cards)[0] for _ in range(5)]
    assert [due.card_id for due in of(refunds.due("fr", page_size=2), *ids)] == ids


def test_a_confirmation_whose_answer_was_lost_is_sent_again_and_counts_once(
    cards: GiftCards, gateway: FaultyGateway
) -> None:
    card_id, _ = cancelled(cards)
    gateway.next("ConfirmRefund", lose_answer)
    with Refunds(gateway.target, timeout_seconds=TIMEOUT_SECONDS) as refunds:
        confirmed = refunds.confirm(card_id=card_id, amount=Money(5000), provider_reference="r")
        assert confirmed.replayed
        assert confirmed.refund_due.amount == Money(0)
        assert of(refunds.due("fr"), card_id) == []


def test_exactly_one_refund_has_to_be_named(refunds: Refunds) -> None:
    for id_ in (None, "1"):
        with pytest.raises(TypeError, match="either card_id or authorization_id"):
            refunds.confirm(
                card_id=id_, authorization_id=id_, amount=Money(1), provider_reference="r"
            )


def test_a_market_that_the_service_does_not_have_is_invalid(refunds: Refunds) -> None:
    with pytest.raises(InvalidRequest):
        list(refunds.due("xx"))
