"""Declines that say nothing about earlier tries: a try whose answer was lost may stand (R36)."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from uuid import uuid4

import grpc
import pytest

from bank_card import BankCard
from checkout import Checkout, Outcome
from giftcard_client import Declined, GiftCards, Reason
from giftcard_client.tender import GiftCardTender, RefundReason, TenderStatus
from given.calls.sent import UNKNOWN_CODE
from given.checkout.checkouts import agree, assert_all_or_nothing, basket
from given.checkout.faulty_gateway import (
    FaultyGateway,
    Step,
    error_info,
    fail_after,
    fail_before,
    lose_answer,
    lose_request,
    pass_on,
    refuse,
)
from given.checkout.shopping import CARD_MINOR, Buy, capture, is_free, order, payment
from returns import Return, take_back

# The number of wrong codes that a session may try, by the built-in settings.
GUESSES = 10

THROTTLED = refuse(grpc.StatusCode.RESOURCE_EXHAUSTED, error_info("TOO_MANY_ATTEMPTS"))
REUSED = refuse(grpc.StatusCode.ALREADY_EXISTS, error_info("REQUEST_ID_REUSED"))
NEWER = refuse(grpc.StatusCode.FAILED_PRECONDITION, error_info("CARD_ASLEEP"))

MAY_STAND = {Reason.TOO_MANY_ATTEMPTS, Reason.REQUEST_ID_REUSED, Reason.UNRECOGNIZED}

Guess = Callable[[str], None]


@pytest.fixture
def guess(cards: GiftCards) -> Guess:
    """Tries wrong codes in a session until it is throttled."""

    def guessed(session: str) -> None:
        for _ in range(GUESSES):
            cards.validate(UNKNOWN_CODE, market="fr", order=order(100), attempt_key=session)
        refused = cards.validate(UNKNOWN_CODE, market="fr", order=order(100), attempt_key=session)
        assert refused.reason is Reason.TOO_MANY_ATTEMPTS

    return guessed


@pytest.mark.parametrize("reason", Reason)
def test_only_a_decline_that_says_nothing_about_earlier_tries_may_stand(reason: Reason) -> None:
    assert Declined(reason).may_stand is (reason in MAY_STAND)


@pytest.mark.parametrize("declined", [THROTTLED, REUSED, NEWER], ids=["throttled", "reused", "new"])
@pytest.mark.parametrize(
    "before",
    [[fail_after], [lose_answer], [fail_before], [lose_request], [fail_before, fail_after], []],
    ids=[
        "answer lost",
        "answer lost within the call",
        "request lost",
        "request lost within the call",
        "request lost, then answer",
        "first try",
    ],
)
def test_an_authorize_that_may_stand_is_undone_by_the_checkout(
    gateway: FaultyGateway,
    lossy_tender: GiftCardTender,
    tender: GiftCardTender,
    buy: Buy,
    before: Sequence[Step],
    declined: Step,
) -> None:
    # R36
    code = buy(CARD_MINOR).code
    gateway.next("Authorize", *before, declined)
    bank = BankCard()
    checkout = Checkout(lossy_tender, bank, agree)
    receipt = checkout.pay(basket(code))
    assert (receipt.outcome, checkout.is_undone) == (Outcome.NOT_PAID, True)
    assert_all_or_nothing(tender, bank, code, receipt)


@pytest.mark.parametrize("declined", [THROTTLED, REUSED], ids=["throttled", "reused"])
def test_a_void_that_may_stand_is_called_again(
    gateway: FaultyGateway,
    lossy_tender: GiftCardTender,
    tender: GiftCardTender,
    buy: Buy,
    declined: Step,
) -> None:
    # R36
    code = buy(CARD_MINOR).code
    gateway.next("Authorize", fail_after, THROTTLED)
    gateway.next("Reverse", declined)
    bank = BankCard()
    checkout = Checkout(lossy_tender, bank, agree)
    receipt = checkout.pay(basket(code))
    assert (receipt.outcome, checkout.is_undone) == (Outcome.UNDOING, False)
    checkout.finish_undoing()
    assert checkout.is_undone
    assert_all_or_nothing(tender, bank, code, receipt)


@pytest.mark.parametrize("declined", [THROTTLED, REUSED], ids=["throttled", "reused"])
@pytest.mark.parametrize("before", [fail_after, fail_before], ids=["answer lost", "request lost"])
def test_a_capture_that_may_stand_is_given_back(
    gateway: FaultyGateway,
    lossy_tender: GiftCardTender,
    tender: GiftCardTender,
    buy: Buy,
    before: Step,
    declined: Step,
) -> None:
    # R36, R23
    code = buy(CARD_MINOR).code
    gateway.next("Capture", before, declined)
    bank = BankCard()
    receipt = Checkout(lossy_tender, bank, agree).pay(basket(code))
    assert receipt.outcome is Outcome.NOT_PAID
    assert (receipt.store_credit is not None) == (before is fail_after)
    assert_all_or_nothing(tender, bank, code, receipt)


def test_a_refund_that_may_stand_is_not_settled_until_it_is_asked_for_again(
    gateway: FaultyGateway, lossy_tender: GiftCardTender, buy: Buy
) -> None:
    held = lossy_tender.authorize(payment(buy(CARD_MINOR).code, order(CARD_MINOR)))
    capture(lossy_tender, held.reference)
    returned = Return(str(uuid4()), held.reference, "", None, RefundReason.DEFECTIVE)
    gateway.next("Reverse", fail_after, REUSED, pass_on)
    took_back = [
        take_back(returned, gift_card=lossy_tender, bank_card=BankCard(), hand_over=lambda _: None)
        for _ in range(3)
    ]
    assert [each.is_settled for each in took_back] == [False, False, True]
    assert [each.declined != "" for each in took_back] == [False, True, False]


@pytest.mark.parametrize("lost", [fail_after, fail_before], ids=["answer lost", "request lost"])
def test_a_shopper_who_is_throttled_between_two_tries_leaves_nothing_set_aside(
    gateway: FaultyGateway,
    lossy_tender: GiftCardTender,
    tender: GiftCardTender,
    buy: Buy,
    guess: Guess,
    lost: Step,
) -> None:
    # R36, by the throttle of the real server.
    code = buy(CARD_MINOR).code
    wanted = basket(code)

    def guess_and_lose(forward: Callable[[], bytes], context: grpc.ServicerContext) -> bytes:
        # The first try is forwarded before the guesses, which would throttle it too.
        answered = forward() if lost is fail_after else b""
        guess(wanted.session)
        return lost(lambda: answered, context)

    gateway.next("Authorize", guess_and_lose)
    bank = BankCard()
    checkout = Checkout(lossy_tender, bank, agree)
    receipt = checkout.pay(wanted)
    # A replay may pass the throttle; a request that never arrived does not.
    assert receipt.outcome is Outcome.NOT_PAID or lost is fail_after
    assert checkout.is_undone
    assert_all_or_nothing(tender, bank, code, receipt)


def test_an_id_that_was_used_for_another_order_may_stand_and_void_frees_the_card(
    tender: GiftCardTender, buy: Buy
) -> None:
    # R36, by the real server.
    code = buy(CARD_MINOR).code
    asked = payment(code, order(CARD_MINOR))
    tender.authorize(asked)
    result = tender.authorize(replace(asked, order=order(CARD_MINOR)))
    assert (result.status, result.code) == (TenderStatus.DECLINED, "REQUEST_ID_REUSED")
    assert result.may_stand
    assert not is_free(tender, code)
    assert tender.void(authorize_request_id=asked.request_id).status is TenderStatus.VOIDED
    assert is_free(tender, code)
