"""Calls that a server declines, each for one reason; a real shop leads up to them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import grpc
from google.type.date_pb2 import Date

from giftcard.v1 import gift_card_service_pb2 as pb
from given.calls import sent
from given.calls.answered import refusal
from given.calls.shop import Shop
from given.servers.running import Clock

ATTEMPTS = 3  # Wrong codes after which the world's server throttles.


class World(Shop):
    """A shop, with the clock and the database of its server."""

    def __init__(
        self, channel: grpc.Channel, clock: Clock, block_card: Callable[[str], None]
    ) -> None:
        super().__init__(channel)
        self.clock = clock
        self.block = block_card

    def returned(self) -> pb.ReverseResponse:
        """Return a refund of 50 € to a new card, which replaces one that was used."""
        paid = self.paid(self.bought().code)
        back: pb.ReverseResponse = self.call(sent.reverse(paid.authorization_id))
        return back


# Each function brings the world to the point where the request that it returns is declined.


def too_many_wrong_codes(world: World) -> Any:
    request = sent.authorize(world.bought().code)
    wrong = sent.authorize()
    wrong.attempt_key = request.attempt_key
    for _ in range(ATTEMPTS):
        refusal(lambda: world.call(wrong))
    return request


def a_promo_code_after_too_many_wrong_codes(world: World) -> Any:
    request = too_many_wrong_codes(world)
    request.code = "NOEL10"
    return request


def the_same_id_for_another_amount(world: World) -> Any:
    request = sent.issue(50_00)
    world.call(request)
    request.amount.amount_minor = 51_00
    return request


def the_same_id_for_another_rpc(world: World) -> Any:
    request = sent.authorize(world.bought().code)
    world.call(request)
    return pb.CaptureRequest(request_id=request.request_id, authorization_id="any")


def an_authorize_that_was_reversed_before_it_arrived(world: World) -> Any:
    request = sent.authorize(world.bought().code)
    world.call(sent.reverse_request(request.request_id))
    return request


def an_unknown_code(_world: World) -> Any:
    return sent.authorize()


def a_mistyped_code(_world: World) -> Any:
    return sent.authorize("not a code at all")


def the_order_number_of_another_purchase(world: World) -> Any:
    return sent.cancel(world.bought().code, sent.issue().purchase.order_id)


def an_unknown_authorization(_world: World) -> Any:
    return sent.capture("unknown")


def the_request_id_of_an_issue(world: World) -> Any:
    bought = sent.issue()
    world.call(bought)
    return sent.reverse_request(bought.request_id)


def a_checkout_on_another_platform(world: World) -> Any:
    request = sent.authorize(world.bought().code)
    request.market = "be"
    return request


def an_order_in_another_currency(world: World) -> Any:
    return sent.authorize(world.bought().code, sent.order(50_00, currency="CHF"))


def a_card_bought_in_another_currency(_world: World) -> Any:
    request = sent.issue()
    request.amount.currency_code = "CHF"
    return request


def a_blocked_card(world: World) -> Any:
    bought = world.bought()
    world.block(bought.card.card_id)
    return sent.authorize(bought.code)


def a_capture_from_a_card_blocked_meanwhile(world: World) -> Any:
    bought = world.bought()
    held = world.held(bought.code)
    world.block(bought.card.card_id)
    return sent.capture(held.authorization_id)


def a_cancelled_card(world: World) -> Any:
    purchase = sent.issue()
    code = world.call(purchase).code
    world.call(sent.cancel(code, purchase.purchase.order_id))
    return sent.authorize(code)


def a_used_card(world: World) -> Any:
    code = world.bought().code
    world.paid(code, sent.order(10_00))
    return sent.authorize(code)


def an_expired_card(world: World) -> Any:
    code = world.bought().code
    world.clock.wait(timedelta(days=183))
    return sent.authorize(code)


def a_card_set_aside_for_another_order(world: World) -> Any:
    code = world.bought().code
    world.held(code)
    return sent.authorize(code)


def cancelling_a_card_that_is_set_aside(world: World) -> Any:
    purchase = sent.issue()
    code = world.call(purchase).code
    world.held(code)
    return sent.cancel(code, purchase.purchase.order_id)


def capturing_twice(world: World) -> Any:
    return sent.capture(world.paid(world.bought().code).authorization_id)


def capturing_what_was_released(world: World) -> Any:
    held = world.held(world.bought().code)
    world.call(sent.reverse(held.authorization_id))
    return sent.capture(held.authorization_id)


def releasing_twice(world: World) -> Any:
    held = world.held(world.bought().code)
    world.call(sent.reverse(held.authorization_id))
    return sent.reverse(held.authorization_id)


def capturing_at_the_instant_when_the_hold_ends(world: World) -> Any:
    held = world.held(world.bought().code)
    world.clock.wait(timedelta(days=1))
    return sent.capture(held.authorization_id)


def buying_a_card_with_a_card(world: World) -> Any:
    return sent.authorize(world.bought().code, sent.order(50_00, category="gift_card"))


def an_order_with_a_promo_code(world: World) -> Any:
    request = sent.authorize(world.bought().code)
    request.order.discount_codes.append("SUMMER")
    return request


def a_second_card_for_an_order(world: World) -> Any:
    wanted = sent.order(80_00)
    world.held(world.bought().code, wanted)
    return sent.authorize(world.bought().code, wanted)


def an_order_of_nothing_but_insurance(world: World) -> Any:
    return sent.authorize(world.bought().code, sent.order(50_00, category="insurance"))


def a_second_card_for_a_purchase(world: World) -> Any:
    first, second = sent.issue(), sent.issue()
    world.call(first)
    second.purchase.order_id = first.purchase.order_id
    return second


def a_card_bought_on_credit(_world: World) -> Any:
    request = sent.issue()
    request.purchase.payment_method = pb.PAYMENT_METHOD_PAY_LATER
    return request


def a_card_bought_with_a_promo_code(_world: World) -> Any:
    request = sent.issue()
    request.purchase.discount_codes.append("SUMMER")
    return request


def a_card_over_a_cent_too_much(_world: World) -> Any:
    return sent.issue(500_01)


def capturing_a_cent_too_much(world: World) -> Any:
    held = world.held(world.bought(50_00).code, sent.order(30_00))
    return sent.capture(held.authorization_id, 30_01)


def refunding_a_cent_more_than_is_left(world: World) -> Any:
    paid = world.paid(world.bought(50_00).code, sent.order(80_00))
    world.call(sent.reverse(paid.authorization_id, 70_00))
    return sent.reverse(paid.authorization_id, 10_01)


def a_change_of_mind_a_day_late(world: World) -> Any:
    paid = world.paid(world.bought().code)
    # R21: day 30 is Wednesday 14 October.
    world.clock.wait(timedelta(days=31))
    request = sent.reverse(paid.authorization_id)
    request.reason = pb.REVERSE_REASON_CHANGE_OF_MIND
    request.delivered_on.CopyFrom(Date(year=2026, month=9, day=14))
    return request


def cancelling_a_purchase_a_day_late(world: World) -> Any:
    purchase = sent.issue()
    code = world.call(purchase).code
    # R25: day 14 is Monday 28 September.
    world.clock.wait(timedelta(days=15))
    return sent.cancel(code, purchase.purchase.order_id)


def cancelling_a_card_that_came_out_of_a_refund(world: World) -> Any:
    purchase = sent.issue()
    paid = world.paid(world.call(purchase).code)
    back = world.call(sent.reverse(paid.authorization_id))
    return sent.cancel(back.replacement.code, purchase.purchase.order_id)


def a_second_card_for_a_payment(world: World) -> Any:
    first, second = sent.issue(), sent.issue()
    world.call(first)
    second.purchase.payment_reference = first.purchase.payment_reference
    return second


def refunding_a_part_of_a_hold(world: World) -> Any:
    return sent.reverse(world.held(world.bought().code).authorization_id, 10_00)


def an_other_tender_that_took_a_cent_too_much(world: World) -> Any:
    held = world.held(world.bought(50_00).code, sent.order(80_00))
    request = sent.capture(held.authorization_id)
    request.other_tender_amount.CopyFrom(sent.euros(30_01))
    return request


def a_return_before_its_order(world: World) -> Any:
    request = sent.reverse(world.paid(world.bought().code).authorization_id)
    request.exercised_on.CopyFrom(Date(year=2026, month=9, day=13))
    return request


def a_cancellation_before_the_purchase(world: World) -> Any:
    purchase = sent.issue()
    request = sent.cancel(world.call(purchase).code, purchase.purchase.order_id)
    request.exercised_on.CopyFrom(Date(year=2026, month=9, day=13))
    return request
