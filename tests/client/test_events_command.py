"""`giftcard events tail` against the real server."""

import json
import signal
import subprocess
from uuid import uuid4

import pytest

from given.calls.shop import shop_at
from given.calls.watching import read
from given.servers.giftcard_command import (
    ENDED_WITHIN_SECONDS,
    SCRIPT,
    Json,
    Shop,
    environment,
    paying,
)
from given.servers.server_process import ServerProcess

pytestmark = pytest.mark.one_database


@pytest.fixture
def shop(live_server: ServerProcess) -> Shop:
    return Shop(live_server.target)


def tailed(shop: Shop, *arguments: str) -> list[Json]:
    done = shop.run("events", "tail", *arguments, "--output", "json")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def last(live_server: ServerProcess) -> int:
    """The last position, of a log that has ten events at least."""
    with shop_at(live_server.target) as buyer:
        for _ in range(10):
            buyer.bought()
        after = 0
        while (page := read(buyer.channel, after_position=after)).events:
            after = page.resume_position
    return after


def test_events_are_shown_one_on_each_line(shop: Shop, last: int) -> None:
    card = shop.new_card()
    before, shown = tailed(shop, "--after", str(last - 1), "--limit", "2")
    assert (before["position"], shown["position"]) == (last, last + 1)
    assert (shown["type"], shown["card_id"]) == ("CARD_ISSUED", card["card"]["card_id"])
    assert shown["amount"] == {"amount_minor": 100_00, "currency_code": "EUR"}
    assert card["code"] not in json.dumps(shown)


def test_without_a_position_it_begins_with_the_last_ten(shop: Shop, last: int) -> None:
    shown = tailed(shop, "--limit", "10")
    assert [each["position"] for each in shown] == list(range(last - 9, last + 1))


def test_types_are_chosen_in_any_case(shop: Shop) -> None:
    code = shop.new_card()["code"]
    order_id = f"order-{uuid4()}"
    shop.answer(*paying("20", "--order-id", order_id), stdin=code)
    (held,) = (each for each in tailed(shop, "--after", "0", "--type", "card_held", "--limit", "1"))
    assert held["type"] == "CARD_HELD"


def test_people_get_a_short_line(shop: Shop, last: int) -> None:
    card = shop.new_card("75")["card"]
    done = shop.run("events", "tail", "--after", str(last), "--limit", "1")
    words = done.stdout.split()
    assert (words[0], words[3:7]) == (
        str(last + 1),
        ["CARD_ISSUED", card["card_id"], "75.00", "EUR"],
    )


def test_a_position_that_nobody_was_given_is_said(shop: Shop) -> None:
    done = shop.run("events", "tail", "--after", "1000000")
    assert (done.returncode, "last position" in done.stderr) == (1, True)


def test_an_interrupt_ends_it_quietly(shop: Shop) -> None:
    shop.new_card()
    with subprocess.Popen(
        [str(SCRIPT), "events", "tail", "--after", "0"],
        env=environment(shop.settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline()
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate(timeout=ENDED_WITHIN_SECONDS)
    assert (running.returncode, errors) == (0, "")
