"""PreviewReverse on the real server: it answers what Reverse then answers, and changes nothing."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from google.type.date_pb2 import Date

from giftcard.v1 import authorization_service_pb2 as pb
from giftcard.v1 import gift_card_service_pb2
from giftcard.v1.reason_pb2 import Reason as WireReason
from given.calls import looking, sent
from given.calls.answered import refusal
from given.calls.shop import Shop
from given.servers.running import NOON, Clock


def test_a_preview_has_the_fields_of_a_reverse_without_its_request_id() -> None:
    def fields(message: Any) -> dict[str, tuple[object, ...]]:
        return {
            field.name: (field.type, field.message_type, field.enum_type)
            for field in message.DESCRIPTOR.fields
        }

    of_reverse = fields(gift_card_service_pb2.ReverseRequest)
    del of_reverse["request_id"]
    assert fields(pb.PreviewReverseRequest) == of_reverse


def day(of: date) -> Date:
    return Date(year=of.year, month=of.month, day=of.day)


def mind(authorization_id: str, **fields: Any) -> gift_card_service_pb2.ReverseRequest:
    return gift_card_service_pb2.ReverseRequest(
        request_id=sent.new_id(),
        authorization_id=authorization_id,
        reason=gift_card_service_pb2.REVERSE_REASON_CHANGE_OF_MIND,
        **fields,
    )


def a_hold(shop: Shop) -> Any:
    return sent.reverse(shop.held(shop.bought().code).authorization_id)


def a_part_of_a_hold(shop: Shop) -> Any:
    return sent.reverse(shop.held(shop.bought().code).authorization_id, 1_00)


def a_refund(shop: Shop) -> Any:
    return sent.reverse(shop.paid(shop.bought().code, sent.order(60_00)).authorization_id)


def a_part(shop: Shop) -> Any:
    return sent.reverse(shop.paid(shop.bought().code, sent.order(60_00)).authorization_id, 55_00)


def a_cent_too_much(shop: Shop) -> Any:
    return sent.reverse(shop.paid(shop.bought().code).authorization_id, 50_01)


def a_checkout_that_did_not_end(shop: Shop) -> Any:
    request = sent.authorize(shop.bought().code, sent.order(30_00))
    held = shop.call(request).authorization
    shop.call(sent.capture(held.authorization_id))
    return sent.reverse_request(request.request_id)


def one_that_never_arrived(_shop: Shop) -> Any:
    return sent.reverse_request(sent.new_id())


def a_change_of_mind(shop: Shop) -> Any:
    paid = shop.paid(shop.bought().code)
    return mind(paid.authorization_id, delivered_on=day(NOON.date()))


def a_change_of_mind_before_delivery(shop: Shop) -> Any:
    return mind(shop.paid(shop.bought().code).authorization_id, before_delivery=True)


def a_change_of_mind_too_late(shop: Shop) -> Any:
    paid = shop.paid(shop.bought().code)
    return mind(paid.authorization_id, delivered_on=Date(year=2026, month=7, day=1))


def one_that_nobody_knows(_shop: Shop) -> Any:
    return sent.reverse("unknown")


@pytest.mark.parametrize(
    ("reverse_of", "restored_minor", "deadline"),
    [
        (a_hold, 0, None),
        (a_part_of_a_hold, None, None),
        (a_refund, 0, None),
        (a_part, 0, None),
        (a_cent_too_much, None, None),
        (a_checkout_that_did_not_end, 20_00, None),
        (one_that_never_arrived, None, None),
        # Delivered on 14 September: the last day is 14 October.
        (a_change_of_mind, 0, "2026-10-14T22:00:00"),
        (a_change_of_mind_before_delivery, 0, None),
        (a_change_of_mind_too_late, None, None),
        (one_that_nobody_knows, None, None),
    ],
)
def test_a_preview_answers_what_reverse_then_answers(
    shop: Shop,
    clock: Clock,
    reverse_of: Callable[[Shop], Any],
    restored_minor: int | None,
    deadline: str | None,
) -> None:
    reverse = reverse_of(shop)
    previewed: pb.PreviewReverseResponse = shop.call(looking.preview_of(reverse))
    assert previewed == shop.call(looking.preview_of(reverse))  # It has changed nothing.
    if previewed.reason:
        refused = refusal(lambda: shop.call(reverse))
        assert WireReason.Name(previewed.reason) == f"REASON_{refused.reason}"
        assert previewed == pb.PreviewReverseResponse(reason=previewed.reason)
        return
    answer: gift_card_service_pb2.ReverseResponse = shop.call(reverse)
    assert previewed.outcome == answer.outcome
    for name in ("gift_card_amount", "other_tender_amount"):
        assert previewed.HasField(name) == answer.HasField(name)
        assert getattr(previewed, name) == getattr(answer, name)
    assert previewed.HasField("restored_amount") == (restored_minor is not None)
    assert previewed.restored_amount.amount_minor == (restored_minor or 0)
    on_card = answer.replacement.card.initial_amount.amount_minor
    assert on_card == previewed.gift_card_amount.amount_minor + (restored_minor or 0)
    assert previewed.HasField("deadline") == (deadline is not None)
    if deadline:
        assert previewed.deadline.ToDatetime().isoformat() == deadline
