"""The same request in other words gets the same answer, however late; another one is refused."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, Final

import pytest
from google.type.date_pb2 import Date

from given.calls import sent
from given.calls.answered import refusal
from given.calls.sent import ABSENT, changed, euros
from given.calls.shop import Shop, shop_at
from given.databases.kinds import Place
from given.servers.running import Clock, running, settings, target_of


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def shop(modules_place: Place, clock: Clock) -> Iterator[Shop]:
    with running(settings(modules_place), clock) as service, shop_at(target_of(service)) as opened:
        yield opened


def a_purchase(_shop: Shop) -> Any:
    return sent.issue()


def a_checkout(shop: Shop) -> Any:
    return sent.authorize(shop.bought().code)


def a_capture(shop: Shop) -> Any:
    return sent.capture(shop.held(shop.bought().code).authorization_id)


def a_release(shop: Shop) -> Any:
    return sent.reverse(shop.held(shop.bought().code).authorization_id)


def a_prevention(_shop: Shop) -> Any:
    return sent.reverse_request(sent.new_id())


def a_cancellation(shop: Shop) -> Any:
    purchase = sent.issue()
    return sent.cancel(shop.call(purchase).code, purchase.purchase.order_id)


def upper(text: str) -> str:
    return text.upper()


def as_people_type(code: str) -> str:
    return f" {code.lower().replace('-', ' ').replace('0', 'o').replace('1', 'l')} "


def of_another_session(_key: str) -> str:
    return sent.new_id()


SPELLINGS: Final = (
    (a_purchase, "request_id", upper),
    (a_checkout, "request_id", upper),
    (a_checkout, "code", as_people_type),
    (a_checkout, "attempt_key", of_another_session),
    (a_checkout, "attempt_key", lambda _key: ABSENT),
    (a_capture, "request_id", upper),
    (a_capture, "authorization_id", upper),
    (a_release, "authorization_id", upper),
    (a_prevention, "authorize_request_id", upper),
    (a_cancellation, "code", as_people_type),
)


@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize(("prepare", "path", "spelled"), SPELLINGS)
def test_the_same_request_in_another_spelling_gets_the_same_answer(
    shop: Shop,
    prepare: Callable[[Shop], Any],
    path: str,
    spelled: Callable[[str], Any],
    *,
    is_first: bool,
) -> None:
    plain = prepare(shop)
    other = changed(plain, path, spelled(getattr(plain, path)))
    first, again = (other, plain) if is_first else (plain, other)
    answer, was_replay = shop.answered(first)
    assert not was_replay
    assert shop.answered(again) == (answer, True)


DEFAULTS: Final = (
    (a_purchase, "design", ABSENT),
    (a_purchase, "deliver_on", Date(year=2026, month=9, day=14)),
    (a_capture, "amount", euros(50_00)),
    (a_capture, "other_tender_amount", euros(0)),
    (a_release, "exercised_on", Date(year=2026, month=9, day=14)),
    (a_cancellation, "exercised_on", Date(year=2026, month=9, day=14)),
)


@pytest.mark.parametrize(("prepare", "path", "value"), DEFAULTS)
def test_absent_and_the_stated_default_are_two_requests(
    shop: Shop, prepare: Callable[[Shop], Any], path: str, value: object
) -> None:
    request = prepare(shop)
    shop.call(request)
    no = refusal(lambda: shop.call(changed(request, path, value)))
    assert no.reason == "REQUEST_ID_REUSED"


# A clock that is set right, or terms that are changed, never make a replay malformed.


def test_a_replay_is_answered_although_its_day_is_ahead_of_a_clock_that_was_set_back(
    shop: Shop, clock: Clock
) -> None:
    tomorrow = Date(year=2026, month=9, day=15)
    back = changed(
        sent.reverse(shop.paid(shop.bought().code).authorization_id), "delivered_on", ABSENT
    )
    clock.wait(timedelta(days=1))
    for field in ("delivered_on", "exercised_on"):
        getattr(back, field).CopyFrom(tomorrow)
    first = shop.answered(back)[0]
    clock.wait(timedelta(days=-5))
    assert shop.answered(back) == (first, True)
    fresh = changed(back, "request_id", sent.new_id())
    assert refusal(lambda: shop.call(fresh)).fields == ("delivered_on", "exercised_on")
    clock.wait(timedelta(days=4))


def test_a_replay_is_answered_although_its_market_is_gone(place: Place) -> None:
    request = changed(sent.issue(1), "market", "xx")
    here = {
        "xx": {
            "currency": "EUR",
            "time_zone": "Europe/Paris",
            "min_amount_minor": 20_00,
            "max_amount_minor": 500_00,
            "holiday_calendar": "FR",
        }
    }
    with (
        running(settings(place, markets=here), Clock()) as service,
        shop_at(target_of(service)) as shop,
    ):
        first = shop.answered(request)[0]
    with running(settings(place), Clock()) as service, shop_at(target_of(service)) as shop:
        assert shop.answered(request) == (first, True)
        fresh = changed(request, "request_id", sent.new_id())
        assert refusal(lambda: shop.call(fresh)).fields == ("market",)
