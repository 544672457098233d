"""A replay is no guess: a throttled caller still gets the answers that it got before."""

from collections.abc import Iterator
from typing import Any, Final

import pytest

from given.calls import sent
from given.calls.answered import refusal
from given.calls.shop import Shop, shop_at
from given.databases.kinds import Place
from given.servers.running import Clock, running, settings, target_of

ATTEMPTS: Final = 3


@pytest.fixture
def shop(place: Place) -> Iterator[Shop]:
    strict = settings(place, attempts_per_caller=ATTEMPTS)
    with running(strict, Clock()) as service, shop_at(target_of(service)) as opened:
        yield opened


def use_up_the_attempts(shop: Shop, request: Any) -> None:
    """Trip the breaker with wrong codes, of the same attempt key if the request has one."""
    wrong = sent.authorize(sent.UNKNOWN_CODE)
    wrong.attempt_key = getattr(request, "attempt_key", wrong.attempt_key)
    for _ in range(ATTEMPTS):
        assert refusal(lambda: shop.call(wrong)).reason == "CARD_NOT_FOUND"


def test_a_granted_authorize_is_answered_again_while_its_caller_is_throttled(shop: Shop) -> None:
    request = sent.authorize(shop.bought().code)
    granted, _ = shop.answered(request)
    use_up_the_attempts(shop, request)
    assert shop.answered(request) == (granted, True)


def test_a_cancellation_is_answered_again_while_its_caller_is_throttled(shop: Shop) -> None:
    purchase = sent.issue()
    request = sent.cancel(shop.call(purchase).code, purchase.purchase.order_id)
    granted, _ = shop.answered(request)
    use_up_the_attempts(shop, request)
    assert shop.answered(request) == (granted, True)


def another_request(shop: Shop) -> Any:
    return sent.authorize(shop.bought().code)


def the_same_id_with_another_request(shop: Shop) -> Any:
    request = sent.authorize(shop.bought().code)
    shop.call(request)
    return sent.changed(request, "order.total.amount_minor", 1)


@pytest.mark.parametrize("prepare", [another_request, the_same_id_with_another_request])
def test_every_other_request_of_a_throttled_caller_has_to_wait(shop: Shop, prepare: Any) -> None:
    request = prepare(shop)
    if request.order.total.amount_minor == 1:
        request.order.lines[0].amount.amount_minor = 1
    use_up_the_attempts(shop, request)
    assert refusal(lambda: shop.call(request)).reason == "TOO_MANY_ATTEMPTS"


def test_the_same_id_in_another_case_is_the_same_request(shop: Shop) -> None:
    request = sent.authorize(shop.bought().code)
    request.request_id = request.request_id.upper()
    granted, _ = shop.answered(request)
    request.request_id = request.request_id.lower()
    assert shop.answered(request) == (granted, True)
