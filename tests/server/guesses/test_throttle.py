"""Which attempts have to wait, and for how long, counted in memory and in Redis alike."""

import secrets
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import pytest
import time_machine
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from giftcard_rules.codes import Key
from giftcard_server.guesses.bounded_memory import KEYS, BoundedMemoryStorage
from giftcard_server.guesses.lately_added import LatelyAdded
from giftcard_server.guesses.metrics import AttemptMetrics
from giftcard_server.guesses.shared_windows import SharedWindows
from giftcard_server.guesses.throttle import LOOK_SECONDS, Limits, Throttle
from given.servers.redis_process import RedisProcess
from given.servers.running import NOON

WINDOW_SECONDS: Final = 600
LIMITS: Final = Limits(2, 4, 6, timedelta(seconds=WINDOW_SECONDS))

Failures = tuple[tuple[str, str | None, int], ...]


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisProcess]:
    with RedisProcess() as process:
        yield process


class Replicas:
    """Throttles that share their windows in a Redis, if there is one."""

    def __init__(self, redis: RedisProcess | None) -> None:
        self._redis = redis
        self._ring_key = Key("of these replicas alone", secrets.token_bytes(32))
        self.registries: list[CollectorRegistry] = []

    def one(self) -> Throttle:
        """Return one more throttle."""
        registry = CollectorRegistry()
        self.registries.append(registry)
        shared = (
            SharedWindows(SecretStr(self._redis.patient_url), registry) if self._redis else None
        )
        return Throttle(LIMITS, self._ring_key, AttemptMetrics(registry), shared)


@pytest.fixture(params=["memory", "redis"])
def replicas(request: pytest.FixtureRequest) -> Replicas:
    return Replicas(request.getfixturevalue("redis") if request.param == "redis" else None)


def fail(throttle: Throttle, *failures: tuple[str, str | None, int]) -> None:
    for caller, attempt_key, times in failures:
        for _ in range(times):
            throttle.failed("Validate", caller, attempt_key)


def wait_seconds(throttle: Throttle, caller: str, attempt_key: str | None) -> float | None:
    wait = throttle.wait(caller, attempt_key)
    return wait.total_seconds() if wait is not None else None


TRIPPED: Final[Failures] = (("till", "ann", 2), ("till", "bob", 1), ("till", "cat", 1))
ALL_TRIPPED: Final[Failures] = (("till", "ann", 2), ("till", "bob", 1), ("web", "eve", 3))

# Which attempts failed how often, how many seconds ago; which is made now; and its wait in seconds.
WAITS: Final[tuple[tuple[Failures, float, tuple[str, str | None], float | None], ...]] = (
    ((), 0, ("till", "ann"), None),
    ((("till", "ann", 1),), 0, ("till", "ann"), None),
    ((("till", "ann", 2),), 0, ("till", "ann"), 600),
    ((("till", "ann", 2),), 100, ("till", "ann"), 500),
    ((("till", "ann", 2),), 599.9, ("till", "ann"), 1),
    ((("till", "ann", 2),), 600.1, ("till", "ann"), None),
    ((("till", "ann", 2),), 0, ("till", "bob"), None),
    ((("till", "ann", 2),), 0, ("web", "ann"), None),
    ((("till", "ann", 2),), 0, ("till", ""), None),
    ((("till", "", 2),), 0, ("till", ""), 600),
    ((("till", "", 2),), 0, ("web", ""), None),
    # Names that are the same when joined are not the same.
    ((("till", "ann", 2),), 0, ("tillan", "n"), None),
    # While the breaker of its caller is tripped, one failure is enough.
    (TRIPPED, 0, ("till", "bob"), 600),
    (TRIPPED, 400, ("till", "bob"), 200),
    (TRIPPED, 600.1, ("till", "bob"), None),
    (TRIPPED, 0, ("till", "dan"), None),
    ((*TRIPPED, ("web", "bob", 1)), 0, ("web", "bob"), None),
    # And while the one in all is, for every caller.
    (ALL_TRIPPED, 0, ("till", "bob"), 600),
    (ALL_TRIPPED, 0, ("till", "dan"), None),
    # Cancel has no attempt key, and waits for its caller's breaker alone.
    ((("desk", None, 3),), 0, ("desk", None), None),
    ((("desk", None, 4),), 0, ("desk", None), 600),
    ((("desk", None, 2), ("desk", "ann", 2)), 0, ("desk", None), 600),
    ((("desk", None, 4),), 0, ("desk", "ann"), None),
    (ALL_TRIPPED, 0, ("till", None), None),
)


@pytest.mark.parametrize(("failures", "ago", "asks", "seconds"), WAITS)
def test_an_attempt_waits_as_its_attempt_key_and_the_breakers_demand(
    replicas: Replicas,
    failures: Failures,
    ago: float,
    asks: tuple[str, str | None],
    seconds: float | None,
) -> None:
    throttle = replicas.one()
    with time_machine.travel(NOON, tick=False) as clock:
        fail(throttle, *failures)
        clock.shift(ago)
        assert wait_seconds(throttle, *asks) == pytest.approx(seconds)


