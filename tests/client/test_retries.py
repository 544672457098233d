"""Retries: of which failures, how many, for how long, and always of the same request."""

import socket
import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import grpc
import pytest

from giftcard.v1 import gift_card_pb2, gift_card_service_pb2
from giftcard.v1.gift_card_service_pb2_grpc import GiftCardServiceStub
from giftcard_client import (
    Declined,
    Events,
    GiftCardError,
    GiftCards,
    OutcomeUnknown,
    Reason,
    TimedOut,
    Unavailable,
)
from giftcard_client.channel import MAX_TRIES, THROTTLE_TOKENS, open_channel
from given.calls.shop import TIMEOUT_SECONDS
from given.checkout.faulty_gateway import (
    FaultyGateway,
    answer,
    error_info,
    give_up,
    hang_before,
    lose_request,
    refuse,
    retry_info,
)
from given.waiting import wait_until

Code = grpc.StatusCode
# What gRPC retries by the status alone.
RETRIED = (Code.UNAVAILABLE, Code.CANCELLED)
SOON = retry_info(timedelta(milliseconds=50))
# What the client retries because the service says when to come back: whatever decides nothing.
WITH_RETRY_INFO = (Code.ABORTED, Code.RESOURCE_EXHAUSTED, Code.INTERNAL, Code.UNKNOWN)
CAPTURED = answer(
    gift_card_service_pb2.CaptureResponse(
        authorization=gift_card_pb2.Authorization(authorization_id="auth-1")
    )
)


@pytest.fixture
def gateway() -> Iterator[FaultyGateway]:
    with FaultyGateway() as running:
        yield running


@pytest.fixture
def cards(gateway: FaultyGateway) -> Iterator[GiftCards]:
    with GiftCards(gateway.target, timeout_seconds=TIMEOUT_SECONDS) as client:
        yield client


@pytest.mark.parametrize("code", RETRIED)
def test_a_try_that_finds_no_service_is_repeated_unchanged(
    gateway: FaultyGateway, cards: GiftCards, code: grpc.StatusCode
) -> None:
    gateway.next("Capture", refuse(code), refuse(code), CAPTURED)
    assert cards.capture("auth-1").authorization.authorization_id == "auth-1"
    first, *others = gateway.calls("Capture")
    assert others == [first, first]


def test_a_stream_is_resumed_by_its_consumer_and_never_by_grpc(gateway: FaultyGateway) -> None:
    """Within gRPC's own retries a read can hang for good (grpcio 1.85), whatever ends the call."""
    gateway.next("WatchEvents", *[lose_request] * 9)
    with Events(gateway.target) as events, pytest.raises(Unavailable):
        next(events.watch(patience_seconds=0.0))
    assert len(gateway.calls("WatchEvents")) == 1


def test_a_service_that_stays_down_is_given_up_after_five_tries(
    gateway: FaultyGateway, cards: GiftCards
) -> None:
    gateway.next("Capture", *[lose_request] * 9)
    with pytest.raises(Unavailable):
        cards.capture("auth-1")
    assert len(gateway.calls("Capture")) == MAX_TRIES


@pytest.mark.parametrize("code", WITH_RETRY_INFO)
def test_a_refusal_with_retry_info_is_repeated_unchanged_after_its_pause(
    gateway: FaultyGateway, cards: GiftCards, code: grpc.StatusCode
) -> None:
    gateway.next("Capture", refuse(code, SOON), refuse(code, SOON), CAPTURED)
    began = time.monotonic()
    assert cards.capture("auth-1").authorization.authorization_id == "auth-1"
    assert time.monotonic() - began >= 0.05 + 0.1  # Twice as long before the third try.
    first, *others = gateway.calls("Capture")
    assert others == [first, first]


def test_contention_that_goes_on_is_given_up_after_five_tries(
    gateway: FaultyGateway, cards: GiftCards
) -> None:
    at_once = retry_info(timedelta(milliseconds=1))
    gateway.next("Capture", *[refuse(Code.ABORTED, at_once)] * 9)
    with pytest.raises(Unavailable) as caught:
        cards.capture("auth-1")
    assert caught.value.retry_after == timedelta(milliseconds=1)
    assert len(gateway.calls("Capture")) == MAX_TRIES


def test_no_try_begins_after_the_deadline_and_none_is_waited_for_in_vain(
    gateway: FaultyGateway, cards: GiftCards
) -> None:
    gateway.next("Capture", refuse(Code.ABORTED, retry_info(timedelta(seconds=90))), CAPTURED)
    began = time.monotonic()
    with pytest.raises(Unavailable) as caught:
        cards.capture("auth-1", timeout_seconds=10)
    assert time.monotonic() - began < 5
    assert caught.value.retry_after == timedelta(seconds=90)
    assert len(gateway.calls("Capture")) == 1


def test_a_second_try_has_only_what_the_first_left_of_the_deadline(
    gateway: FaultyGateway, cards: GiftCards
) -> None:
    pause = retry_info(timedelta(seconds=1.2))
    gateway.next("Capture", refuse(Code.ABORTED, pause), hang_before)
    began = time.monotonic()
    with pytest.raises(TimedOut):
        cards.capture("auth-1", timeout_seconds=2)
    assert 1.9 < time.monotonic() - began < 3.1


def test_a_client_that_is_closed_between_two_tries_has_an_unknown_outcome(
    gateway: FaultyGateway,
) -> None:
    cards = GiftCards(gateway.target, timeout_seconds=TIMEOUT_SECONDS)
    gateway.next("Capture", refuse(Code.ABORTED, retry_info(timedelta(seconds=4))), CAPTURED)

    def close() -> None:
        wait_until(lambda: gateway.calls("Capture"))
        time.sleep(0.5)  # For the answer to that try.
        cards.close()

    closing = threading.Thread(target=close)
    closing.start()
    with pytest.raises(Unavailable):
        cards.capture("auth-1")
    closing.join()
    assert len(gateway.calls("Capture")) == 1


