"""A request is decided once: its replay gets the same answer and changes nothing."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import grpc
import pytest

from conftest import StartServer
from giftcard.v1 import gift_card_service_pb2 as pb
from giftcard_storage.database import DatabaseUrl
from given.calls import sent
from given.calls.answered import refusal
from given.calls.sent import changed
from given.calls.shop import Shop, shop_at
from given.databases.kinds import Place
from given.servers.running import dump
from given.servers.server_process import ServerProcess

Prepare = Callable[[Shop], Any]
Code = grpc.StatusCode
ATTEMPTS: Final = 5
SECOND_KEY: Final = "k2 " + "2b" * 32 + "\n"


@pytest.fixture(scope="module")
def server(modules_place: Place) -> Iterator[ServerProcess]:
    settings = {
        **modules_place.environment,
        "GIFTCARD_ATTEMPTS_PER_KEY": str(ATTEMPTS),
        "GIFTCARD_HOUSEKEEPING_SECONDS": "3600",
    }
    with ServerProcess(modules_place.key_file.parent, settings=settings) as started:
        yield started


@pytest.fixture(scope="module")
def shop(server: ServerProcess) -> Iterator[Shop]:
    with shop_at(server.target) as opened:
        yield opened


def rows(server: ServerProcess) -> object:
    return dump(DatabaseUrl.parse(server.database_url))


# Requests that are granted the first time.


def a_purchase(_shop: Shop) -> Any:
    return sent.issue()


def a_checkout(shop: Shop) -> Any:
    return sent.authorize(shop.bought().code)


def a_capture(shop: Shop) -> Any:
    return sent.capture(shop.held(shop.bought().code).authorization_id)


def a_capture_of_less(shop: Shop) -> Any:  # R27: with a new card and its code.
    return sent.capture(shop.held(shop.bought().code).authorization_id, 10_00)


def a_release(shop: Shop) -> Any:
    return sent.reverse(shop.held(shop.bought().code).authorization_id)


def a_refund(shop: Shop) -> Any:  # R23: with a new card and its code.
    return sent.reverse(shop.paid(shop.bought().code).authorization_id, 20_00)


def a_prevention(_shop: Shop) -> Any:
    return sent.reverse_request(sent.new_id())


def a_cancellation(shop: Shop) -> Any:
    purchase = sent.issue()
    return sent.cancel(shop.call(purchase).code, purchase.purchase.order_id)


# Requests that are declined, and recorded as that.


def a_purchase_of_too_little(_shop: Shop) -> Any:
    return sent.issue(19_99)


def a_checkout_with_a_card_that_is_held(shop: Shop) -> Any:
    code = shop.bought().code
    shop.held(code)
    return sent.authorize(code)


def a_capture_of_too_much(shop: Shop) -> Any:
    return sent.capture(shop.held(shop.bought().code).authorization_id, 50_01)


def a_second_release(shop: Shop) -> Any:
    request = a_release(shop)
    shop.call(request)
    return sent.reverse(request.authorization_id)


def a_cancellation_of_a_card_that_is_held(shop: Shop) -> Any:
    request = a_cancellation(shop)
    shop.held(request.code)
    return request


GRANTED: Final[tuple[Prepare, ...]] = (
    a_purchase,
    a_checkout,
    a_capture,
    a_capture_of_less,
    a_release,
    a_refund,
    a_prevention,
    a_cancellation,
)
DECLINED: Final[tuple[Prepare, ...]] = (
    a_purchase_of_too_little,
    a_checkout_with_a_card_that_is_held,
    a_capture_of_too_much,
    a_second_release,
    a_cancellation_of_a_card_that_is_held,
)


@pytest.mark.parametrize("prepare", GRANTED + DECLINED)
def test_the_same_request_again_gets_the_same_bytes_and_does_nothing(
    server: ServerProcess, shop: Shop, prepare: Prepare
) -> None:
    request = prepare(shop)
    first, was_replayed = shop.answered(request)
    assert first
    assert not was_replayed
    before = rows(server)
    for _ in range(2):
        assert shop.answered(request) == (first, True)
    assert rows(server) == before


def test_a_replay_has_the_first_answer_though_the_hold_has_changed(shop: Shop) -> None:
    request = a_checkout(shop)
    first, _ = shop.answered(request)
    held = pb.AuthorizeResponse.FromString(first).authorization
    shop.call(sent.capture(held.authorization_id))
    assert shop.answered(request) == (first, True)


def test_a_decline_is_final_also_when_its_cause_is_gone(shop: Shop) -> None:
    code = shop.bought().code
    in_the_way = shop.held(code)
    late = sent.authorize(code)
    assert refusal(lambda: shop.call(late)).reason == "CARD_HELD"
    shop.call(sent.reverse(in_the_way.authorization_id))
    again = refusal(lambda: shop.call(late))
    assert (again.reason, again.replayed) == ("CARD_HELD", True)
    assert shop.held(code).authorization_id


# A field that is changed in a request that was decided. With some fields the effect would be the
# same, but it is another request all the same.
REUSED: Final = (
    (a_purchase, "amount.amount_minor", 51_00),
    (a_purchase, "message", "Bon courage !"),
    (a_purchase, "recipient", sent.ABSENT),
    (a_checkout, "order.order_id", "another"),
    (a_checkout, "hold_for.seconds", 60),
    (a_capture, "amount", sent.euros(49_99)),
    (a_release, "reason", pb.REVERSE_REASON_TECHNICAL),
    (a_refund, "refund_amount.amount_minor", 20_01),
    (a_prevention, "authorize_request_id", "7b2f6f0e-1111-4222-8333-444455556666"),
    (a_cancellation, "purchase_order_id", "another"),
    (a_purchase_of_too_little, "amount.amount_minor", 20_00),
)


@pytest.mark.parametrize(("prepare", "path", "value"), REUSED)
def test_another_request_with_the_same_id_is_refused(
    server: ServerProcess, shop: Shop, prepare: Prepare, path: str, value: object
) -> None:
    request = prepare(shop)
    first, _ = shop.answered(request)
    before = rows(server)
    refused = refusal(lambda: shop.call(changed(request, path, value)))
    assert (refused.status, refused.reason) == (Code.ALREADY_EXISTS, "REQUEST_ID_REUSED")
    assert not refused.replayed
    assert rows(server) == before
    assert shop.answered(request) == (first, True)


def malformed(_shop: Shop, request: Any) -> Any:
    return changed(request, "customer.email", "nobody")


def of_an_unknown_code(_shop: Shop, request: Any) -> Any:
    return changed(request, "code", sent.UNKNOWN_CODE)


def of_a_mistyped_code(_shop: Shop, request: Any) -> Any:
    return changed(request, "code", "0000-0000-0000-0001")


def throttled(shop: Shop, request: Any) -> Any:
    wrong = sent.authorize()
    for _ in range(ATTEMPTS):
        refusal(lambda: shop.call(wrong))
    return changed(request, "attempt_key", wrong.attempt_key)


TRACELESS: Final = (
    (malformed, Code.INVALID_ARGUMENT),
    (of_an_unknown_code, Code.NOT_FOUND),
    (of_a_mistyped_code, Code.NOT_FOUND),
    (throttled, Code.RESOURCE_EXHAUSTED),
)


@pytest.mark.parametrize(("spoil", "status"), TRACELESS)
def test_a_request_that_was_never_decided_leaves_its_id_free(
    server: ServerProcess, shop: Shop, spoil: Callable[[Shop, Any], Any], status: grpc.StatusCode
) -> None:
    request = a_checkout(shop)
    spoilt = spoil(shop, request)
    before = rows(server)
    assert refusal(lambda: shop.call(spoilt)).status is status
    assert rows(server) == before
    assert shop.call(request).authorization.authorized_amount == sent.euros(50_00)


def test_an_unknown_authorization_leaves_its_id_free(shop: Shop) -> None:
    request = a_capture(shop)
    unknown = changed(request, "authorization_id", "unknown")
    assert refusal(lambda: shop.call(unknown)).reason == "AUTHORIZATION_NOT_FOUND"
    assert shop.call(request).authorization.captured_amount == sent.euros(50_00)


def test_requests_are_answered_the_same_after_a_restart(start_server: StartServer) -> None:
    server = start_server()
    with shop_at(server.target) as shop:
        requests = [prepare(shop) for prepare in GRANTED + DECLINED]
        answers = [shop.answered(request)[0] for request in requests]
    server.restart()
    with shop_at(server.target) as shop:
        assert [shop.answered(request) for request in requests] == [(a, True) for a in answers]


def rotate(folder: Path, line: Callable[[str], str]) -> None:
    """Replace the key ring of the server."""
    path = folder / "giftcard.db.keys"
    path.write_text(line(path.read_text(encoding="ascii")), encoding="ascii")


def test_a_new_key_leaves_old_cards_and_old_answers_as_they_are(start_server: StartServer) -> None:
    server = start_server()
    with shop_at(server.target) as shop:
        requests = [prepare(shop) for prepare in GRANTED + DECLINED]
        answers = [shop.answered(request)[0] for request in requests]
        old = shop.bought()
    server.terminate()
    rotate(server.folder, lambda first_key: SECOND_KEY + first_key)
    server.restart()
    with shop_at(server.target) as shop:
        assert [shop.answered(request) for request in requests] == [(a, True) for a in answers]
        new = shop.bought()
        assert shop.held(old.code).card_id == old.card.card_id
        assert shop.held(new.code).card_id == new.card.card_id
