"""The six calls at the real server: their results, and what they raise."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from giftcard_client import (
    Authorization,
    AuthorizationState,
    CardOrigin,
    CardState,
    Contact,
    Declined,
    GiftCards,
    InvalidRequest,
    Issued,
    Money,
    PaymentMethod,
    Purchase,
    PurchaseRefund,
    Reason,
    ReverseOutcome,
    ReverseReason,
)
from given.calls.sent import UNKNOWN_CODE
from given.checkout.shopping import BUYER, SHOPPER, Buy, order, session


def authorize(cards: GiftCards, code: str, *amounts_minor: int) -> Authorization:
    """Set money aside on a card for an order with a line for each amount."""
    return cards.authorize(
        code,
        market="fr",
        order=order(*amounts_minor),
        customer=SHOPPER,
        attempt_key=session(),
    ).authorization


def test_a_purchase_is_answered_with_a_new_card_and_its_code(cards: GiftCards) -> None:
    issued = cards.issue(
        market="fr",
        amount=Money(5000),
        purchase=Purchase("p-" + str(uuid4()), str(uuid4())),
        purchaser=BUYER,
        recipient=Contact("recipient@example.com"),
        design="birthday",
        message="Bon anniversaire !",
    )
    card = issued.card
    assert (card.state, card.origin) == (CardState.ACTIVE, CardOrigin.PURCHASE)
    assert card.balance == card.initial_amount == Money(5000, "EUR")
    assert card.issue_time.tzinfo is UTC
    assert timedelta(days=180) < card.expire_time - card.issue_time < timedelta(days=185)
    assert issued.code.endswith(card.last4)
    assert (card.market, card.replaces_card_id) == ("fr", "")


def test_validate_says_how_an_order_would_split(cards: GiftCards, buy: Buy) -> None:
    bought = buy(5000)
    quote = cards.validate(
        bought.code.lower(), market="fr", order=order(6000, 490), attempt_key=session()
    )
    assert (quote.usable, quote.reason, quote.card) == (True, None, bought.card)
    assert quote.applicable_amount == Money(5000)
    assert quote.remaining_due == Money(1490)
    assert quote.forfeited_amount == Money(0)


def test_without_an_order_validate_says_what_is_on_the_card(cards: GiftCards, buy: Buy) -> None:
    bought = buy(5000)
    found = cards.validate(bought.code, market="fr", attempt_key=session())
    assert (found.usable, found.reason, found.card) == (True, None, bought.card)
    assert found.remaining_due == found.applicable_amount == found.forfeited_amount == Money(0)
    cards.capture(authorize(cards, bought.code, 6000).authorization_id)
    found = cards.validate(bought.code, market="fr", attempt_key=session())
    assert (found.usable, found.reason) == (False, Reason.CARD_REDEEMED)
    assert found.card is not None
    assert (found.card.state, found.card.balance) == (CardState.REDEEMED, Money(0))


def test_authorize_sets_aside_what_the_card_can_pay(cards: GiftCards, buy: Buy) -> None:
    basket = order(6000, 490)
    held = cards.authorize(
        buy(5000).code,
        market="fr",
        order=basket,
        customer=SHOPPER,
        hold_for=timedelta(minutes=15),
        attempt_key=session(),
    ).authorization
    assert (held.state, held.order_id) == (AuthorizationState.OPEN, basket.order_id)
    assert (held.order_total, held.authorized_amount) == (Money(6490), Money(5000))
    assert held.remaining_due == Money(1490)
    assert held.expire_time - held.create_time == timedelta(minutes=15)


def test_capture_takes_all_that_was_set_aside(cards: GiftCards, buy: Buy) -> None:
    held = authorize(cards, buy(5000).code, 6000, 490)
    captured = cards.capture(held.authorization_id)
    assert captured.authorization.state is AuthorizationState.CAPTURED
    assert captured.authorization.captured_amount == Money(5000)
    assert captured.replacement is None


def test_a_captured_order_that_is_returned_comes_back_on_a_new_card(
    cards: GiftCards, buy: Buy
) -> None:
    # R23, R24
    bought = buy(5000)
    held = authorize(cards, bought.code, 6000, 490)
    cards.capture(held.authorization_id)
    reversed_ = cards.reverse(
        held.authorization_id,
        reason=ReverseReason.CHANGE_OF_MIND,
        delivered_on=datetime.now(UTC).date(),
    )
    assert reversed_.outcome is ReverseOutcome.REFUNDED
    assert reversed_.gift_card_amount == Money(5000)
    assert reversed_.other_tender_amount == Money(1490)
    assert reversed_.replacement is not None
    assert reversed_.replacement.code != bought.code
    assert reversed_.replacement.card.origin is CardOrigin.REFUND
    assert reversed_.replacement.card.replaces_card_id == bought.card.card_id
    assert reversed_.authorization is not None
    assert reversed_.authorization.refunded_amount == Money(5000)


def test_a_cancelled_purchase_says_what_to_pay_back(cards: GiftCards) -> None:
    purchase = Purchase("p-" + str(uuid4()), "psp-77")
    bought = cards.issue(market="fr", amount=Money(5000), purchase=purchase, purchaser=BUYER)
    cancelled = cards.cancel(bought.code, purchase_order_id=purchase.order_id)
    assert cancelled.card.state is CardState.CANCELLED
    assert cancelled.refund == PurchaseRefund(Money(5000), PaymentMethod.BANK_CARD, "psp-77")


def test_less_captured_than_set_aside_comes_back_as_a_new_card(cards: GiftCards, buy: Buy) -> None:
    # R27
    held = authorize(cards, buy(5000).code, 5000)
    captured = cards.capture(held.authorization_id, Money(2000))
    assert captured.replacement is not None
    assert captured.replacement.card.balance == Money(3000)


def test_validate_refuses_in_its_answer(cards: GiftCards, buy: Buy) -> None:
    quote = cards.validate(
        buy(5000).code, market="fr", order=order(700, category="insurance"), attempt_key=session()
    )
    assert (quote.usable, quote.reason) == (False, Reason.NOTHING_ELIGIBLE)
    assert quote.card is not None
    assert (quote.applicable_amount, quote.remaining_due) == (Money(0), Money(700))


def test_validate_reveals_no_card_to_a_caller_without_its_code(cards: GiftCards) -> None:
    quote = cards.validate(UNKNOWN_CODE, market="fr", order=order(700), attempt_key=session())
    assert (quote.usable, quote.reason, quote.card) == (False, Reason.CARD_NOT_FOUND, None)


def test_a_rule_s_refusal_is_declined_with_its_facts(cards: GiftCards, buy: Buy) -> None:
    held = authorize(cards, buy(5000).code, 5000)
    request_id = str(uuid4())
    with pytest.raises(Declined) as caught:
        cards.capture(held.authorization_id, Money(5001), request_id)
    assert caught.value.reason is Reason.AMOUNT_EXCEEDS_AUTHORIZED
    assert caught.value.facts["authorized_amount_minor"] == "5000"
    assert caught.value.request_id == request_id


def test_a_malformed_request_lists_every_mistake(cards: GiftCards) -> None:
    basket = replace(order(1000), order_id="", total=Money(-1))
    with pytest.raises(InvalidRequest) as caught:
        cards.authorize("ANY", market="", order=basket, customer=SHOPPER, request_id="no-uuid")
    wrong = {violation.field for violation in caught.value.violations}
    assert wrong >= {"request_id", "market", "order.order_id", "order.total.amount_minor"}


def test_an_empty_request_id_is_a_mistake_and_not_a_new_one(cards: GiftCards) -> None:
    with pytest.raises(InvalidRequest):
        cards.capture("an-authorization", request_id="")


def test_the_same_request_again_gets_the_first_answer_code_included(cards: GiftCards) -> None:
    request_id = uuid4()
    purchase = Purchase(f"p-{request_id}", f"psp-{request_id}")

    def issue() -> Issued:
        return cards.issue(
            market="fr",
            amount=Money(5000),
            purchase=purchase,
            purchaser=BUYER,
            request_id=request_id,
        )

    first, second = issue(), issue()
    assert (first.replayed, second.replayed) == (False, True)
    assert replace(second, replayed=False) == first


def test_reverse_takes_exactly_one_name_of_what_to_reverse(cards: GiftCards) -> None:
    with pytest.raises(TypeError, match="either"):
        cards.reverse(reason=ReverseReason.TECHNICAL)
    with pytest.raises(TypeError, match="either"):
        cards.reverse("a", authorize_request_id="b", reason=ReverseReason.TECHNICAL)


def test_one_client_serves_many_threads(cards: GiftCards, buy: Buy) -> None:
    code, basket = buy(5000).code, order(5000)
    usable: list[bool] = []
    threads = [
        threading.Thread(
            target=lambda: usable.append(
                cards.validate(code, market="fr", order=basket, attempt_key=session()).usable
            )
        )
        for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert usable == [True] * 16
