"""Overload: refusals come at once, and nothing is done for callers that are gone."""

from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from giftcard_server.edge.answering import RETRY_AFTER
from giftcard_server.edge.calls_in_progress import UNREAD_LIMIT
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
    """A service with room for one waiting command, and a shop that calls it."""

    def __init__(self, service: Service, shop: Shop, url: DatabaseUrl) -> None:
        self.shop = shop
        self.url = url
        self._batcher: Any = service.parts.committer.batcher

    def send(self, request: Any, timeout_seconds: float = 20.0) -> Any:
        """Send an Issue, and do not wait for its answer."""
        return self.shop.stub.Issue.future(request, timeout=timeout_seconds)

    def serve_first(self) -> Any:
        """Return a call that runs, for as long as another program is writing."""
        call = self.send(sent.issue())
        wait_until(lambda: self._batcher._led and self._batcher.waiting == 0)
        return call

    def queue(self, request: Any, timeout_seconds: float = 20.0) -> Any:
        """Return a call that waits for the one that runs."""
        call = self.send(request, timeout_seconds)
        wait_until(lambda: self._batcher.waiting == 1)
        return call

    def wait_until_gone(self) -> None:
        """Return as soon as the server sees that the caller of the queued command is gone."""
        wait_until(self._batcher._waiting[0].gone)

    def wait_until_idle(self) -> None:
        """Return as soon as no batch runs."""
        wait_until(lambda: not self._batcher._led)


@pytest.fixture
def counter(place: Place) -> Iterator[Counter]:
    narrow = settings(place, waiting_limit=1, batch_limit=1, rpc_threads=8)
    with running(narrow, Clock()) as service, shop_at(target_of(service)) as shop:
        yield Counter(service, shop, narrow.database_url)


def test_a_full_queue_refuses_a_call_at_once(counter: Counter) -> None:
    request = sent.issue()
    with writing_elsewhere(counter.url):
        first = counter.serve_first()
        second = counter.queue(sent.issue())
        refused = refusal(lambda: counter.shop.call(request))
        assert (refused.status, refused.reason) == (Code.UNAVAILABLE, None)
        assert refused.retry_after == RETRY_AFTER
        assert not first.done()
        assert not second.done()
    assert first.result().code
    assert second.result().code
    assert counter.shop.call(request).code


@pytest.mark.parametrize("how", ["deadline", "cancellation"])
def test_a_command_whose_caller_stopped_waiting_is_not_decided(counter: Counter, how: str) -> None:
    abandoned = sent.issue()
    with writing_elsewhere(counter.url):
        first = counter.serve_first()
        second = counter.queue(abandoned, 0.2 if how == "deadline" else 20.0)
        if how == "cancellation":
            second.cancel()
        counter.wait_until_gone()
    assert first.result().code
    counter.wait_until_idle()
    assert len(dump(counter.url)["card"]) == 1
    assert not counter.shop.answered(abandoned)[1]  # It was never decided, so it is now.
    assert len(dump(counter.url)["card"]) == 2


def test_validate_waits_for_no_writer(counter: Counter) -> None:
    code = counter.shop.bought().code
    with writing_elsewhere(counter.url):
        counter.serve_first()
        assert counter.shop.call(sent.validate(code)).usable


def test_a_database_that_stays_locked_is_unavailable(
    place: Place, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind is Kind.SQLITE:
        monkeypatch.setattr(sqlite_file, "BUSY_SECONDS", 0.05)
    else:
        place = place.where(lock_timeout="50ms")
    impatient = settings(place)
    request = sent.issue()
    with running(impatient, Clock()) as service, shop_at(target_of(service)) as shop:
        with writing_elsewhere(impatient.database_url):
            refused = refusal(lambda: shop.call(request))
        assert (refused.status, refused.reason, refused.retry_after) == (
            Code.UNAVAILABLE,
            None,
            RETRY_AFTER,
        )
        assert shop.answered(request)[1] is False


def test_each_call_of_a_burst_is_answered_or_may_be_sent_again(place: Place) -> None:
    with running(settings(place), Clock()) as service, shop_at(target_of(service)) as shop:
        code = shop.bought().code
        calls = [
            shop.stub.Validate.future(sent.validate(code), timeout=30.0)
            for _ in range(2 * UNREAD_LIMIT)
        ]
        # A call that finds the queue full is UNAVAILABLE, so that its caller sends it again.
        assert {call.code() for call in calls} <= {Code.OK, Code.UNAVAILABLE}
        assert any(call.code() is Code.OK for call in calls)
