"""R36: an Authorize whose answer was lost is undone by the request id that it was sent with."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

import pytest

from giftcard.v1 import gift_card_service_pb2 as pb
from giftcard_server.settings import Settings
from given.calls import sent
from given.calls.answered import refusal
from given.calls.shop import Shop
from given.servers.running import Clock, dump

RELEASED: Final = pb.REVERSE_OUTCOME_RELEASED
REFUNDED: Final = pb.REVERSE_OUTCOME_REFUNDED
PREVENTED: Final = pb.REVERSE_OUTCOME_PREVENTED


# The states of an Authorize at the time when it is undone.


def open_still(shop: Shop, _clock: Clock) -> str:
    request = sent.authorize(shop.bought().code)
    shop.call(request)
    return request.request_id


def captured(shop: Shop, _clock: Clock) -> str:
    request = sent.authorize(shop.bought().code)
    shop.call(sent.capture(shop.call(request).authorization.authorization_id))
    return request.request_id


def released(shop: Shop, _clock: Clock) -> str:
    request = sent.authorize(shop.bought().code)
    shop.call(sent.reverse(shop.call(request).authorization.authorization_id))
    return request.request_id


def given_way_to_a_changed_basket(shop: Shop, _clock: Clock) -> str:  # R35
    request = sent.authorize(shop.bought().code)
    shop.call(request)
    shop.call(sent.authorize(request.code, request.order))
    return request.request_id


def lapsed(shop: Shop, clock: Clock) -> str:
    request = sent.authorize(shop.bought().code)
    shop.call(request)
    clock.wait(timedelta(days=1))
    return request.request_id


def declined(shop: Shop, _clock: Clock) -> str:
    request = sent.authorize(shop.bought().code, sent.order(50_00, category="insurance"))
    refusal(lambda: shop.call(request))
    return request.request_id


def with_an_unknown_code(shop: Shop, _clock: Clock) -> str:
    request = sent.authorize()
    refusal(lambda: shop.call(request))
    return request.request_id


def never_arrived(_shop: Shop, _clock: Clock) -> str:
    return sent.new_id()


def prevented_before(shop: Shop, _clock: Clock) -> str:
    request_id = sent.new_id()
    shop.call(sent.reverse_request(request_id))
    return request_id


def no_authorize_but_an_issue(shop: Shop, _clock: Clock) -> str:
    request = sent.issue()
    shop.call(request)
    return request.request_id


def no_authorize_but_a_reverse(shop: Shop, _clock: Clock) -> str:
    request = sent.reverse_request(sent.new_id())
    shop.call(request)
    return request.request_id


STATES: Final = (
    (open_still, RELEASED),
    (captured, REFUNDED),
    (released, "AUTHORIZATION_RELEASED"),
    (given_way_to_a_changed_basket, "AUTHORIZATION_RELEASED"),
    (lapsed, "AUTHORIZATION_LAPSED"),
    (declined, PREVENTED),
    (with_an_unknown_code, PREVENTED),
    (never_arrived, PREVENTED),
    (prevented_before, PREVENTED),
    (no_authorize_but_an_issue, "AUTHORIZATION_NOT_FOUND"),
    (no_authorize_but_a_reverse, "AUTHORIZATION_NOT_FOUND"),
)


@pytest.mark.parametrize(("state", "outcome"), STATES)
def test_an_authorize_is_undone_by_its_request_id_in_every_state(
    shop: Shop, clock: Clock, state: Callable[[Shop, Clock], str], outcome: object
) -> None:
    undo = sent.reverse_request(state(shop, clock))
    if isinstance(outcome, str):
        assert refusal(lambda: shop.call(undo)).reason == outcome
        return
    answer = shop.call(undo)
    assert answer.outcome == outcome
    assert answer.HasField("authorization") == (outcome != PREVENTED)
    assert answer.HasField("replacement") == (outcome == REFUNDED)


def test_a_request_id_is_found_in_whatever_case_it_is_written(shop: Shop, clock: Clock) -> None:
    undo = sent.reverse_request(open_still(shop, clock).upper())
    assert shop.call(undo).outcome == RELEASED


def test_an_authorize_that_comes_after_it_was_undone_sets_nothing_aside(
    shop: Shop, modules_settings: Settings
) -> None:
    late = sent.authorize(shop.bought().code)
    shop.call(sent.reverse_request(late.request_id))
    before = dump(modules_settings.database_url)
    for _ in range(2):
        refused = refusal(lambda: shop.call(late))
        assert (refused.reason, refused.replayed) == ("REQUEST_PREVENTED", False)
    assert dump(modules_settings.database_url) == before
    assert shop.call(sent.validate(late.code)).usable


@pytest.mark.parametrize(
    "other", [sent.issue(), sent.capture(), sent.cancel()], ids=lambda sample: type(sample).__name__
)
def test_a_prevented_request_id_serves_no_other_rpc(shop: Shop, other: Any) -> None:
    request_id = sent.new_id()
    shop.call(sent.reverse_request(request_id))
    other.request_id = request_id
    assert refusal(lambda: shop.call(other)).reason == "REQUEST_ID_REUSED"
