"""No call lasts for good, neither without its message nor without a deadline."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import grpc
import pytest

from giftcard_server.edge import calls_in_progress
from giftcard_server.edge.calls_in_progress import (
    CALL_SECONDS,
    CROWDED_SECONDS,
    MESSAGE_SECONDS,
    CallsInProgress,
)
from given.calls import sent
from given.calls.answered import refusal
from given.calls.shop import shop_at
from given.servers.running import Clock, running, settings, target_of, writing_elsewhere
from given.waiting import wait_until

pytestmark = pytest.mark.one_database
LIMIT: Final = 2


class Call:
    """A call that can be ended, and nothing else."""

    def __init__(self) -> None:
        self.is_ended = threading.Event()

    def cancel(self) -> None:
        """End it."""
        self.is_ended.set()

    def messages(self) -> Iterator[bytes]:
        """Yield nothing until it is ended."""
        assert self.is_ended.wait(20)
        yield from ()


class Waiting:
    """Calls that wait for their messages, each in its own thread, on a clock that tests set."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.calls = CallsInProgress(lambda: self.seconds)
        self._threads: list[threading.Thread] = []

    def begin(self) -> Any:
        """Begin a call whose message does not arrive."""
        call: Any = Call()
        self.calls.begin(call)
        arguments = (call.messages(), call)
        thread = threading.Thread(target=self.calls.message, args=arguments)
        thread.start()
        self._threads.append(thread)
        wait_until(lambda: call in self.calls._unread or call.is_ended.is_set())
        return call


def test_a_call_without_a_message_is_ended_after_a_while() -> None:
    waiting = Waiting()
    call = waiting.begin()
    waiting.seconds = MESSAGE_SECONDS - 0.1
    waiting.calls.end_overdue()
    assert not call.is_ended.is_set()
    waiting.seconds = MESSAGE_SECONDS
    waiting.calls.end_overdue()
    assert call.is_ended.is_set()


def test_where_too_many_calls_wait_for_messages_each_gets_less_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(calls_in_progress, "UNREAD_LIMIT", LIMIT)
    waiting = Waiting()
    begun = [waiting.begin() for _ in range(LIMIT)]
    waiting.seconds = CROWDED_SECONDS
    waiting.calls.end_overdue()
    assert not any(call.is_ended.is_set() for call in begun)
    latest = waiting.begin()
    waiting.calls.end_overdue()
    assert all(call.is_ended.is_set() for call in begun)
    assert not latest.is_ended.is_set()
    latest.cancel()


def test_a_call_with_its_message_has_more_time_but_not_for_ever() -> None:
    seconds = 0.0
    calls = CallsInProgress(lambda: seconds)
    slow: Any = Call()
    done: Any = Call()
    for call in (slow, done):
        calls.begin(call)
        assert calls.message(iter([b"message"]), call) == b"message"
    calls.end(done)
    seconds = CALL_SECONDS - 0.1
    calls.end_overdue()
    assert not slow.is_ended.is_set()
    seconds = CALL_SECONDS
    calls.end_overdue()
    assert slow.is_ended.is_set()
    assert not done.is_ended.is_set()


def test_while_no_calls_are_taken_none_begins_and_those_with_a_message_go_on() -> None:
    waiting = Waiting()
    calls = waiting.calls
    taken: Any = Call()
    assert calls.begin(taken)
    assert calls.message(iter([b"message"]), taken) == b"message"
    unread = waiting.begin()
    assert calls.taken() == {taken}
    calls.take(calls=False)
    late: Any = Call()
    assert not calls.begin(late)
    assert calls.taken() == {taken}
    calls.end(taken)
    assert calls.taken() == set()
    calls.take(calls=True)
    assert calls.begin(late)
    unread.cancel()


@pytest.mark.parametrize("deadline_seconds", [None, 20.0])
def test_a_call_is_ended_in_time_whatever_its_deadline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deadline_seconds: float | None
) -> None:
    monkeypatch.setattr(calls_in_progress, "CALL_SECONDS", 0.2)
    used = settings(tmp_path)
    with (
        running(used, Clock()) as service,
        shop_at(target_of(service)) as shop,
    ):
        request = sent.issue()
        with writing_elsewhere(used.database_url):
            refused = refusal(lambda: shop.stub.Issue(request, timeout=deadline_seconds))
        assert refused.status is grpc.StatusCode.CANCELLED
        # Nothing is half done: the same request has one answer, whenever it was decided.
        assert shop.call(request).code == shop.call(request).code
