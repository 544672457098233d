"""Faults in the example checkout: paid in full, or nothing set aside anywhere (R36)."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import grpc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bank_card import BankCard, Failure
from checkout import NOT_NOW, TRIES, Checkout, Outcome
from giftcard_client.tender import GiftCardTender
from given.checkout.checkouts import (
    agree,
    assert_all_or_nothing,
    basket,
)
from given.checkout.faulty_gateway import (
    FaultyGateway,
    Step,
    error_info,
    fail_after,
    fail_before,
    hang_after,
    hang_before,
    lose_answer,
    lose_request,
    pass_on,
    refuse,
)
from given.checkout.shopping import CARD_MINOR, Buy

Steps = dict[str, Sequence[Step]]
BankFailures = dict[str, Sequence[Failure]]

DECLINE, LOSE_REQUEST, LOSE_ANSWER = Failure
BLOCKED = refuse(grpc.StatusCode.FAILED_PRECONDITION, error_info("CARD_BLOCKED"))
HELD = refuse(grpc.StatusCode.FAILED_PRECONDITION, error_info("CARD_HELD"))


NO_FAULT: Steps = {}
NO_FAILURE: BankFailures = {}


@pytest.mark.parametrize(
    ("gift_card", "bank_card", "outcome"),
    [
        pytest.param(NO_FAULT, NO_FAILURE, Outcome.PAID, id="no fault"),
        # A call whose answer is lost is repeated under its request id.
        pytest.param(
            {"Authorize": [lose_answer], "Capture": [lose_answer]},
            {"authorize": [LOSE_ANSWER], "capture": [LOSE_ANSWER]},
            Outcome.PAID,
            id="every answer lost once",
        ),
        pytest.param(
            {"Authorize": [lose_request, fail_before], "Capture": [lose_request, fail_before]},
            {"authorize": [LOSE_REQUEST] * 2, "capture": [LOSE_REQUEST] * 2},
            Outcome.PAID,
            id="every request lost twice",
        ),
        pytest.param(
            NO_FAULT, {"authorize": [DECLINE]}, Outcome.NOT_PAID, id="bank declines authorize"
        ),
        pytest.param(
            NO_FAULT,
            {"authorize": [LOSE_REQUEST] * TRIES},
            Outcome.NOT_PAID,
            id="authorize never reaches the bank",
        ),
        pytest.param(
            NO_FAULT,
            {"authorize": [LOSE_ANSWER] * TRIES},
            Outcome.NOT_PAID,
            id="bank never answers authorize",
        ),
        pytest.param(
            {"Authorize": [HELD]}, NO_FAILURE, Outcome.NOT_PAID, id="gift card declines authorize"
        ),
        pytest.param(
            {"Authorize": [fail_before] * TRIES},
            NO_FAILURE,
            Outcome.NOT_PAID,
            id="authorize never reaches the gift card",
        ),
        pytest.param(
            {"Authorize": [fail_after] * TRIES},
            NO_FAILURE,
            Outcome.NOT_PAID,
            id="gift card never answers authorize",
        ),
        pytest.param(
            NO_FAULT, {"capture": [DECLINE]}, Outcome.NOT_PAID, id="bank declines capture"
        ),
        pytest.param(
            NO_FAULT,
            {"capture": [LOSE_REQUEST] * TRIES},
            Outcome.NOT_PAID,
            id="capture never reaches the bank",
        ),
        pytest.param(
            NO_FAULT,
            {"capture": [LOSE_ANSWER] * TRIES},
            Outcome.NOT_PAID,
            id="bank never answers capture",
        ),
        pytest.param(
            {"Capture": [BLOCKED]}, NO_FAILURE, Outcome.NOT_PAID, id="gift card declines capture"
        ),
        pytest.param(
            {"Capture": [fail_before] * TRIES},
            NO_FAILURE,
            Outcome.NOT_PAID,
            id="capture never reaches the gift card",
        ),
        pytest.param(
            {"Capture": [fail_after] * TRIES},
            NO_FAILURE,
            Outcome.NOT_PAID,
            id="gift card never answers capture",
        ),
        pytest.param(
            {"Authorize": [fail_after] * TRIES, "Reverse": [fail_after] * (TRIES - 1)},
            NO_FAILURE,
            Outcome.NOT_PAID,
            id="the answers to void are lost as well",
        ),
        pytest.param(
            {"Authorize": [fail_after] * TRIES, "Reverse": [fail_before] * TRIES},
            NO_FAILURE,
            Outcome.UNDOING,
            id="the gift card cannot be voided yet",
        ),
        pytest.param(
            {"Authorize": [HELD]},
            {"void": [LOSE_REQUEST] * TRIES},
            Outcome.UNDOING,
            id="the bank card cannot be voided yet",
        ),
    ],
)
def test_an_order_is_paid_in_full_or_nothing_is_set_aside_anywhere(
    gateway: FaultyGateway,
    lossy_tender: GiftCardTender,
    tender: GiftCardTender,
    buy: Buy,
    gift_card: Steps,
    bank_card: BankFailures,
    outcome: Outcome,
) -> None:
    # R36
    code = buy(CARD_MINOR).code
    for method, steps in gift_card.items():
        gateway.next(method, *steps)
    bank = BankCard(bank_card)
    checkout = Checkout(lossy_tender, bank, agree)

    receipt = checkout.pay(basket(code))

    assert receipt.outcome is outcome
    if outcome is Outcome.UNDOING:
        assert not checkout.is_undone
        checkout.finish_undoing()
    assert_all_or_nothing(tender, bank, code, receipt)
    assert checkout.is_undone


@pytest.mark.parametrize("lost", [hang_before, hang_after], ids=["request", "answer"])
def test_a_gift_card_that_falls_silent_is_given_back(
    gateway: FaultyGateway,
    impatient_tender: GiftCardTender,
    tender: GiftCardTender,
    buy: Buy,
    lost: Step,
) -> None:
    # R36, by the deadline of a real call.
    code = buy(CARD_MINOR).code
    gateway.next("Authorize", *[lost] * TRIES)
    bank = BankCard()
    receipt = Checkout(impatient_tender, bank, agree).pay(basket(code))
    assert receipt.outcome is Outcome.NOT_PAID
    assert receipt.message == NOT_NOW.format("gift card")
    assert_all_or_nothing(tender, bank, code, receipt)


def test_an_authorize_that_arrives_after_the_checkout_was_given_up_sets_nothing_aside(
    gateway: FaultyGateway,
    lossy_tender: GiftCardTender,
    tender: GiftCardTender,
    buy: Buy,
) -> None:
    # R36: the request arrives only now.
    code = buy(CARD_MINOR).code
    late: list[Callable[[], bytes]] = []

    def delay(forward: Callable[[], bytes], context: grpc.ServicerContext) -> bytes:
        late.append(forward)
        return fail_before(forward, context)

    gateway.next("Authorize", *[delay] * TRIES)
    bank = BankCard()
    receipt = Checkout(lossy_tender, bank, agree).pay(basket(code))
    for forward in late:
        with pytest.raises(Exception):  # noqa: B017, PT011 - gRPC raises a bare Exception to abort
            forward()
    assert_all_or_nothing(tender, bank, code, receipt)


GIFT_CARD_STEPS = st.lists(st.sampled_from([pass_on, fail_before, fail_after]), max_size=6)
BANK_FAILURES = st.lists(st.sampled_from([LOSE_REQUEST, LOSE_ANSWER]), max_size=4)


@settings(
    max_examples=60,
    deadline=None,
    # The test clears the gateway's steps for each example, and buys new cards.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    gift_card=st.fixed_dictionaries(
        dict.fromkeys(("Authorize", "Capture", "Reverse"), GIFT_CARD_STEPS)
    ),
    bank_card=st.fixed_dictionaries(dict.fromkeys(("authorize", "capture", "void"), BANK_FAILURES)),
)
def test_with_any_losses_an_order_is_paid_in_full_or_nothing_is_set_aside(
    gateway: FaultyGateway,
    lossy_tender: GiftCardTender,
    tender: GiftCardTender,
    buy: Buy,
    gift_card: Steps,
    bank_card: BankFailures,
) -> None:
    # R36
    code = buy(CARD_MINOR).code
    for method, steps in gift_card.items():
        gateway.forget(method)
        gateway.next(method, *steps)
    bank = BankCard(bank_card)
    checkout = Checkout(lossy_tender, bank, agree)
    receipt = checkout.pay(basket(code))
    while not checkout.is_undone:
        credit = checkout.finish_undoing()
        receipt = replace(receipt, store_credit=credit or receipt.store_credit)
    assert_all_or_nothing(tender, bank, code, receipt)
