"""Guessing at codes is hopeless: it finds no card, leaves no trace, and stops no other caller."""

import itertools
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest

from conftest import StartServer
from giftcard_server.errors import StartRefusedError
from giftcard_server.keys import key_file
from giftcard_server.service import Service
from giftcard_storage.database import DatabaseUrl
from given.calls import sent
from given.calls.answered import refusal
from given.calls.shop import Shop, shop_at
from given.calls.wrong_codes import NOT_FOUND, TOO_MANY, mistyped, reason, unknown
from given.servers.many_workers import ManyWorkers
from given.servers.redis_process import PASSWORD, RedisProcess
from given.servers.running import dump, settings
from given.servers.server_process import ServerNotReady, ServerProcess
from given.waiting import wait_until

FEW_GUESSES, MANY_GUESSES = 5_000, 100_000
# Some of them guess again and again; there are far more than memory has room for.
GUESSERS: Final = 80_000
BOTS: Final = 4
IN_FLIGHT_OF_EACH: Final = 16
GROWTH_MEBIBYTES: Final = 64
# A part of the default floors, so that the test does not take minutes.
HASTY: Final = {
    "GIFTCARD_ATTEMPT_FLOOR_SECONDS": "0.005",
    "GIFTCARD_ATTEMPT_FLOOR_TRIPPED_SECONDS": "0.02",
}
PER_KEY: Final = 3
NARROW: Final = {
    "GIFTCARD_ATTEMPTS_PER_KEY": str(PER_KEY),
    "GIFTCARD_ATTEMPT_WINDOW_SECONDS": "2",
}
REDIS_UP: Final = "giftcard_attempts_redis_up"

Sharing = Callable[..., ServerProcess]


def rows(server: ServerProcess) -> dict[str, int]:
    """Return how many rows each table has."""
    tables = dump(DatabaseUrl.parse(server.database_url))
    return {table: len(found) for table, found in tables.items()}