def test_the_window_moves_with_every_failure(replicas: Replicas) -> None:
    throttle = replicas.one()
    found = []
    with time_machine.travel(NOON, tick=False) as clock:
        for seconds, fails in ((0, 1), (300, 1), (1, 0), (300, 0), (1, 1)):
            clock.shift(seconds)
            fail(throttle, ("till", "ann", fails))
            found.append(wait_seconds(throttle, "till", "ann"))
    assert found == [None, 300, 299, None, pytest.approx(298)]


def test_a_breaker_that_was_tripped_trips_again(replicas: Replicas) -> None:
    throttle = replicas.one()
    found = []
    with time_machine.travel(NOON, tick=False) as clock:
        for _ in range(2):
            fail(throttle, *TRIPPED)
            found.append((throttle.is_tripped("till"), throttle.is_tripped("web")))
            clock.shift(WINDOW_SECONDS + 1)
            found.append((throttle.is_tripped("till"), throttle.is_tripped("web")))
    assert found == [(True, False), (False, False)] * 2


# The failures at one replica, an attempt at another one, and its wait in seconds.
@pytest.mark.parametrize(
    ("failures", "asks", "seconds"),
    [
        ((("till", "ann", 2),), ("till", "ann"), 600 - LOOK_SECONDS),
        (TRIPPED, ("till", "bob"), 600 - LOOK_SECONDS),
        (TRIPPED, ("till", "dan"), None),
        ((("desk", None, 4),), ("desk", None), 600 - LOOK_SECONDS),
    ],
)
def test_replicas_that_share_a_redis_count_together(
    redis: RedisProcess,
    failures: Failures,
    asks: tuple[str, str | None],
    seconds: float | None,
) -> None:
    replicas = Replicas(redis)
    with time_machine.travel(NOON, tick=False) as clock:
        there, here = replicas.one(), replicas.one()
        assert wait_seconds(here, *asks) is None
        fail(there, *failures)
        clock.shift(LOOK_SECONDS)
        assert wait_seconds(here, *asks) == pytest.approx(seconds)


def test_redis_holds_no_attempt_key_and_no_caller_in_plain_text(redis: RedisProcess) -> None:
    throttle = Replicas(redis).one()
    fail(throttle, ("spiffe://shop.example/till", "ann@example.com", 1))
    names = redis.keys()
    assert any(name.startswith("giftcard:") for name in names)
    assert not any("ann" in name or "till" in name for name in names)


# The samples after TRIPPED and the attempts that follow it.
SHOWN: Final = (
    ("giftcard_failed_lookups_total", {"operation": "Validate"}, 4),
    ("giftcard_failed_lookups_total", {"operation": "Cancel"}, 0),
    ("giftcard_throttled_total", {"limit": "attempt_key"}, 2),
    ("giftcard_throttled_total", {"limit": "caller"}, 2),
    ("giftcard_throttled_total", {"limit": "all"}, 0),
    ("giftcard_breakers_tripped", {"limit": "caller"}, 1),
    ("giftcard_breakers_tripped", {"limit": "all"}, 0),
)


def test_the_metrics_show_failures_waits_and_tripped_breakers() -> None:
    replicas = Replicas(None)
    throttle = replicas.one()
    fail(throttle, *TRIPPED)
    for attempt_key in ("ann", "ann", "bob", "dan", None):
        throttle.wait("till", attempt_key)
    throttle.show()
    (registry,) = replicas.registries
    for name, labels, value in SHOWN:
        assert registry.get_sample_value(name, labels) == value, (name, labels)


def test_memory_holds_a_bounded_number_of_keys() -> None:
    storage = BoundedMemoryStorage()
    for number in range(2 * KEYS):
        assert storage.acquire_entry(str(number), 2, WINDOW_SECONDS)
    assert len(storage) == KEYS
    counted = [storage.get_moving_window(str(n), 2, WINDOW_SECONDS)[1] for n in range(2 * KEYS)]
    assert counted == [0] * KEYS + [1] * KEYS


def test_memory_forgets_keys_whose_windows_have_passed() -> None:
    storage = BoundedMemoryStorage()
    with time_machine.travel(NOON, tick=False) as clock:
        for number in range(100):
            storage.acquire_entry(str(number), 2, WINDOW_SECONDS)
        clock.shift(WINDOW_SECONDS + 1)
        for number in range(100):
            storage.acquire_entry(f"new {number}", 2, WINDOW_SECONDS)
    assert len(storage) == 100


def test_whom_memory_still_knows_is_never_missed_by_the_quick_look() -> None:
    lately, at_least = LatelyAdded(at_least=3), 3
    for number in range(20):
        lately.add(("shop", str(number)))
        known = [("shop", str(each)) for each in range(max(0, number + 1 - at_least), number + 1)]
        assert all(each in lately for each in known), number
    assert ("shop", "0") not in lately
    assert ("shop", "20") not in lately
