"""The clock of a whole server is moved while it lives, and before it starts: nothing is lost."""

import json
import os
import signal
import time
from datetime import timedelta
from functools import partial
from pathlib import Path

import grpc
import pytest

from conftest import StartServer
from given.calls import sent
from given.calls.answered import refusal
from given.calls.shop import Shop, shop_at
from given.databases.kinds import Kind
from given.servers.fake_time import needs_faketime
from given.servers.giftcard_command import giftcard
from given.servers.http_get import get
from given.servers.server_process import ServerProcess
from given.waiting import wait_until
from practice_clock import FakeTime

pytestmark = needs_faketime

RIGHT, AHEAD, BEHIND = timedelta(), timedelta(days=200), timedelta(days=-2)
# Some rounds of a housekeeping that runs every second.
SOME_ROUNDS_SECONDS = 3.0
SECONDS_OF_STANDING_STILL = 3.0
REFUSED = 2


@pytest.fixture
def fake_time(tmp_path: Path) -> FakeTime:
    """The wall clock of the server, right until the test moves it."""
    return FakeTime(tmp_path)


@pytest.fixture
def server(start_server: StartServer, fake_time: FakeTime) -> ServerProcess:
    """A server with that clock, whose housekeeping is quick."""
    return start_server(settings={**fake_time.environment, "GIFTCARD_HOUSEKEEPING_SECONDS": "1"})


def readiness(server: ServerProcess) -> tuple[int, str]:
    return get(f"{server.http_url}/readyz")


def assert_refused(server: ServerProcess, shop: Shop, why: str) -> None:
    """Assert that nothing is decided, and that everyone is told."""
    status, text = readiness(server)
    assert (status, why in text) == (503, True), text
    for request in (sent.issue(), sent.validate(sent.UNKNOWN_CODE)):
        refused = refusal(partial(shop.call, request))
        assert refused.status is grpc.StatusCode.UNAVAILABLE
        assert refused.retry_after is not None
    assert "giftcard_clock_wrong 1.0" in get(f"{server.http_url}/metrics")[1]


def events(server: ServerProcess) -> list[str]:
    """Return what the server has logged of its clock."""
    lines = [json.loads(line) for line in server.log_text().splitlines() if line.startswith("{")]
    return [line["event"] for line in lines if line["event"].startswith("clock")]


def expired_minor(server: ServerProcess) -> int:
    done = giftcard("audit", "--output", "json", settings=server.place)
    assert done.returncode == 0, done.stdout + done.stderr
    return sum(int(each["expired_minor"]) for each in json.loads(done.stdout)["totals"])


@pytest.mark.parametrize(("by", "why"), [(AHEAD, "ahead of"), (BEHIND, "behind")])
def test_a_clock_that_jumps_destroys_nothing_and_calls_go_on_once_it_is_right(
    server: ServerProcess, fake_time: FakeTime, by: timedelta, why: str
) -> None:
    with shop_at(server.target) as shop:
        code, held = shop.bought().code, shop.held(shop.bought().code)
        fake_time.shift(by)
        assert_refused(server, shop, why)
        time.sleep(SOME_ROUNDS_SECONDS)
        assert_refused(server, shop, why)
        fake_time.shift(RIGHT)
        wait_until(lambda: readiness(server)[0] == 200)
        shop.held(code)
        shop.call(sent.capture(held.authorization_id))
    assert expired_minor(server) == 0
    assert events(server) == ["clock is wrong", "clock is right again"]


def test_a_server_that_starts_with_a_wrong_clock_waits_for_a_right_one(
    server: ServerProcess, fake_time: FakeTime, kind: Kind
) -> None:
    with shop_at(server.target) as shop:
        code = shop.bought().code
    server.terminate()
    fake_time.shift(AHEAD)
    server.restart()
    why = "past the newest mark" if kind is Kind.SQLITE else "ahead of PostgreSQL's clock"
    with shop_at(server.target) as shop:
        time.sleep(SOME_ROUNDS_SECONDS)
        assert_refused(server, shop, why)
        fake_time.shift(RIGHT)
        wait_until(lambda: readiness(server)[0] == 200)
        shop.held(code)
    assert expired_minor(server) == 0


@pytest.mark.parametrize("kind", [Kind.SQLITE], indirect=True)
def test_an_operator_accepts_a_clock_that_was_not_right_before(
    server: ServerProcess, fake_time: FakeTime
) -> None:
    with shop_at(server.target) as shop:
        fake_time.shift(AHEAD)
        assert_refused(server, shop, "ahead of")
        place = {**server.place, **fake_time.environment}
        asked = giftcard("clock", "accept", settings=place, stdin="n\n")
        assert asked.returncode == 1
        assert "Is that the right time?" in asked.stderr
        assert_refused(server, shop, "ahead of")
        done = giftcard("clock", "accept", "--yes", settings=place)
        assert done.returncode == 0, done.stderr
        wait_until(lambda: readiness(server)[0] == 200)
        shop.held(shop.bought().code)


@pytest.mark.parametrize("kind", [Kind.POSTGRESQL], indirect=True)
def test_a_clock_that_postgresql_contradicts_is_not_accepted(
    server: ServerProcess, fake_time: FakeTime
) -> None:
    fake_time.shift(AHEAD)
    done = giftcard("clock", "accept", "--yes", settings={**server.place, **fake_time.environment})
    assert done.returncode == REFUSED
    assert "ahead of PostgreSQL's clock" in done.stderr


@pytest.mark.parametrize("kind", [Kind.POSTGRESQL], indirect=True)
def test_every_worker_and_their_supervisor_judge_the_clock(
    start_server: StartServer, fake_time: FakeTime
) -> None:
    server = start_server(settings={**fake_time.environment, "GIFTCARD_WORKERS": "2"})
    with shop_at(server.target) as shop:
        code = shop.bought().code
        fake_time.shift(AHEAD)
        assert_refused(server, shop, "ahead of")
        fake_time.shift(RIGHT)
        wait_until(lambda: readiness(server)[0] == 200)
        shop.held(code)


def test_a_process_that_stood_still_is_no_jump(server: ServerProcess) -> None:
    with shop_at(server.target) as shop:
        code = shop.bought().code
        os.kill(server.pid, signal.SIGSTOP)
        time.sleep(SECONDS_OF_STANDING_STILL)
        os.kill(server.pid, signal.SIGCONT)
        shop.held(code)
    assert events(server) == []
