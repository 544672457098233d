"""Void at the real server: it undoes an authorize in any state (R36)."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import grpc
import pytest

from bank_card import BankCard
from giftcard_client import Money
from giftcard_client.channel import MAX_TRIES
from giftcard_client.tender import (
    GiftCardTender,
    TenderStatus,
)
from given.checkout.faulty_gateway import (
    FaultyGateway,
    Step,
    hang_after,
    lose_answer,
)
from given.checkout.shopping import CARD_MINOR, Buy, capture, is_free, order, payment

Code = grpc.StatusCode


@pytest.mark.parametrize("by", ["reference", "authorize_request_id"])
@pytest.mark.parametrize("times", [1, 3])
def test_void_frees_the_card_however_often_it_is_called(
    tender: GiftCardTender, buy: Buy, by: str, times: int
) -> None:
    code = buy(CARD_MINOR).code
    asked = payment(code, order(5000))
    held = tender.authorize(asked)
    named = {"reference": held.reference, "authorize_request_id": asked.request_id}[by]
    results = [tender.void(**{by: named}) for _ in range(times)]
    assert {result.status for result in results} == {TenderStatus.VOIDED}
    assert {result.amount for result in results} == {Money(5000)}
    assert is_free(tender, code)


def test_void_by_the_other_name_finds_the_payment_voided(tender: GiftCardTender, buy: Buy) -> None:
    asked = payment(buy(CARD_MINOR).code, order(5000))
    held = tender.authorize(asked)
    assert tender.void(reference=held.reference).status is TenderStatus.VOIDED
    again = tender.void(authorize_request_id=asked.request_id)
    assert again.status is TenderStatus.VOIDED


def test_void_prevents_an_authorize_that_has_not_arrived(tender: GiftCardTender, buy: Buy) -> None:
    # R36
    code = buy(CARD_MINOR).code
    asked = payment(code, order(5000))
    assert tender.void(authorize_request_id=asked.request_id).status is TenderStatus.VOIDED
    late = tender.authorize(asked)
    assert (late.status, late.code) == (TenderStatus.DECLINED, "REQUEST_PREVENTED")
    assert is_free(tender, code)


def test_void_of_a_declined_authorize_is_voided(tender: GiftCardTender, buy: Buy) -> None:
    asked = payment(buy(CARD_MINOR).code, replace(order(5000), discount_codes=["TEN"]))
    assert tender.authorize(asked).status is TenderStatus.DECLINED
    assert tender.void(authorize_request_id=asked.request_id).status is TenderStatus.VOIDED


def test_void_of_a_hold_that_lapsed_is_voided(tender: GiftCardTender, buy: Buy) -> None:
    # R34
    code = buy(CARD_MINOR).code
    asked = replace(payment(code, order(5000)), hold_for=timedelta(milliseconds=1))
    held = tender.authorize(asked)
    assert tender.void(reference=held.reference).status is TenderStatus.VOIDED
    assert is_free(tender, code)


@pytest.mark.parametrize("by", ["reference", "authorize_request_id"])
def test_void_of_a_charged_payment_refunds_it_once(
    tender: GiftCardTender, buy: Buy, by: str
) -> None:
    # R23
    asked = payment(buy(CARD_MINOR).code, order(9000), 5000)
    held = tender.authorize(asked)
    capture(tender, held.reference)
    named = {"reference": held.reference, "authorize_request_id": asked.request_id}[by]
    first, second = tender.void(**{by: named}), tender.void(**{by: named})
    assert first == second
    assert (first.status, first.amount) == (TenderStatus.REFUNDED, Money(5000))
    assert first.store_credit is not None
    assert is_free(tender, first.store_credit.code)


def test_void_of_an_unknown_payment_is_declined(tender: GiftCardTender) -> None:
    result = tender.void(reference=str(uuid4()))
    assert (result.status, result.code) == (TenderStatus.DECLINED, "AUTHORIZATION_NOT_FOUND")


@pytest.mark.parametrize("named", [{}, {"reference": "a", "authorize_request_id": "b"}])
def test_void_takes_exactly_one_name_of_the_payment(
    tender: GiftCardTender, named: dict[str, str]
) -> None:
    for each in (tender, BankCard()):
        with pytest.raises(TypeError, match="either"):
            each.void(**named)


@pytest.mark.parametrize("lost", [lose_answer, hang_after], ids=["line broke", "silence"])
@pytest.mark.parametrize("times", [1, MAX_TRIES])
def test_a_lost_answer_leaves_a_hold_that_void_finds(
    gateway: FaultyGateway,
    impatient_tender: GiftCardTender,
    tender: GiftCardTender,
    buy: Buy,
    lost: Step,
    times: int,
) -> None:
    # R36
    code = buy(CARD_MINOR).code
    gateway.next("Authorize", *[lost] * times)
    asked = payment(code, order(CARD_MINOR))
    recovered = lost is lose_answer and times == 1
    status = impatient_tender.authorize(asked).status
    assert status is (TenderStatus.AUTHORIZED if recovered else TenderStatus.PENDING)
    assert not is_free(tender, code)
    undone = impatient_tender.void(authorize_request_id=asked.request_id)
    assert undone.status is TenderStatus.VOIDED
    assert is_free(tender, code)
