"""AuthorizationService on the real server: looking at authorizations, and holding longer."""

from collections.abc import Callable
from datetime import UTC, timedelta
from typing import Any, Final

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.type.date_pb2 import Date

from giftcard.v1 import authorization_service_pb2 as pb
from giftcard.v1 import gift_card_service_pb2
from giftcard.v1.gift_card_pb2 import (
    AUTHORIZATION_STATE_CAPTURED,
    AUTHORIZATION_STATE_LAPSED,
    AUTHORIZATION_STATE_OPEN,
    AUTHORIZATION_STATE_RELEASED,
    Authorization,
)
from giftcard_server.settings import Settings
from given.calls import looking, sent
from given.calls.answered import is_replay, refusal
from given.calls.shop import TIMEOUT_SECONDS, Shop
from given.servers.running import NOON, Clock, block

Code = grpc.StatusCode
FAILED: Final = Code.FAILED_PRECONDITION
AN_ID: Final = "f491aac2-0bea-4663-a234-a50b47bed20a"  # The same in each process of pytest.
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def shown(shop: Shop, authorization_id: str) -> pb.GetAuthorizationResponse:
    found: pb.GetAuthorizationResponse = shop.call(looking.get(authorization_id))
    return found


def test_the_contract_has_four_rpcs() -> None:
    service: Any = pb.DESCRIPTOR.services_by_name["AuthorizationService"]
    assert [method.name for method in service.methods] == [
        "GetAuthorization",
        "ListAuthorizations",
        "ExtendAuthorization",
        "PreviewReverse",
    ]


def test_a_checkout_finds_the_authorization_of_an_answer_that_was_lost(shop: Shop) -> None:
    request = sent.authorize(shop.bought().code)
    held = shop.call(request).authorization
    found = shop.call(looking.get_by_request(request.request_id.upper()))
    assert found == pb.GetAuthorizationResponse(authorization=held)
    assert found == shown(shop, held.authorization_id)


def test_an_authorization_is_shown_as_the_last_answer_about_it(shop: Shop, clock: Clock) -> None:
    held = shop.held(shop.bought(50_00).code, sent.order(60_00))
    captured = shop.call(sent.capture(held.authorization_id, 30_00))
    clock.wait(HOUR)
    back = shop.call(sent.reverse(held.authorization_id, 10_00))
    found = shown(shop, held.authorization_id)
    assert found.authorization == back.authorization
    assert list(found.replacements) == [captured.replacement.card, back.replacement.card]


def test_a_hold_past_its_end_is_shown_as_lapsed_before_anything_has_booked_it(
    shop: Shop, clock: Clock
) -> None:
    held = shop.held(shop.bought().code)
    clock.wait(DAY)
    found = shown(shop, held.authorization_id).authorization
    assert found.state == AUTHORIZATION_STATE_LAPSED
    assert found.forfeited_amount.amount_minor == 0
    (listed,) = shop.call(looking.list_of(held.order_id)).authorizations
    assert listed == found


def declined_authorize(shop: Shop) -> Any:
    request = sent.authorize(shop.bought().code)
    request.order.discount_codes.append("NOEL10")
    refusal(lambda: shop.call(request))
    return looking.get_by_request(request.request_id)


def prevented_authorize(shop: Shop) -> Any:
    lost = sent.new_id()
    shop.call(sent.reverse_request(lost))
    return looking.get_by_request(lost)


def issued(shop: Shop) -> Any:
    request = sent.issue()
    shop.call(request)
    return looking.get_by_request(request.request_id)


@pytest.mark.parametrize(
    "request_of",
    [
        pytest.param(lambda _shop: looking.get(), id="unknown id"),
        pytest.param(lambda _shop: looking.get_by_request(sent.new_id()), id="unknown request"),
        declined_authorize,
        prevented_authorize,
        issued,
    ],
)
def test_what_has_no_authorization_is_not_found(
    shop: Shop, request_of: Callable[[Shop], Any]
) -> None:
    request = request_of(shop)
    refused = refusal(lambda: shop.call(request))
    assert (refused.status, refused.reason) == (Code.NOT_FOUND, "AUTHORIZATION_NOT_FOUND")


