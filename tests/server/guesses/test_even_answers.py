"""The time that a refusal of a code takes does not reveal its reason: compared as distributions."""

import math
import random
import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations
from typing import Any, Final

import pytest

from conftest import StartServer
from giftcard_server.guesses.even_answers import EvenAnswers
from giftcard_server.process.alarms import Alarms
from giftcard_server.process.waits import in_thread, parked
from given.calls import sent
from given.calls.shop import shop_at
from given.calls.wrong_codes import NOT_FOUND, TOO_MANY, mistyped, reason, unknown
from given.waiting import wait_until

SAMPLES: Final = 240
SHOPPERS: Final = 8
# How often two samples of one distribution may be found to be of two.
ALPHA: Final = 1e-5
FLOOR_SECONDS: Final = 0.05
HOUR: Final = 3600.0
GUESSER: Final = "guesser"

Durations = Mapping[str, Sequence[float]]
Asking = Callable[[str], Any]
Refused = Callable[[str, random.Random, Asking], tuple[Any, str]]


def distance(some: Sequence[float], others: Sequence[float]) -> float:
    """Return the two-sample Kolmogorov-Smirnov statistic: from 0, alike, to 1, apart."""
    some, others = sorted(some), sorted(others)
    return max(
        abs(bisect_right(some, each) / len(some) - bisect_right(others, each) / len(others))
        for each in (*some, *others)
    )


# Beyond this, two samples of SAMPLES durations are of different distributions.
APART: Final = math.sqrt(-math.log(ALPHA / 2) / SAMPLES)


@pytest.mark.parametrize(
    ("some", "others", "expected"),
    [
        ([1, 2, 3, 4], [1, 2, 3, 4], 0),
        ([1, 2, 3, 4], [5, 6, 7, 8], 1),
        ([1, 2, 3, 4], [3, 4, 5, 6], 0.5),
        ([1, 1, 1, 2], [1, 2, 2, 2], 0.5),
    ],
)
def test_the_measure_is_the_distance_of_two_samples(
    some: list[float], others: list[float], expected: float
) -> None:
    assert distance(some, others) == distance(others, some) == expected


def validate(code: str) -> Any:
    return sent.validate(code)


def ask_about_the_card_alone(code: str) -> Any:
    request = sent.validate(code)
    request.ClearField("order")
    return request


def authorize(code: str) -> Any:
    return sent.authorize(code)


def cancel(code: str) -> Any:
    return sent.cancel(code)


def by_the_guesser(request: Any) -> Any:
    request.attempt_key = GUESSER
    return request


def an_unknown_code(_right: str, chance: random.Random, ask: Asking) -> tuple[Any, str]:
    return ask(unknown(chance)), NOT_FOUND


def a_mistyped_code(_right: str, chance: random.Random, ask: Asking) -> tuple[Any, str]:
    return ask(mistyped(chance)), NOT_FOUND


def any_other_text(_right: str, chance: random.Random, ask: Asking) -> tuple[Any, str]:
    return ask(chance.choice(("NOEL10", "\N{EN DASH}" * 1024, "x" * 1024))), NOT_FOUND


def a_throttled_key(_right: str, chance: random.Random, ask: Asking) -> tuple[Any, str]:
    return by_the_guesser(ask(unknown(chance))), TOO_MANY


def a_wrong_order_number(right: str, _chance: random.Random, ask: Asking) -> tuple[Any, str]:
    return ask(right), NOT_FOUND


THROTTLED: Final = (an_unknown_code, a_mistyped_code, any_other_text, a_throttled_key)
CANCELLED: Final = (an_unknown_code, a_mistyped_code, any_other_text, a_wrong_order_number)


