"""Every reason to decline, by the real server on a real database, with status and details."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, Final

import grpc
import pytest

from giftcard.v1 import gift_card_service_pb2 as pb
from giftcard.v1.order_pb2 import Money
from giftcard.v1.reason_pb2 import Reason as WireReason
from giftcard_rules.reasons import Reason
from given.calls import declined_calls, declined_desk_calls, declined_refunds, sent
from given.calls.answered import refusal
from given.calls.declined_calls import ATTEMPTS, World
from given.calls.shop import shop_at
from given.databases.kinds import Place
from given.servers.running import Clock, block, running, settings, target_of

SECOND = timedelta(seconds=1)


@pytest.fixture(scope="module")
def running_world(modules_place: Place) -> Iterator[World]:
    clock = Clock()
    strict = settings(modules_place, attempts_per_key=ATTEMPTS)
    with running(strict, clock) as service, shop_at(target_of(service)) as shop:
        yield World(shop.channel, clock, lambda card_id: block(strict.database_url, card_id))


@pytest.fixture
def world(running_world: World) -> World:
    running_world.clock.now = Clock().now
    return running_world


Prepare = Callable[[World], Any]
Code = grpc.StatusCode
FAILED = Code.FAILED_PRECONDITION
EUR = {"currency_code": "EUR"}
RANGE = {"min_amount_minor": "2000", "max_amount_minor": "50000"} | EUR
EXPIRED = {"expire_time": "2027-03-14T23:00:00Z"}
LAPSED = {"expire_time": "2026-09-15T10:00:00Z"}
HELD = {"hold_expire_time": LAPSED["expire_time"]}
RETURNS_OVER = {"deadline": "2026-10-14T22:00:00Z"}
CANCELLATION_OVER = {"deadline": "2026-09-28T22:00:00Z"}

CASES: Final[tuple[tuple[Prepare, grpc.StatusCode, dict[str, str], str], ...]] = (
    (declined_calls.too_many_wrong_codes, Code.RESOURCE_EXHAUSTED, {}, "TOO_MANY_ATTEMPTS"),
    (
        declined_calls.a_promo_code_after_too_many_wrong_codes,
        Code.RESOURCE_EXHAUSTED,
        {},
        "TOO_MANY_ATTEMPTS",
    ),
    (declined_calls.the_same_id_for_another_amount, Code.ALREADY_EXISTS, {}, "REQUEST_ID_REUSED"),
    (declined_calls.the_same_id_for_another_rpc, Code.ALREADY_EXISTS, {}, "REQUEST_ID_REUSED"),
    (
        declined_calls.an_authorize_that_was_reversed_before_it_arrived,
        Code.ABORTED,
        {},
        "REQUEST_PREVENTED",
    ),
    (declined_calls.an_unknown_code, Code.NOT_FOUND, {}, "CARD_NOT_FOUND"),
    (declined_calls.a_mistyped_code, Code.NOT_FOUND, {}, "CARD_NOT_FOUND"),
    (declined_calls.the_order_number_of_another_purchase, Code.NOT_FOUND, {}, "CARD_NOT_FOUND"),
    (declined_calls.an_unknown_authorization, Code.NOT_FOUND, {}, "AUTHORIZATION_NOT_FOUND"),
    (declined_calls.the_request_id_of_an_issue, Code.NOT_FOUND, {}, "AUTHORIZATION_NOT_FOUND"),
    (declined_calls.a_checkout_on_another_platform, FAILED, {}, "WRONG_MARKET"),
    (declined_calls.an_order_in_another_currency, FAILED, EUR, "CURRENCY_MISMATCH"),
    (declined_calls.a_card_bought_in_another_currency, FAILED, EUR, "CURRENCY_MISMATCH"),
    (declined_calls.a_blocked_card, FAILED, {}, "CARD_BLOCKED"),
    (declined_calls.a_capture_from_a_card_blocked_meanwhile, FAILED, {}, "CARD_BLOCKED"),
    (declined_calls.a_cancelled_card, FAILED, {}, "CARD_CANCELLED"),
    (declined_calls.a_used_card, FAILED, {}, "CARD_REDEEMED"),
    (declined_calls.an_expired_card, FAILED, EXPIRED, "CARD_EXPIRED"),
    (declined_calls.a_card_set_aside_for_another_order, FAILED, HELD, "CARD_HELD"),
    (declined_calls.cancelling_a_card_that_is_set_aside, FAILED, HELD, "CARD_HELD"),
    (declined_calls.capturing_twice, FAILED, {}, "AUTHORIZATION_CAPTURED"),
    (declined_calls.capturing_what_was_released, FAILED, {}, "AUTHORIZATION_RELEASED"),
    (declined_calls.releasing_twice, FAILED, {}, "AUTHORIZATION_RELEASED"),
    (declined_calls.refunding_a_part_of_a_hold, FAILED, {}, "AUTHORIZATION_NOT_CAPTURED"),
    (
        declined_calls.an_other_tender_that_took_a_cent_too_much,
        FAILED,
        {"remaining_due_minor": "3000"} | EUR,
        "AMOUNT_EXCEEDS_AUTHORIZED",
    ),
    (
        declined_calls.a_return_before_its_order,
        FAILED,
        {"earliest_day": "2026-09-14", "latest_day": "2026-09-14"},
        "EXERCISE_DAY_OUT_OF_RANGE",
    ),
    (
        declined_calls.a_cancellation_before_the_purchase,
        FAILED,
        {"earliest_day": "2026-09-14", "latest_day": "2026-09-14"},
        "EXERCISE_DAY_OUT_OF_RANGE",
    ),
    (
        declined_calls.capturing_at_the_instant_when_the_hold_ends,
        FAILED,
        LAPSED,
        "AUTHORIZATION_LAPSED",
    ),
    (declined_calls.buying_a_card_with_a_card, FAILED, {}, "ORDER_HAS_GIFT_CARD_LINE"),
    (declined_calls.an_order_with_a_promo_code, FAILED, {}, "ORDER_HAS_DISCOUNT"),
    (declined_calls.a_second_card_for_an_order, FAILED, {}, "ORDER_HAS_ANOTHER_CARD"),
    (declined_calls.an_order_of_nothing_but_insurance, FAILED, {}, "NOTHING_ELIGIBLE"),
    (declined_calls.a_second_card_for_a_purchase, FAILED, {}, "PURCHASE_HAS_ANOTHER_CARD"),
    (declined_calls.a_second_card_for_a_payment, FAILED, {}, "PURCHASE_HAS_ANOTHER_CARD"),
    (declined_calls.a_card_bought_on_credit, FAILED, {}, "PAYMENT_METHOD_NOT_ACCEPTED"),
    (declined_calls.a_card_bought_with_a_promo_code, FAILED, {}, "PURCHASE_HAS_DISCOUNT"),
    (declined_calls.a_card_over_a_cent_too_much, FAILED, RANGE, "AMOUNT_OUT_OF_RANGE"),
    (
        declined_calls.capturing_a_cent_too_much,
        FAILED,
        {"authorized_amount_minor": "3000"} | EUR,
        "AMOUNT_EXCEEDS_AUTHORIZED",
    ),
    (
        declined_calls.refunding_a_cent_more_than_is_left,
        FAILED,
        {"refundable_amount_minor": "1000"} | EUR,
        "AMOUNT_EXCEEDS_REFUNDABLE",
    ),
    (declined_calls.a_change_of_mind_a_day_late, FAILED, RETURNS_OVER, "RETURN_WINDOW_CLOSED"),
    (
        declined_calls.cancelling_a_purchase_a_day_late,
        FAILED,
        CANCELLATION_OVER,
        "CANCELLATION_WINDOW_CLOSED",
    ),
    (
        declined_calls.cancelling_a_card_that_came_out_of_a_refund,
        FAILED,
        {},
        "NOT_A_PURCHASED_CARD",
    ),
    (
        declined_refunds.confirming_a_cent_more_than_is_due,
        FAILED,
        {"due_amount_minor": "5000"} | EUR,
        "REFUND_NOT_DUE",
    ),
    (
        declined_refunds.confirming_for_an_order_that_was_not_refunded,
        FAILED,
        {"due_amount_minor": "0"} | EUR,
        "REFUND_NOT_DUE",
    ),
    (declined_refunds.confirming_for_an_unknown_card, Code.NOT_FOUND, {}, "CARD_NOT_FOUND"),
    (
        declined_refunds.confirming_for_an_unknown_authorization,
        Code.NOT_FOUND,
        {},
        "AUTHORIZATION_NOT_FOUND",
    ),
    (declined_desk_calls.writing_off_what_is_not_blocked, FAILED, {}, "CARD_NOT_BLOCKED"),
    (
        declined_desk_calls.approving_an_unknown_proposal,
        Code.NOT_FOUND,
        {},
        "PROPOSAL_NOT_FOUND",
    ),
    (declined_desk_calls.approving_twice, FAILED, {}, "PROPOSAL_CLOSED"),
    (
        declined_desk_calls.approving_after_a_day,
        FAILED,
        {"lapse_time": "2026-09-15T10:00:00Z"},
        "PROPOSAL_LAPSED",
    ),
    (declined_desk_calls.approving_ones_own, FAILED, {}, "SAME_ACTOR"),
    (declined_refunds.confirming_in_another_currency, FAILED, EUR, "CURRENCY_MISMATCH"),
)


@pytest.mark.parametrize(("prepare", "status", "details", "reason"), CASES)
def test_a_decline_has_its_reason_and_its_details(
    world: World,
    prepare: Prepare,
    status: grpc.StatusCode,
    details: dict[str, str],
    reason: str,
) -> None:
    request = prepare(world)
    refused = refusal(lambda: world.call(request))
    assert (refused.status, refused.domain, refused.reason) == (status, "giftcard.v1", reason)
    assert refused.details == details
    assert refused.fields == ()
    assert (refused.retry_after is not None) == (reason == "TOO_MANY_ATTEMPTS")


# The acts of Customer Service are commands whose RPCs come with its own service. ANSWER_RETIRED
# needs a server with another ring: tests/server/keys/test_retired_keys.py produces it. Pauses and
# ceilings need servers of their own, too: tests/server/switches produces what they decline.
WITHOUT_AN_RPC: Final = {
    "ANSWER_RETIRED",
    "MARKET_PAUSED",
    "ISSUE_CEILING_REACHED",
    # This world mails nobody: tests/server/edge/support/test_resending.py.
    "RESEND_LIMIT",
    "PERSON_ERASED",
    "PERSON_RESTRICTED",
}


def test_every_reason_has_a_call_that_is_declined_for_it() -> None:
    produced = {reason for *_, reason in CASES} | WITHOUT_AN_RPC
    assert produced == {reason.value for reason in Reason}
    assert produced | {"UNSPECIFIED"} == {
        name.removeprefix("REASON_")
        for name in WireReason.keys()  # noqa: SIM118 - no dictionary
    }


# Reasons for which Authorize would be declined, but those that depend on its request id.
OF_VALIDATE: Final = (
    (declined_calls.too_many_wrong_codes, "TOO_MANY_ATTEMPTS"),
    (declined_calls.a_promo_code_after_too_many_wrong_codes, "TOO_MANY_ATTEMPTS"),
    (declined_calls.an_unknown_code, "CARD_NOT_FOUND"),
    (declined_calls.a_mistyped_code, "CARD_NOT_FOUND"),
    (declined_calls.a_checkout_on_another_platform, "WRONG_MARKET"),
    (declined_calls.an_order_in_another_currency, "CURRENCY_MISMATCH"),
    (declined_calls.a_blocked_card, "CARD_BLOCKED"),
    (declined_calls.a_cancelled_card, "CARD_CANCELLED"),
    (declined_calls.a_used_card, "CARD_REDEEMED"),
    (declined_calls.an_expired_card, "CARD_EXPIRED"),
    (declined_calls.a_card_set_aside_for_another_order, "CARD_HELD"),
    (declined_calls.buying_a_card_with_a_card, "ORDER_HAS_GIFT_CARD_LINE"),
    (declined_calls.an_order_with_a_promo_code, "ORDER_HAS_DISCOUNT"),
    (declined_calls.a_second_card_for_an_order, "ORDER_HAS_ANOTHER_CARD"),
    (declined_calls.an_order_of_nothing_but_insurance, "NOTHING_ELIGIBLE"),
)
# Some other order could use the card: for CARD_HELD, the one that holds it.
OF_SOME_ORDERS: Final = ("CURRENCY_MISMATCH", "CARD_HELD", "NOTHING_ELIGIBLE")
CARD_UNSEEN: Final = ("TOO_MANY_ATTEMPTS", "CARD_NOT_FOUND")


@pytest.mark.parametrize(("prepare", "reason"), OF_VALIDATE)
def test_validate_answers_in_its_body_what_authorize_would_be_declined_for(
    world: World, prepare: Prepare, reason: str
) -> None:
    asked = prepare(world)
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
    assert answer.HasField("retry_delay") == (reason == "TOO_MANY_ATTEMPTS")


@pytest.mark.parametrize(("prepare", "reason"), OF_VALIDATE)
def test_without_an_order_validate_tells_what_holds_for_every_order(
    world: World, prepare: Prepare, reason: str
) -> None:
    asked = prepare(world)
    answer = world.call(
        pb.ValidateRequest(code=asked.code, market=asked.market, attempt_key=asked.attempt_key)
    )
    of_the_order = reason.startswith("ORDER_") or reason in OF_SOME_ORDERS
    assert answer.usable == of_the_order
    assert answer.reason == (0 if of_the_order else WireReason.Value(f"REASON_{reason}"))
    assert answer.HasField("card") == (reason not in CARD_UNSEEN)
    amounts = (answer.applicable_amount, answer.remaining_due, answer.forfeited_amount)
    # The market "be" is none of this service.
    currency = "" if asked.market == "be" else "EUR"
    assert amounts == (Money(amount_minor=0, currency_code=currency),) * 3


def test_validate_says_how_long_to_wait_as_authorize_does(world: World) -> None:
    asked = declined_calls.too_many_wrong_codes(world)
    told = refusal(lambda: world.call(asked)).retry_after
    question = sent.validate(asked.code, asked.order)
    question.attempt_key = asked.attempt_key
    delay = world.call(question).retry_delay.ToTimedelta()
    assert told is not None
    assert timedelta(0) < delay <= told
    assert told - delay < timedelta(seconds=10)


def test_a_hold_is_captured_up_to_the_last_instant_before_it_ends(world: World) -> None:
    held = world.held(world.bought().code)
    world.clock.now = held.expire_time.ToDatetime(world.clock.now.tzinfo) - SECOND
    assert world.call(sent.capture(held.authorization_id)).authorization.captured_amount