def held_and_changed(shop: Shop, clock: Clock) -> tuple[str, list[Authorization]]:
    """Hold for one order with two cards in turn, and return its number and what is expected."""
    code, wanted = shop.bought().code, sent.order(50_00)
    first = shop.held(code, wanted)
    clock.wait(timedelta(minutes=1))
    second = shop.held(code, wanted)
    shop.call(sent.reverse(second.authorization_id))
    clock.wait(timedelta(minutes=1))
    third = shop.paid(shop.bought().code, wanted)
    ids = [each.authorization_id for each in (first, second, third)]
    return wanted.order_id, [shown(shop, each).authorization for each in ids]


def test_the_authorizations_of_an_order_are_listed_oldest_first_closed_ones_too(
    shop: Shop, clock: Clock
) -> None:
    order_id, wanted = held_and_changed(shop, clock)
    listed = shop.call(looking.list_of(order_id))
    assert list(listed.authorizations) == wanted
    assert [each.state for each in wanted] == [
        AUTHORIZATION_STATE_RELEASED,
        AUTHORIZATION_STATE_RELEASED,
        AUTHORIZATION_STATE_CAPTURED,
    ]
    assert listed.next_page_token == ""


@pytest.mark.parametrize(("size", "pages"), [(1, [1, 1, 1]), (2, [2, 1]), (3, [3]), (1000, [3])])
def test_a_list_is_paged(shop: Shop, clock: Clock, size: int, pages: list[int]) -> None:
    order_id, wanted = held_and_changed(shop, clock)
    token, found = "", []
    for expected in pages:
        page = shop.call(looking.list_of(order_id, page_size=size, page_token=token))
        assert len(page.authorizations) == expected
        found += page.authorizations
        token = page.next_page_token
    assert token == ""
    assert found == wanted


@pytest.mark.parametrize("wanted", ["another order", "altered", "no token"])
def test_a_page_token_of_another_query_is_malformed(shop: Shop, clock: Clock, wanted: str) -> None:
    order_id, _ = held_and_changed(shop, clock)
    token = shop.call(looking.list_of(order_id, page_size=1)).next_page_token
    changes = {
        "another order": {"order_id": "another"},
        "altered": {"page_token": token[:-4] + "AAAA"},
        "no token": {"page_token": "é" * 20},
    }
    request = looking.list_of(order_id, page_token=token)
    for name, value in changes[wanted].items():
        setattr(request, name, value)
    assert refusal(lambda: shop.call(request)).fields == ("page_token",)


def test_an_order_that_nobody_knows_has_no_authorizations(shop: Shop) -> None:
    assert shop.call(looking.list_of("unknown")) == pb.ListAuthorizationsResponse()


def test_a_hold_is_extended_once_and_the_same_request_gets_the_same_answer(
    shop: Shop, clock: Clock
) -> None:
    held = shop.held(shop.bought().code)
    request = looking.extend(held.authorization_id, 3 * DAY)
    clock.wait(HOUR)
    answer, first = shop.authorizations.ExtendAuthorization.with_call(
        request, timeout=TIMEOUT_SECONDS
    )
    assert not is_replay(first)
    assert answer.authorization.expire_time.ToDatetime(UTC) == NOON + HOUR + 3 * DAY
    assert answer.authorization.state == AUTHORIZATION_STATE_OPEN
    assert answer.authorization == shown(shop, held.authorization_id).authorization
    clock.wait(2 * DAY)
    shop.call(sent.capture(held.authorization_id))
    again, call = shop.authorizations.ExtendAuthorization.with_call(
        request, timeout=TIMEOUT_SECONDS
    )
    assert is_replay(call)
    assert again == answer


