"""How calls end while a server stops: answered, or refused at once, and never CANCELLED."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import grpc
import pytest

from giftcard_server.edge import draining
from giftcard_server.service import Service
from given.calls import sent
from given.calls.answered import refusal
from given.calls.rude_client import RudeClient
from given.calls.shop import Shop, shop_at
from given.servers.running import Clock, running, settings, target_of, writing_elsewhere
from given.waiting import wait_until

pytestmark = pytest.mark.one_database
# Half of the time that calls would be waited for.
AT_ONCE_SECONDS: Final = 5.0


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with running(settings(tmp_path, drain_seconds=10), Clock()) as started:
        yield started


@pytest.fixture
def shop(service: Service) -> Iterator[Shop]:
    with shop_at(target_of(service)) as opened:
        yield opened


def finishing(service: Service, seconds: float = 10) -> "tuple[threading.Thread, list[int]]":
    """Finish the calls of a service in a thread; return it, and what it will have returned."""
    left: list[int] = []
    thread = threading.Thread(
        target=lambda: left.append(draining.finish_calls(service._interceptor, seconds))
    )
    thread.start()
    return thread, left


def test_where_nothing_runs_calls_are_refused_at_once_and_may_be_sent_again(
    service: Service, shop: Shop
) -> None:
    assert shop.bought().code
    began = time.monotonic()
    thread, left = finishing(service)
    thread.join(20)
    assert left == [0]
    assert time.monotonic() - began < AT_ONCE_SECONDS
    no = refusal(lambda: shop.call(sent.issue()))
    assert no.status is grpc.StatusCode.UNAVAILABLE
    assert no.retry_after is not None


def test_a_slow_call_is_answered_and_those_beside_it_are_not_kept_out(
    service: Service, shop: Shop, tmp_path: Path
) -> None:
    code = shop.bought().code
    with ThreadPoolExecutor(1) as threads:
        with writing_elsewhere(settings(tmp_path).database_url):
            slow = threads.submit(shop.call, sent.issue())
            wait_until(service._interceptor.in_progress)
            thread, left = finishing(service)
            # It is refused for a moment, and taken again while the slow one is still there.
            wait_until(lambda: not service._interceptor._calls.takes_calls)
            wait_until(lambda: service._interceptor._calls.takes_calls)
            shop.call(sent.validate(code))
            assert not slow.done()
        assert slow.result(20).code
    thread.join(20)
    assert left == [0]


def test_a_call_that_is_not_answered_in_time_is_counted(
    service: Service, shop: Shop, tmp_path: Path
) -> None:
    with writing_elsewhere(settings(tmp_path).database_url):
        call: Any = shop.stub.Issue.future(sent.issue(), timeout=20)
        wait_until(service._interceptor.in_progress)
        thread, left = finishing(service, 0.4)
        thread.join(20)
        assert left == [1]
    assert call.result().code


def test_calls_whose_message_does_not_come_keep_no_server_from_stopping(service: Service) -> None:
    with RudeClient(service.grpc_port) as client:
        client.shake_hands().send(client.headers(1, "END_HEADERS"))
        wait_until(lambda: service._interceptor._calls._unread)
        began = time.monotonic()
        thread, left = finishing(service)
        thread.join(20)
        assert left == [0]
        assert time.monotonic() - began < AT_ONCE_SECONDS
