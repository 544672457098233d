"""The exception for each status, over a real connection."""

import pickle
from collections.abc import Iterator
from datetime import timedelta

import grpc
import pytest
from google.rpc import error_details_pb2

from giftcard.v1 import gift_card_service_pb2, reason_pb2
from giftcard_client import (
    Declined,
    GiftCardError,
    GiftCards,
    InvalidRequest,
    Misconfigured,
    Money,
    Order,
    OrderLine,
    OutcomeUnknown,
    Reason,
    TimedOut,
    Unavailable,
    Violation,
)
from giftcard_client.channel import MAX_TRIES
from giftcard_client.rpc_errors import UNDECIDED
from given.calls.shop import TIMEOUT_SECONDS
from given.checkout.faulty_gateway import (
    FaultyGateway,
    Step,
    answer,
    bad_request,
    error_info,
    refuse,
    retry_info,
)

REQUEST_ID = "0b2c7c52-9d0d-4d7b-9a57-0d52d0a2f3a1"
Code = grpc.StatusCode


@pytest.fixture(scope="module")
def gateway() -> Iterator[FaultyGateway]:
    with FaultyGateway() as running:
        yield running


@pytest.fixture(scope="module")
def cards(gateway: FaultyGateway) -> Iterator[GiftCards]:
    with GiftCards(gateway.target, timeout_seconds=TIMEOUT_SECONDS) as client:
        yield client


def raised(gateway: FaultyGateway, cards: GiftCards, step: Step) -> GiftCardError:
    """Return what `capture` raises when every try is answered by `step`."""
    gateway.next("Capture", *[step] * MAX_TRIES)
    try:
        with pytest.raises(GiftCardError) as caught:
            cards.capture("an-authorization", request_id=REQUEST_ID)
    finally:
        gateway.forget("Capture")
    return caught.value


def test_the_table_has_every_status() -> None:
    assert set(UNDECIDED) == set(Code) - {Code.OK}


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (Code.INVALID_ARGUMENT, InvalidRequest),
        (Code.UNAUTHENTICATED, Misconfigured),
        (Code.PERMISSION_DENIED, Misconfigured),
        (Code.UNIMPLEMENTED, Misconfigured),
        (Code.DEADLINE_EXCEEDED, TimedOut),
        (Code.UNAVAILABLE, Unavailable),
        (Code.ABORTED, Unavailable),
        (Code.RESOURCE_EXHAUSTED, Unavailable),
        (Code.CANCELLED, OutcomeUnknown),
        (Code.INTERNAL, OutcomeUnknown),
        (Code.UNKNOWN, OutcomeUnknown),
        (Code.DATA_LOSS, OutcomeUnknown),
        (Code.NOT_FOUND, OutcomeUnknown),
        (Code.ALREADY_EXISTS, OutcomeUnknown),
        (Code.FAILED_PRECONDITION, OutcomeUnknown),
        (Code.OUT_OF_RANGE, OutcomeUnknown),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_a_status_without_a_reason_becomes_what_is_known(
    gateway: FaultyGateway, cards: GiftCards, code: grpc.StatusCode, kind: type[GiftCardError]
) -> None:
    error = raised(gateway, cards, refuse(code))
    assert type(error) is kind
    assert error.request_id == REQUEST_ID
    assert code.name in str(error) or isinstance(error, InvalidRequest)
    assert REQUEST_ID in str(error)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (Code.ABORTED, Reason.REQUEST_PREVENTED),
        (Code.ALREADY_EXISTS, Reason.REQUEST_ID_REUSED),
        (Code.NOT_FOUND, Reason.CARD_NOT_FOUND),
        (Code.UNKNOWN, Reason.CARD_NOT_FOUND),
        (Code.RESOURCE_EXHAUSTED, Reason.TOO_MANY_ATTEMPTS),
        *((Code.FAILED_PRECONDITION, reason) for reason in Reason if reason != "UNRECOGNIZED"),
    ],
)
def test_a_reason_is_a_decision_with_any_status(
    gateway: FaultyGateway, cards: GiftCards, code: grpc.StatusCode, reason: Reason
) -> None:
    error = raised(gateway, cards, refuse(code, error_info(reason)))
    assert isinstance(error, Declined)
    assert (error.reason, error.name) == (reason, reason.value)


def test_a_decline_carries_its_facts(gateway: FaultyGateway, cards: GiftCards) -> None:
    error = raised(
        gateway,
        cards,
        refuse(
            Code.FAILED_PRECONDITION,
            error_info("CARD_EXPIRED", expire_time="2027-02-28T23:00:00Z"),
        ),
    )
    assert isinstance(error, Declined)
    assert error.facts == {"expire_time": "2027-02-28T23:00:00Z"}
    assert error.retry_after is None
    said = "CARD_EXPIRED: as the test wants it (expire_time=2027-02-28T23:00:00Z)"
    assert str(error) == f"{said} [request {REQUEST_ID}]"
    assert error.sentence == "as the test wants it"