def reused_id(shop: Shop, _settings: Settings, held: Authorization) -> Any:
    request = looking.extend(held.authorization_id)
    shop.call(request)
    request.hold_for.seconds += 1
    return request


def blocked(_shop: Shop, settings: Settings, held: Authorization) -> Any:
    block(settings.database_url, held.card_id)
    return looking.extend(held.authorization_id)


def captured(shop: Shop, _settings: Settings, held: Authorization) -> Any:
    shop.call(sent.capture(held.authorization_id))
    return looking.extend(held.authorization_id)


def released(shop: Shop, _settings: Settings, held: Authorization) -> Any:
    shop.call(sent.reverse(held.authorization_id))
    return looking.extend(held.authorization_id)


@pytest.mark.parametrize(
    ("request_of", "wait", "status", "reason"),
    [
        (reused_id, timedelta(0), Code.ALREADY_EXISTS, "REQUEST_ID_REUSED"),
        (lambda *_: looking.extend(), timedelta(0), Code.NOT_FOUND, "AUTHORIZATION_NOT_FOUND"),
        (blocked, timedelta(0), FAILED, "CARD_BLOCKED"),
        (captured, timedelta(0), FAILED, "AUTHORIZATION_CAPTURED"),
        (released, timedelta(0), FAILED, "AUTHORIZATION_RELEASED"),
        (
            lambda _shop, _settings, held: looking.extend(held.authorization_id),
            DAY,
            FAILED,
            "AUTHORIZATION_LAPSED",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_extension_is_declined_for_its_reason(
    shop: Shop,
    clock: Clock,
    modules_settings: Settings,
    request_of: Callable[[Shop, Settings, Authorization], Any],
    wait: timedelta,
    status: grpc.StatusCode,
    reason: str,
) -> None:
    request = request_of(shop, modules_settings, shop.held(shop.bought().code))
    clock.wait(wait)
    refused = refusal(lambda: shop.call(request))
    assert (refused.status, refused.reason, refused.domain) == (status, reason, "giftcard.v1")


NO_TARGET: Final = pb.PreviewReverseRequest(reason=gift_card_service_pb2.REVERSE_REASON_DEFECTIVE)


@pytest.mark.parametrize(
    ("request_", "fields"),
    [
        (pb.GetAuthorizationRequest(), ["target"]),
        (looking.get(""), ["authorization_id"]),
        (looking.get("x" * 65), ["authorization_id"]),
        (looking.get_by_request("no UUID"), ["authorize_request_id"]),
        (pb.ListAuthorizationsRequest(), ["market", "order_id"]),
        (looking.list_of("x" * 65, page_size=-1), ["order_id", "page_size"]),
        (pb.ListAuthorizationsRequest(market="xx", order_id="1"), ["market"]),
        (looking.list_of("1", page_token="x" * 5000), ["page_token"]),
        (pb.ExtendAuthorizationRequest(), ["request_id", "authorization_id", "hold_for"]),
        (
            pb.ExtendAuthorizationRequest(
                request_id=AN_ID, authorization_id="x", hold_for=Duration(seconds=-1)
            ),
            ["hold_for"],
        ),
        (pb.PreviewReverseRequest(), ["target", "reason"]),
        (NO_TARGET, ["target"]),
        (
            looking.preview_of(
                gift_card_service_pb2.ReverseRequest(
                    request_id="not read",
                    authorization_id="x",
                    reason=gift_card_service_pb2.REVERSE_REASON_CHANGE_OF_MIND,
                    exercised_on=Date(year=2026, month=9, day=31),
                )
            ),
            ["delivered_on", "exercised_on"],
        ),
    ],
)
def test_a_malformed_request_is_refused_with_every_violation(
    shop: Shop, request_: Any, fields: list[str]
) -> None:
    refused = refusal(lambda: shop.call(request_))
    assert refused.status is Code.INVALID_ARGUMENT
    assert list(refused.fields) == fields