def resident_mebibytes(server: ServerProcess) -> float:
    """Return the resident memory of the server's process."""
    status = Path(f"/proc/{server.pid}/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def guess(target: str, bot: int, guesses: int) -> Counter[str | None]:
    """Try wrong codes, every other one mistyped, and count how they are answered."""
    chance = random.Random(bot)  # noqa: S311 - wrong codes
    makes = itertools.cycle((unknown, mistyped))
    asks: Iterator[Callable[[str], Any]] = itertools.cycle(
        (sent.validate, sent.validate, sent.validate, sent.authorize)
    )
    requests: list[Any] = []
    for make, ask in itertools.islice(zip(makes, asks, strict=True), guesses):
        request = ask(make(chance))
        request.attempt_key = f"guesser {chance.randrange(GUESSERS)}"
        requests.append(request)
    with shop_at(target) as shop, ThreadPoolExecutor(IN_FLIGHT_OF_EACH) as threads:
        return Counter(threads.map(lambda request: reason(shop, request), requests))


def checkout(shop: Shop) -> None:
    """Buy a card, and pay with it."""
    code = shop.bought().code
    quoted = shop.call(sent.validate(code))
    assert quoted.usable, quoted.reason
    shop.held(code)


def checkouts(target: str, over: threading.Event) -> int:
    """Buy and pay until it is over, and return how often."""
    with shop_at(target) as shop:
        number = 0
        while not over.is_set():
            checkout(shop)
            number += 1
    return number


@pytest.mark.one_database
@pytest.mark.timeout(400)  # Many guesses take most of a minute where nothing else runs.
@pytest.mark.parametrize(
    "guesses", [FEW_GUESSES, pytest.param(MANY_GUESSES, marks=pytest.mark.slow)]
)
def test_many_wrong_codes_find_nothing_leave_nothing_and_stop_nobody(
    start_server: StartServer, guesses: int
) -> None:
    server = start_server(settings=HASTY)
    with shop_at(server.target) as shop:
        checkout(shop)  # The first one notes the terms, too.
        one = rows(server)
        checkout(shop)
    two = rows(server)
    guess(server.target, BOTS, 1000)  # To warm up.
    memory = resident_mebibytes(server)
    over = threading.Event()
    with ThreadPoolExecutor(BOTS + 1) as threads:
        honest = threads.submit(checkouts, server.target, over)
        bots = [threads.submit(guess, server.target, bot, guesses // BOTS) for bot in range(BOTS)]
        answers = sum((bot.result() for bot in bots), Counter[str | None]())
        over.set()
    assert set(answers) == {NOT_FOUND, TOO_MANY}
    assert answers.total() == guesses
    paid = honest.result()
    assert paid
    assert rows(server) == {table: two[table] + paid * (two[table] - one[table]) for table in one}
    assert resident_mebibytes(server) - memory < GROWTH_MEBIBYTES


@pytest.mark.one_database
def test_a_right_code_of_an_attempt_key_that_guessed_works_after_the_retry_delay(
    start_server: StartServer,
) -> None:
    target = start_server(settings=NARROW).target
    with shop_at(target) as shop:
        right = sent.authorize(shop.bought().code)
        for _ in range(PER_KEY):
            assert reason(shop, same_shopper(sent.validate(), right)) == NOT_FOUND
        assert reason(shop, same_shopper(sent.validate(right.code), right)) == TOO_MANY
        refused = refusal(lambda: shop.call(right))
        assert refused.reason == TOO_MANY
        assert refused.retry_after is not None
        checkout(shop)  # Other shoppers go on.
        time.sleep(refused.retry_after.total_seconds())
        assert shop.call(right).authorization.authorization_id


def same_shopper(request: Any, other: Any) -> Any:
    """Return a request with the attempt key of another one."""
    request.attempt_key = other.attempt_key
    return request


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisProcess]:
    with RedisProcess() as process:
        yield process


@pytest.fixture
def sharing(start_server: StartServer, redis: RedisProcess, tmp_path: Path) -> Sharing:
    """Starts servers that share a Redis and a key ring."""
    ring = tmp_path / "giftcard.keys"
    key_file.make(ring)
    shared = {
        "GIFTCARD_KEY_FILE": str(ring),
        "GIFTCARD_ATTEMPTS_REDIS_URL": redis.patient_url,
        "GIFTCARD_ATTEMPTS_PER_KEY": str(PER_KEY),
    }
    return lambda **settings: start_server(settings=shared | settings)


@pytest.mark.one_database
def test_servers_that_share_a_redis_count_together(sharing: Sharing) -> None:
    there, here = sharing(), sharing()
    wrong = sent.validate()
    with shop_at(there.target) as other, shop_at(here.target) as shop:
        assert reason(shop, wrong) == NOT_FOUND
        for _ in range(PER_KEY - 1):
            assert reason(other, wrong) == NOT_FOUND
        assert reason(shop, wrong) == TOO_MANY
        checkout(shop)


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("leave", "come_back"),
    [
        (RedisProcess.kill, RedisProcess.start),
        pytest.param(RedisProcess.pause, RedisProcess.go_on, marks=pytest.mark.slow),
    ],
)
def test_a_redis_that_is_away_under_load_stops_no_caller_and_forgets_no_guess(
    sharing: Sharing,
    redis: RedisProcess,
    leave: Callable[[RedisProcess], object],
    come_back: Callable[[RedisProcess], object],
) -> None:
    server = sharing(GIFTCARD_ATTEMPTS_REDIS_URL=redis.url)
    seen = ManyWorkers(server)
    wrong = sent.validate()
    over = threading.Event()
    with shop_at(server.target) as shop, ThreadPoolExecutor(4) as threads:
        for _ in range(PER_KEY):
            assert reason(shop, wrong) == NOT_FOUND
        honest = [threads.submit(checkouts, server.target, over) for _ in range(4)]
        try:
            wait_until(lambda: seen.value(REDIS_UP) == 1)
            leave(redis)
            wait_until(lambda: seen.value(REDIS_UP) == 0)
            assert reason(shop, wrong) == TOO_MANY
            another = sent.validate()
            for expected in (*[NOT_FOUND] * PER_KEY, TOO_MANY):
                assert reason(shop, another) == expected
            come_back(redis)
            wait_until(lambda: seen.value(REDIS_UP) == 1)
            # Redis may be empty now, but the server remembers.
            assert reason(shop, wrong) == reason(shop, another) == TOO_MANY
        finally:
            over.set()
        assert all(each.result() for each in honest)
    changes = [line["event"].partition(":")[0] for line in seen.log()]
    assert {"redis away", "redis back"} <= set(changes)
    assert PASSWORD not in server.log_text()


# Wrong URLs of Redis, and the mistake with which the server refuses to start.
@pytest.mark.one_database
@pytest.mark.parametrize(
    ("url", "mistake"),
    [
        ("localhost:6379", "attempts_redis_url: must be a URL that begins with redis://"),
        ("http://kept-out@localhost", "attempts_redis_url: must be a URL that begins with"),
        ("redis://", "attempts_redis_url: must be a URL that begins with"),
        ("redis://kept-out@localhost:port", "attempts_redis_url: must be a URL that begins with"),
        ("redis://kept-out@localhost/0?sokcet=1", "attempts_redis_url: Redis's client does not"),
        ("redis://kept-out@localhost/0?db=x", "attempts_redis_url: Redis's client does not"),
    ],
)
def test_a_wrong_url_of_redis_is_refused_at_start(
    start_server: StartServer, url: str, mistake: str
) -> None:
    with pytest.raises(ServerNotReady) as caught:
        start_server(settings={"GIFTCARD_ATTEMPTS_REDIS_URL": url})
    assert mistake in str(caught.value)
    assert "kept-out" not in str(caught.value)


def test_a_server_without_the_package_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    with_redis = settings(tmp_path, attempts_redis_url="redis://localhost")
    with pytest.raises(StartRefusedError, match=r"pip install 'limits\[redis\]"):
        Service(with_redis)


def test_the_url_of_redis_does_not_print(tmp_path: Path) -> None:
    with_redis = settings(tmp_path, attempts_redis_url="redis://:kept-out@localhost")
    assert "kept-out" not in f"{with_redis!r} {with_redis} {with_redis.model_dump_json()}"
