"""Every way to say no, by the real server on a real database, with its status and its facts."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, Final

import grpc
import pytest

from giftcard.v1 import gift_card_service_pb2 as pb
from giftcard.v1.reason_pb2 import Reason as WireReason
from giftcard_rules.reasons import Reason
from given.calls import declined_calls as situations
from given.calls import sent
from given.calls.answered import refusal
from given.calls.declined_calls import ATTEMPTS, World
from given.calls.shop import shop_at
from given.databases.kinds import Place
from given.servers.running import Clock, block, running, settings, target_of

SECOND = timedelta(seconds=1)


@pytest.fixture(scope="module")
def running_world(modules_place: Place) -> Iterator[World]:
    clock = Clock()
    told = settings(modules_place, attempts_per_key=ATTEMPTS)
    with running(told, clock) as service, shop_at(target_of(service)) as shop:
        yield World(shop.channel, clock, lambda card_id: block(told.database_url, card_id))


@pytest.fixture
def world(running_world: World) -> World:
    running_world.clock.now = Clock().now
    return running_world


Situation = Callable[[World], Any]
Code = grpc.StatusCode
NO = Code.FAILED_PRECONDITION
EUR = {"currency_code": "EUR"}
RANGE = {"min_amount_minor": "2000", "max_amount_minor": "50000"} | EUR
EXPIRED = {"expire_time": "2027-03-14T23:00:00Z"}
LAPSED = {"expire_time": "2026-09-15T10:00:00Z"}
RETURNS_OVER = {"deadline": "2026-10-14T22:00:00Z"}
CANCELLATION_OVER = {"deadline": "2026-09-28T22:00:00Z"}

CASES: Final[tuple[tuple[Situation, grpc.StatusCode, dict[str, str], str], ...]] = (
    (situations.too_many_wrong_codes, Code.RESOURCE_EXHAUSTED, {}, "TOO_MANY_ATTEMPTS"),
    (situations.the_same_id_for_another_amount, Code.ALREADY_EXISTS, {}, "REQUEST_ID_REUSED"),
    (situations.the_same_id_for_another_rpc, Code.ALREADY_EXISTS, {}, "REQUEST_ID_REUSED"),
    (
        situations.an_authorize_that_was_reversed_before_it_arrived,
        Code.ABORTED,
        {},
        "REQUEST_PREVENTED",
    ),
    (situations.an_unknown_code, Code.NOT_FOUND, {}, "CARD_NOT_FOUND"),
    (situations.a_mistyped_code, Code.NOT_FOUND, {}, "CARD_NOT_FOUND"),
    (situations.the_order_number_of_another_purchase, Code.NOT_FOUND, {}, "CARD_NOT_FOUND"),
    (situations.an_unknown_authorization, Code.NOT_FOUND, {}, "AUTHORIZATION_NOT_FOUND"),
    (situations.the_request_id_of_an_issue, Code.NOT_FOUND, {}, "AUTHORIZATION_NOT_FOUND"),
    (situations.a_checkout_on_another_platform, NO, {}, "WRONG_MARKET"),
    (situations.an_order_in_another_currency, NO, EUR, "CURRENCY_MISMATCH"),
    (situations.a_card_bought_in_another_currency, NO, EUR, "CURRENCY_MISMATCH"),
    (situations.a_blocked_card, NO, {}, "CARD_BLOCKED"),
    (situations.a_capture_from_a_card_blocked_meanwhile, NO, {}, "CARD_BLOCKED"),
    (situations.a_cancelled_card, NO, {}, "CARD_CANCELLED"),
    (situations.a_used_card, NO, {}, "CARD_REDEEMED"),
    (situations.an_expired_card, NO, EXPIRED, "CARD_EXPIRED"),
    (situations.a_card_set_aside_for_another_order, NO, {}, "CARD_HELD"),
    (situations.cancelling_a_card_that_is_set_aside, NO, {}, "CARD_HELD"),
    (situations.capturing_twice, NO, {}, "AUTHORIZATION_CAPTURED"),
    (situations.capturing_what_was_released, NO, {}, "AUTHORIZATION_RELEASED"),
    (situations.releasing_twice, NO, {}, "AUTHORIZATION_RELEASED"),
    (situations.capturing_at_the_instant_when_the_hold_ends, NO, LAPSED, "AUTHORIZATION_LAPSED"),
    (situations.buying_a_card_with_a_card, NO, {}, "ORDER_HAS_GIFT_CARD_LINE"),
    (situations.an_order_with_a_promo_code, NO, {}, "ORDER_HAS_DISCOUNT"),
    (situations.a_second_card_for_an_order, NO, {}, "ORDER_HAS_ANOTHER_CARD"),
    (situations.an_order_of_nothing_but_insurance, NO, {}, "NOTHING_ELIGIBLE"),
    (situations.a_second_card_for_a_purchase, NO, {}, "PURCHASE_HAS_ANOTHER_CARD"),
    (situations.a_card_bought_on_credit, NO, {}, "PAYMENT_METHOD_NOT_ACCEPTED"),
    (situations.a_card_bought_with_a_promo_code, NO, {}, "PURCHASE_HAS_DISCOUNT"),
    (situations.a_card_over_a_cent_too_much, NO, RANGE, "AMOUNT_OUT_OF_RANGE"),
    (
        situations.capturing_a_cent_too_much,
        NO,
        {"authorized_amount_minor": "3000"} | EUR,
        "AMOUNT_EXCEEDS_AUTHORIZED",
    ),
    (
        situations.refunding_a_cent_more_than_is_left,
        NO,
        {"refundable_amount_minor": "1000"} | EUR,
        "AMOUNT_EXCEEDS_REFUNDABLE",
    ),
    (situations.a_change_of_mind_a_day_late, NO, RETURNS_OVER, "RETURN_WINDOW_CLOSED"),
    (
        situations.cancelling_a_purchase_a_day_late,
        NO,
        CANCELLATION_OVER,
        "CANCELLATION_WINDOW_CLOSED",
    ),
    (situations.cancelling_a_card_that_came_out_of_a_refund, NO, {}, "NOT_A_PURCHASED_CARD"),
)


@pytest.mark.parametrize(("situation", "status", "facts", "reason"), CASES)
def test_a_decline_says_its_reason_and_its_facts(
    world: World,
    situation: Situation,
    status: grpc.StatusCode,
    facts: dict[str, str],
    reason: str,
) -> None:
    request = situation(world)
    no = refusal(lambda: world.call(request))
    assert (no.status, no.domain, no.reason) == (status, "giftcard.v1", reason)
    assert no.facts == facts
    assert no.fields == ()
    assert (no.retry_after is not None) == (reason == "TOO_MANY_ATTEMPTS")


def test_every_reason_has_a_situation_that_leads_to_it() -> None:
    produced = {reason for *_, reason in CASES}
    assert produced == {reason.value for reason in Reason}
    assert produced | {"UNSPECIFIED"} == {
        name.removeprefix("REASON_")
        for name in WireReason.keys()  # noqa: SIM118 - no dictionary
    }


# What Authorize would be declined for; not what belongs to the request alone.
OF_VALIDATE: Final = (
    (situations.too_many_wrong_codes, "TOO_MANY_ATTEMPTS"),
    (situations.an_unknown_code, "CARD_NOT_FOUND"),
    (situations.a_mistyped_code, "CARD_NOT_FOUND"),
    (situations.a_checkout_on_another_platform, "WRONG_MARKET"),
    (situations.an_order_in_another_currency, "CURRENCY_MISMATCH"),
    (situations.a_blocked_card, "CARD_BLOCKED"),
    (situations.a_cancelled_card, "CARD_CANCELLED"),
    (situations.a_used_card, "CARD_REDEEMED"),
    (situations.an_expired_card, "CARD_EXPIRED"),
    (situations.a_card_set_aside_for_another_order, "CARD_HELD"),
    (situations.buying_a_card_with_a_card, "ORDER_HAS_GIFT_CARD_LINE"),
    (situations.an_order_with_a_promo_code, "ORDER_HAS_DISCOUNT"),
    (situations.a_second_card_for_an_order, "ORDER_HAS_ANOTHER_CARD"),
    (situations.an_order_of_nothing_but_insurance, "NOTHING_ELIGIBLE"),
)
CARD_UNSEEN: Final = ("TOO_MANY_ATTEMPTS", "CARD_NOT_FOUND")


@pytest.mark.parametrize(("situation", "reason"), OF_VALIDATE)
def test_validate_answers_in_its_body_what_authorize_would_be_declined_for(
    world: World, situation: Situation, reason: str
) -> None:
    asked = situation(world)
    answer = world.call(
        pb.ValidateRequest(
            code=asked.code, market=asked.market, order=asked.order, attempt_key=asked.attempt_key
        )
    )
    assert not answer.usable
    assert WireReason.Name(answer.reason) == f"REASON_{reason}"
    assert answer.applicable_amount.amount_minor == 0
    assert answer.remaining_due == asked.order.total
    assert answer.HasField("card") == (reason not in CARD_UNSEEN)


def test_a_hold_is_captured_up_to_the_last_instant_before_it_ends(world: World) -> None:
    held = world.held(world.bought().code)
    world.clock.now = held.expire_time.ToDatetime(world.clock.now.tzinfo) - SECOND
    assert world.call(sent.capture(held.authorization_id)).authorization.captured_amount
