"""The gift card behind the interface of all tenders, at the real server."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import grpc
import pytest

from giftcard.v1 import gift_card_service_pb2
from giftcard_client import Money
from giftcard_client.channel import MAX_TRIES
from giftcard_client.tender import (
    GiftCardTender,
    Quote,
    RefundReason,
    TenderResult,
    TenderStatus,
)
from given.calls.sent import UNKNOWN_CODE
from given.checkout.faulty_gateway import (
    FaultyGateway,
    Step,
    answer,
    error_info,
    lose_request,
    refuse,
    retry_info,
)
from given.checkout.shopping import Buy, capture, order, payment, session

Code = grpc.StatusCode


@pytest.mark.parametrize(
    ("card_minor", "order_minor", "payable", "remaining", "lost"),
    [
        (5000, 9000, 5000, 4000, 0),
        (5000, 5000, 5000, 0, 0),
        (5000, 1000, 1000, 0, 4000),
    ],
)
def test_a_quote_says_how_the_order_splits_and_what_would_be_lost(
    tender: GiftCardTender,
    buy: Buy,
    card_minor: int,
    order_minor: int,
    payable: int,
    remaining: int,
    lost: int,
) -> None:
    # R14, R16
    quote = tender.quote(
        buy(card_minor).code, market="fr", order=order(order_minor), session=session()
    )
    assert (quote.usable, quote.code, quote.message) == (True, "", "")
    assert [quote.payable, quote.remaining, quote.lost] == [
        Money(payable),
        Money(remaining),
        Money(lost),
    ]


def test_a_quote_says_why_a_card_is_not_usable(tender: GiftCardTender, buy: Buy) -> None:
    basket = replace(order(1000), discount_codes=["TEN"])
    quote = tender.quote(buy(5000).code, market="fr", order=basket, session=session())
    assert (quote.usable, quote.code) == (False, "ORDER_HAS_DISCOUNT")
    assert quote.message == "A gift card cannot be combined with a discount."
    assert quote.remaining == basket.total


def test_a_quote_says_how_long_to_wait_after_too_many_wrong_codes(tender: GiftCardTender) -> None:
    shopper = session()

    def quote() -> Quote:
        return tender.quote(UNKNOWN_CODE, market="fr", order=order(1000), session=shopper)

    refused = quote()
    assert refused.code == "CARD_NOT_FOUND"
    while refused.code == "CARD_NOT_FOUND":
        assert refused.retry_after is None
        refused = quote()
    assert refused.code == "TOO_MANY_ATTEMPTS"
    assert refused.retry_after is not None
    assert timedelta(0) < refused.retry_after <= timedelta(minutes=10)


def test_a_quote_says_that_the_service_is_unavailable(
    gateway: FaultyGateway, lossy_tender: GiftCardTender
) -> None:
    gateway.next("Validate", *[lose_request] * MAX_TRIES)
    quote = lossy_tender.quote("ANY", market="fr", order=order(1000))
    assert (quote.usable, quote.code, quote.remaining) == (False, "UNAVAILABLE", Money(1000))


@pytest.mark.parametrize(
    ("order_minor", "asked_minor", "status", "amount", "remaining"),
    [
        (5000, 5000, TenderStatus.AUTHORIZED, 5000, 0),
        (9000, 5000, TenderStatus.AUTHORIZED, 5000, 4000),
        (9000, 9000, TenderStatus.PARTIALLY_AUTHORIZED, 5000, 4000),
        # A card sets aside all that it can pay; the rest comes back after capture (R27).
        (9000, 1000, TenderStatus.AUTHORIZED, 5000, 4000),
    ],
)
def test_authorize_says_whether_it_is_all_that_was_asked_for(
    tender: GiftCardTender,
    buy: Buy,
    order_minor: int,
    asked_minor: int,
    status: TenderStatus,
    amount: int,
    remaining: int,
) -> None:
    result = tender.authorize(payment(buy(5000).code, order(order_minor), asked_minor))
    assert result.status is status
    assert (result.amount, result.remaining) == (Money(amount), Money(remaining))
    assert result.reference != ""


@pytest.mark.parametrize(
    ("amount_minor", "status", "charged", "credit"),
    [
        (None, TenderStatus.CHARGED, 5000, None),
        (5000, TenderStatus.CHARGED, 5000, None),
        (2000, TenderStatus.PARTIALLY_CHARGED, 2000, 3000),
    ],
)
def test_capture_says_whether_it_is_all_that_was_set_aside(
    tender: GiftCardTender,
    buy: Buy,
    amount_minor: int | None,
    status: TenderStatus,
    charged: int,
    credit: int | None,
) -> None:
    # R27
    held = tender.authorize(payment(buy(5000).code, order(9000), 5000))
    amount = None if amount_minor is None else Money(amount_minor)
    result = capture(tender, held.reference, amount)
    assert (result.status, result.amount) == (status, Money(charged))
    new_card = result.store_credit
    assert (new_card and new_card.amount) == (credit and Money(credit))
    assert new_card is None or new_card.code not in repr(result)


def test_a_decline_is_a_result_with_a_code_and_a_sentence(tender: GiftCardTender, buy: Buy) -> None:
    code = buy(5000).code
    tender.authorize(payment(code, order(5000)))
    asked = payment(code, order(5000))
    result = tender.authorize(asked)
    assert result == TenderResult(
        TenderStatus.DECLINED,
        asked.request_id,
        code="CARD_HELD",
        message="This gift card is set aside for another order.",
    )


@pytest.mark.parametrize(
    ("step", "status", "code"),
    [
        (
            refuse(Code.FAILED_PRECONDITION, error_info("CARD_ASLEEP")),
            TenderStatus.DECLINED,
            "CARD_ASLEEP",
        ),
        (refuse(Code.INVALID_ARGUMENT), TenderStatus.FAILURE, "INVALID_REQUEST"),
        (refuse(Code.UNAUTHENTICATED), TenderStatus.FAILURE, "MISCONFIGURED"),
        (refuse(Code.DEADLINE_EXCEEDED), TenderStatus.PENDING, "TIMED_OUT"),
        (refuse(Code.UNAVAILABLE), TenderStatus.PENDING, "UNAVAILABLE"),
        (refuse(Code.INTERNAL), TenderStatus.PENDING, "OUTCOME_UNKNOWN"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
@pytest.mark.parametrize("method", ["Authorize", "Capture", "Void", "Refund"])
def test_no_exception_leaves_the_tender(
    gateway: FaultyGateway,
    lossy_tender: GiftCardTender,
    method: str,
    step: Step,
    status: TenderStatus,
    code: str,
) -> None:
    rpc = {"Void": "Reverse", "Refund": "Reverse"}.get(method, method)
    gateway.next(rpc, *[step] * MAX_TRIES)
    request_id = str(uuid4())
    calls: dict[str, Callable[[], TenderResult]] = {
        "Authorize": lambda: lossy_tender.authorize(payment("ANY", order(100))),
        "Capture": lambda: lossy_tender.capture("auth-1", request_id=request_id),
        "Void": lambda: lossy_tender.void(reference="auth-1"),
        "Refund": lambda: lossy_tender.refund(
            "auth-1", request_id=request_id, reason=RefundReason.DEFECTIVE
        ),
    }
    result = calls[method]()
    assert (result.status, result.code) == (status, code)
    assert result.message != ""
    assert result.request_id != ""


def test_a_tender_that_is_overloaded_says_when_to_try_again(
    gateway: FaultyGateway, lossy_tender: GiftCardTender
) -> None:
    busy = refuse(Code.UNAVAILABLE, retry_info(timedelta(seconds=3)))
    gateway.next("Authorize", *[busy] * MAX_TRIES)
    result = lossy_tender.authorize(payment("ANY", order(100)))
    assert result.retry_after == timedelta(seconds=3)


def test_an_outcome_of_a_newer_service_is_pending(
    gateway: FaultyGateway, lossy_tender: GiftCardTender
) -> None:
    newer = gift_card_service_pb2.ReverseResponse()
    newer.outcome = gift_card_service_pb2.ReverseOutcome.ValueType(99)
    gateway.next("Reverse", answer(newer))
    result = lossy_tender.void(reference="auth-1")
    assert (result.status, result.code) == (TenderStatus.PENDING, "UNRECOGNIZED_OUTCOME")


def test_two_part_refunds_go_to_the_card_first_together(tender: GiftCardTender, buy: Buy) -> None:
    # R24: the card paid 50 of 90; 30 come back on a card, and then 20 more and no further.
    held = tender.authorize(payment(buy(5000).code, order(9000), 5000))
    capture(tender, held.reference)
    today = datetime.now(UTC).date()
    for amount_minor, to_card, to_others in ((3000, 3000, 0), (4000, 2000, 2000), (2000, 0, 2000)):
        result = tender.refund(
            held.reference,
            Money(amount_minor),
            request_id=str(uuid4()),
            reason=RefundReason.CHANGE_OF_MIND,
            delivered_on=today,
        )
        assert result.status is TenderStatus.REFUNDED
        assert (result.amount, result.remaining) == (Money(to_card), Money(to_others))
        assert (result.store_credit is not None) == (to_card > 0)


def test_a_refund_that_comes_too_late_is_declined(tender: GiftCardTender, buy: Buy) -> None:
    # R21
    held = tender.authorize(payment(buy(5000).code, order(5000)))
    capture(tender, held.reference)
    result = tender.refund(
        held.reference,
        request_id=str(uuid4()),
        reason=RefundReason.CHANGE_OF_MIND,
        delivered_on=datetime.now(UTC).date() - timedelta(days=60),
    )
    assert (result.status, result.code) == (TenderStatus.DECLINED, "RETURN_WINDOW_CLOSED")
