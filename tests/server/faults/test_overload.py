"""More than the server can do: an answer at once, and nothing done for those who have gone."""

from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from giftcard_server.edge.calls_in_progress import UNREAD_LIMIT
from giftcard_server.edge.gift_cards import RETRY_AFTER
from giftcard_server.service import Service
from giftcard_storage.database import DatabaseUrl
from giftcard_storage.engines import sqlite_file
from given.calls import sent
from given.calls.answered import refusal
from given.calls.shop import Shop, shop_at
from given.databases.kinds import Kind, Place
from given.servers.running import Clock, dump, running, settings, target_of, writing_elsewhere
from given.waiting import wait_until

Code = grpc.StatusCode


class Counter:
    """A service with room for one command that waits, and a shop before it."""

    def __init__(self, service: Service, shop: Shop, url: DatabaseUrl) -> None:
        self.shop = shop
        self.url = url
        self._batcher: Any = service.parts.committer._batcher

    def send(self, request: Any, timeout_seconds: float = 20.0) -> Any:
        """Send an Issue, and do not wait for its answer."""
        return self.shop.stub.Issue.future(request, timeout=timeout_seconds)

    def serve_first(self) -> Any:
        """Return a call that runs, for as long as somebody else is writing."""
        call = self.send(sent.issue())
        wait_until(lambda: self._batcher._led and self._batcher.waiting == 0)
        return call

    def queue(self, request: Any, timeout_seconds: float = 20.0) -> Any:
        """Return a call that waits for the one that runs."""
        call = self.send(request, timeout_seconds)
        wait_until(lambda: self._batcher.waiting == 1)
        return call

    def see_them_gone(self) -> None:
        """Return as soon as the server has noticed that nobody waits for what is queued."""
        wait_until(self._batcher._waiting[0].gone)

    def see_nobody_served(self) -> None:
        """Return as soon as nothing runs."""
        wait_until(lambda: not self._batcher._led)


@pytest.fixture
def counter(place: Place) -> Iterator[Counter]:
    told = settings(place, waiting_limit=1, batch_limit=1, rpc_threads=8)
    with running(told, Clock()) as service, shop_at(target_of(service)) as shop:
        yield Counter(service, shop, told.database_url)


def test_where_the_queue_is_full_the_answer_is_no_at_once(counter: Counter) -> None:
    refused = sent.issue()
    with writing_elsewhere(counter.url):
        first = counter.serve_first()
        second = counter.queue(sent.issue())
        no = refusal(lambda: counter.shop.call(refused))
        assert (no.status, no.reason) == (Code.UNAVAILABLE, None)
        assert no.retry_after == RETRY_AFTER
        assert not first.done()
        assert not second.done()
    assert first.result().code
    assert second.result().code
    assert counter.shop.call(refused).code


@pytest.mark.parametrize("how", ["deadline", "cancellation"])
def test_what_nobody_waits_for_any_more_is_not_done(counter: Counter, how: str) -> None:
    abandoned = sent.issue()
    with writing_elsewhere(counter.url):
        first = counter.serve_first()
        second = counter.queue(abandoned, 0.2 if how == "deadline" else 20.0)
        if how == "cancellation":
            second.cancel()
        counter.see_them_gone()
    assert first.result().code
    counter.see_nobody_served()
    assert len(dump(counter.url)["card"]) == 1
    assert not counter.shop.answered(abandoned)[1]  # It was never decided, so it is now.
    assert len(dump(counter.url)["card"]) == 2


def test_a_look_at_a_card_waits_for_no_writer(counter: Counter) -> None:
    code = counter.shop.bought().code
    with writing_elsewhere(counter.url):
        counter.serve_first()
        assert counter.shop.call(sent.validate(code)).usable


def test_a_database_that_stays_locked_is_away_for_now(
    place: Place, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind is Kind.SQLITE:
        monkeypatch.setattr(sqlite_file, "BUSY_SECONDS", 0.05)
    else:
        place = place.where(lock_timeout="50ms")
    told = settings(place)
    request = sent.issue()
    with running(told, Clock()) as service, shop_at(target_of(service)) as shop:
        with writing_elsewhere(told.database_url):
            no = refusal(lambda: shop.call(request))
        assert (no.status, no.reason, no.retry_after) == (Code.UNAVAILABLE, None, RETRY_AFTER)
        assert shop.answered(request)[1] is False


def test_a_burst_of_sound_calls_is_answered_and_none_is_cut_short(place: Place) -> None:
    with running(settings(place), Clock()) as service, shop_at(target_of(service)) as shop:
        code = shop.bought().code
        calls = [
            shop.stub.Validate.future(sent.validate(code), timeout=30.0)
            for _ in range(2 * UNREAD_LIMIT)
        ]
        # Whoever finds the queue full is told to come again.
        assert {call.code() for call in calls} <= {Code.OK, Code.UNAVAILABLE}
        assert any(call.code() is Code.OK for call in calls)