@pytest.mark.parametrize("code", [code for code in Code if code not in {Code.OK, *RETRIED}])
def test_no_other_status_is_retried(
    gateway: FaultyGateway, cards: GiftCards, code: grpc.StatusCode
) -> None:
    gateway.next("Capture", refuse(code), CAPTURED)
    with pytest.raises(GiftCardError):
        cards.capture("auth-1")
    assert len(gateway.calls("Capture")) == 1


def test_a_call_that_its_caller_cancels_is_not_sent_again(gateway: FaultyGateway) -> None:
    gateway.next("Capture", hang_before, CAPTURED)
    with open_channel(gateway.target, None) as channel:
        request = gift_card_service_pb2.CaptureRequest(authorization_id="auth-1")
        call = GiftCardServiceStub(channel).Capture.future(request, timeout=20)
        wait_until(lambda: gateway.calls("Capture"))
        assert call.cancel()
        time.sleep(0.5)  # Longer than the pause before a second try.
    assert len(gateway.calls("Capture")) == 1


def test_a_call_that_the_server_gives_up_is_made_again_as_it_was(
    gateway: FaultyGateway, cards: GiftCards
) -> None:
    gateway.next("Capture", give_up, CAPTURED)
    assert cards.capture("auth-1").authorization.authorization_id == "auth-1"
    first, again = gateway.calls("Capture")
    assert first == again


def test_throttled_guesses_are_not_retried(gateway: FaultyGateway, cards: GiftCards) -> None:
    throttled = refuse(Code.RESOURCE_EXHAUSTED, error_info("TOO_MANY_ATTEMPTS"), SOON)
    gateway.next("Cancel", throttled, throttled)
    with pytest.raises(Declined) as caught:
        cards.cancel("A-CODE", purchase_order_id="p-1")
    assert caught.value.retry_after == timedelta(milliseconds=50)
    assert len(gateway.calls("Cancel")) == 1


def test_a_prevented_request_is_final_at_once(gateway: FaultyGateway, cards: GiftCards) -> None:
    # ABORTED has two meanings, which its details tell apart (R36).
    gateway.next("Capture", refuse(Code.ABORTED, error_info("REQUEST_PREVENTED")), CAPTURED)
    with pytest.raises(Declined) as caught:
        cards.capture("auth-1")
    assert caught.value.reason is Reason.REQUEST_PREVENTED
    assert len(gateway.calls("Capture")) == 1


def test_all_tries_share_one_deadline(gateway: FaultyGateway, cards: GiftCards) -> None:
    gateway.next("Capture", lose_request, lose_request, hang_before)
    began = time.monotonic()
    with pytest.raises(TimedOut) as caught:
        cards.capture("auth-1", request_id="id-1", timeout_seconds=1.5)
    assert 1.0 < time.monotonic() - began < 4.4
    assert caught.value.request_id == "id-1"
    assert isinstance(caught.value, OutcomeUnknown)


def test_the_client_s_deadline_is_every_call_s_default(gateway: FaultyGateway) -> None:
    gateway.next("Capture", hang_before)
    with GiftCards(gateway.target, timeout_seconds=0.3) as cards, pytest.raises(TimedOut):
        cards.capture("auth-1")


def test_the_request_id_is_made_before_the_first_try_and_is_in_the_exception(
    gateway: FaultyGateway, cards: GiftCards
) -> None:
    gateway.next("Capture", lose_request, hang_before)
    with pytest.raises(TimedOut) as caught:
        cards.capture("auth-1", timeout_seconds=1)
    sent = {
        gift_card_service_pb2.CaptureRequest.FromString(request).request_id
        for request in gateway.calls("Capture")
    }
    assert sent == {caught.value.request_id}
    assert caught.value.request_id != ""


def test_two_calls_are_two_requests(gateway: FaultyGateway, cards: GiftCards) -> None:
    gateway.next("Capture", CAPTURED, CAPTURED)
    cards.capture("auth-1")
    cards.capture("auth-1")
    first, second = gateway.calls("Capture")
    assert first != second


def test_a_service_that_is_not_there_is_unavailable_after_all_tries() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        target = f"127.0.0.1:{closed.getsockname()[1]}"
        with (
            GiftCards(target, timeout_seconds=TIMEOUT_SECONDS) as cards,
            pytest.raises(Unavailable) as caught,
        ):
            cards.capture("auth-1", request_id="id-1")
    assert caught.value.request_id == "id-1"


def test_a_service_that_stays_down_gets_one_try_per_call_in_the_end(
    gateway: FaultyGateway, cards: GiftCards
) -> None:
    # Each failed try takes a token, and with half of them or fewer no call is retried.
    gateway.next("Capture", *[lose_request] * 500)
    for _ in range(THROTTLE_TOKENS // 2 + 1):
        with pytest.raises(OutcomeUnknown):
            cards.capture("auth-1", timeout_seconds=0.05)
    tries_before = len(gateway.calls("Capture"))
    with pytest.raises(Unavailable):
        cards.capture("auth-1")
    assert len(gateway.calls("Capture")) == tries_before + 1


def test_a_call_in_progress_when_the_client_closes_has_an_unknown_outcome(
    gateway: FaultyGateway,
) -> None:
    cards = GiftCards(gateway.target, timeout_seconds=TIMEOUT_SECONDS)

    def close_then_hang(forward: object, context: grpc.ServicerContext) -> bytes:
        cards.close()
        return b""

    gateway.next("Capture", close_then_hang)
    with pytest.raises(OutcomeUnknown):
        cards.capture("auth-1")