def test_throttling_says_when_to_try_again(gateway: FaultyGateway, cards: GiftCards) -> None:
    details = [error_info("TOO_MANY_ATTEMPTS"), retry_info(timedelta(seconds=90))]
    error = raised(gateway, cards, refuse(Code.RESOURCE_EXHAUSTED, *details))
    assert isinstance(error, Declined)
    assert error.reason is Reason.TOO_MANY_ATTEMPTS
    assert error.retry_after == timedelta(seconds=90)


def test_an_overloaded_service_says_when_to_try_again(
    gateway: FaultyGateway, cards: GiftCards
) -> None:
    step = refuse(Code.UNAVAILABLE, retry_info(timedelta(milliseconds=250)))
    error = raised(gateway, cards, step)
    assert isinstance(error, Unavailable)
    assert error.retry_after == timedelta(milliseconds=250)


def test_a_newer_service_s_reason_is_a_decline_with_its_name(
    gateway: FaultyGateway, cards: GiftCards
) -> None:
    error = raised(gateway, cards, refuse(Code.FAILED_PRECONDITION, error_info("CARD_ASLEEP")))
    assert isinstance(error, Declined)
    assert (error.reason, error.name) == (Reason.UNRECOGNIZED, "CARD_ASLEEP")


def test_a_newer_service_s_reason_in_validate_is_a_refusal(
    gateway: FaultyGateway, cards: GiftCards
) -> None:
    newer = gift_card_service_pb2.ValidateResponse()
    newer.reason = reason_pb2.Reason.ValueType(9999)
    gateway.next("Validate", answer(newer))
    order = Order("o-1", Money(1000), [OrderLine("goods", Money(1000))])
    answered = cards.validate("ANY", market="fr", order=order)
    assert (answered.usable, answered.reason) == (False, Reason.UNRECOGNIZED)
    assert answered.remaining_due == order.total


def test_a_proxy_s_reason_decides_nothing(gateway: FaultyGateway, cards: GiftCards) -> None:
    detail = error_info("CARD_EXPIRED", domain="proxy.example")
    error = raised(gateway, cards, refuse(Code.FAILED_PRECONDITION, detail))
    assert type(error) is OutcomeUnknown


def test_every_violation_is_listed(gateway: FaultyGateway, cards: GiftCards) -> None:
    mistakes = [("market", "is empty"), ("order.lines[0].amount", "is negative")]
    error = raised(gateway, cards, refuse(Code.INVALID_ARGUMENT, bad_request(mistakes)))
    assert isinstance(error, InvalidRequest)
    assert error.violations == tuple(Violation(*each) for each in mistakes)
    assert "market: is empty; order.lines[0].amount: is negative" in str(error)


def test_garbled_details_leave_the_status(gateway: FaultyGateway, cards: GiftCards) -> None:
    def garbage(_: object, context: grpc.ServicerContext) -> bytes:
        context.set_trailing_metadata((("grpc-status-details-bin", b"\xff\xff\xff"),))
        context.abort(Code.FAILED_PRECONDITION, "no")

    assert type(raised(gateway, cards, garbage)) is OutcomeUnknown


def test_a_detail_of_another_kind_is_passed_over(gateway: FaultyGateway, cards: GiftCards) -> None:
    step = refuse(Code.FAILED_PRECONDITION, error_details_pb2.Help(), error_info("CARD_BLOCKED"))
    error = raised(gateway, cards, step)
    assert isinstance(error, Declined)
    assert error.reason is Reason.CARD_BLOCKED


def test_a_detail_that_cannot_be_read_is_passed_over(
    gateway: FaultyGateway, cards: GiftCards
) -> None:
    broken = gift_card_service_pb2.ValidateResponse()
    step = refuse(Code.FAILED_PRECONDITION, broken, error_info("CARD_BLOCKED"))
    assert isinstance(raised(gateway, cards, step), Declined)


@pytest.mark.parametrize(
    "error",
    [
        GiftCardError("no", REQUEST_ID),
        Declined("CARD_EXPIRED", {"expire_time": "then"}, timedelta(seconds=1), REQUEST_ID, "late"),
        InvalidRequest([Violation("market", "is empty")], REQUEST_ID),
        Misconfigured("UNAUTHENTICATED", REQUEST_ID),
        OutcomeUnknown("UNKNOWN", REQUEST_ID),
        TimedOut("DEADLINE_EXCEEDED", REQUEST_ID),
        Unavailable("UNAVAILABLE", REQUEST_ID, timedelta(seconds=2)),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_exception_travels_between_processes(error: GiftCardError) -> None:
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))