def durations(target: str, ask: Asking, refusals: Sequence[Refused], shoppers: int) -> Durations:
    """Time each kind of refusal equally often, in turn, so that the load is the same for each."""
    found: dict[str, list[float]] = {each.__name__: [] for each in refusals}

    def shop_around(seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311 - wrong codes
        with shop_at(target) as shop:
            right = shop.bought().code
            for _ in range(SAMPLES // shoppers):
                for each in chance.sample(refusals, len(refusals)):
                    request, expected = each(right, chance, ask)
                    began = time.perf_counter()
                    answered = reason(shop, request)
                    found[each.__name__].append(time.perf_counter() - began)
                    assert answered == expected

    with ThreadPoolExecutor(shoppers) as threads:
        list(threads.map(shop_around, range(shoppers)))
    return found


def use_up_the_attempts(target: str) -> None:
    with shop_at(target) as shop:
        wrong = by_the_guesser(validate(sent.UNKNOWN_CODE))
        while reason(shop, wrong) != TOO_MANY:
            pass


@pytest.mark.parametrize(
    ("ask", "refusals"),
    [
        (validate, THROTTLED),
        pytest.param(ask_about_the_card_alone, THROTTLED, marks=pytest.mark.slow),
        pytest.param(authorize, THROTTLED, marks=pytest.mark.slow),
        pytest.param(cancel, CANCELLED, marks=pytest.mark.slow),
    ],
)
def test_the_time_of_a_refusal_does_not_reveal_its_reason(
    start_server: StartServer, ask: Asking, refusals: Sequence[Refused]
) -> None:
    target = start_server().target
    use_up_the_attempts(target)
    found = durations(target, ask, refusals, SHOPPERS)
    assert min(map(min, found.values())) >= FLOOR_SECONDS
    for some, others in combinations(found, 2):
        assert distance(found[some], found[others]) < APART, (some, others)


@pytest.mark.one_database
def test_without_a_floor_the_same_measure_tells_why(start_server: StartServer) -> None:
    target = start_server(settings={"GIFTCARD_ATTEMPT_FLOOR_SECONDS": "0"}).target
    use_up_the_attempts(target)
    found = durations(target, validate, THROTTLED, 1)
    assert distance(found["a_throttled_key"], found["an_unknown_code"]) > APART


@pytest.fixture
def alarms() -> Iterator[Alarms]:
    made = Alarms("held back")
    yield made
    made.stop()


# How many seconds ago the call arrived, how many are left until its deadline, and how many answers
# may be held back in threads. An answer that was held back here would outlast the test.
@pytest.mark.parametrize(
    ("ago", "time_remaining", "places"),
    [(HOUR + 1, None, 1), (0, 0.0, 1), (0, 0.001, 1), (0, None, 0)],
)
def test_an_answer_that_cannot_be_held_back_is_sent_at_once(
    alarms: Alarms, ago: float, time_remaining: float | None, places: int
) -> None:
    arrived_at = time.monotonic() - ago
    even_answers = EvenAnswers(HOUR, HOUR, places, alarms)
    in_thread(even_answers.hold_back(arrived_at, time_remaining, is_tripped=False))


def test_answers_beyond_the_places_are_sent_undelayed(alarms: Alarms) -> None:
    even_answers = EvenAnswers(HOUR, 0, 1, alarms)

    def hold_back() -> None:
        in_thread(even_answers.hold_back(time.monotonic(), None, is_tripped=False))

    # For an hour.
    threading.Thread(target=hold_back, daemon=True).start()
    wait_until(lambda: even_answers._places._value == 0)
    hold_back()


def test_answers_of_parked_calls_leave_in_the_order_of_their_time_and_take_no_place(
    alarms: Alarms,
) -> None:
    even_answers = EvenAnswers(0.3, 0, 0, alarms)
    left: list[int] = []
    began = time.monotonic()
    for number, ago in enumerate((0.0, 0.1, 0.2)):

        def done(_answer: object, error: object, number: int = number) -> None:
            assert error is None
            left.append(number)

        parked(even_answers.hold_back(began - ago, None, is_tripped=False), done)
    assert alarms.waiting == 3
    assert not left
    wait_until(lambda: len(left) == 3)
    assert left == [2, 1, 0]
    assert time.monotonic() - began >= 0.3


def test_while_a_breaker_is_tripped_its_own_floor_holds(alarms: Alarms) -> None:
    in_thread(EvenAnswers(HOUR, 0, 1, alarms).hold_back(time.monotonic(), None, is_tripped=True))
