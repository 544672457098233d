"""A batch that takes too long: its callers stop waiting, and the callers after them go on."""

import random
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pytest

from giftcard_server.deciding import batching
from giftcard_server.deciding.batching import Batcher, Entry
from giftcard_server.errors import LateError
from given.together import here, wait_until_queued
from given.waiting import SOON_SECONDS, wait_until

SHORT_SECONDS: Final = 0.1
SEED: Final = 20_261_125
CALLERS: Final = 16
CALLS: Final = 60


class SlowRuns:
    """A `run` that answers each item with its double, once it is let go on."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.begun = threading.Semaphore(0)
        self.go_on = threading.Semaphore(0)
        self.batcher: Batcher[int, int] = Batcher(self, waiting_limit=100, batch_limit=100)

    def __call__(self, entries: Sequence[Entry[int, int]]) -> None:
        self.begun.release()
        assert self.go_on.acquire(timeout=SOON_SECONDS)
        self.batches.append([entry.item for entry in entries])
        for entry in entries:
            entry.succeed(2 * entry.item)


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> SlowRuns:
    monkeypatch.setattr(batching, "PATIENCE_SECONDS", SHORT_SECONDS)
    return SlowRuns()


def test_callers_that_waited_to_be_run_leave_and_later_ones_are_run(
    runs: SlowRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ThreadPoolExecutor(5) as callers:
        leader = callers.submit(runs.batcher.submit, 1, here)
        assert runs.begun.acquire(timeout=SOON_SECONDS)
        for item in (2, 3):
            with pytest.raises(LateError):
                callers.submit(runs.batcher.submit, item, here).result(SOON_SECONDS)
        monkeypatch.setattr(batching, "PATIENCE_SECONDS", SOON_SECONDS)
        last = callers.submit(runs.batcher.submit, 4, here)
        wait_until_queued(runs.batcher, 3)
        runs.go_on.release(2)
        assert leader.result(SOON_SECONDS) == 2
        assert last.result(SOON_SECONDS) == 8
    assert runs.batches == [[1], [4]]
    runs.go_on.release()
    assert runs.batcher.submit(5, here) == 10


def test_callers_leave_a_batch_that_runs_and_the_rest_of_it_is_answered(
    runs: SlowRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ThreadPoolExecutor(5) as callers:
        first = callers.submit(runs.batcher.submit, 1, here)
        assert runs.begun.acquire(timeout=SOON_SECONDS)
        monkeypatch.setattr(batching, "PATIENCE_SECONDS", SOON_SECONDS)
        leader = callers.submit(runs.batcher.submit, 2, here)
        wait_until_queued(runs.batcher, 1)
        monkeypatch.setattr(batching, "PATIENCE_SECONDS", SHORT_SECONDS)
        hasty = callers.submit(runs.batcher.submit, 3, here)
        wait_until_queued(runs.batcher, 2)
        monkeypatch.setattr(batching, "PATIENCE_SECONDS", SOON_SECONDS)
        patient = callers.submit(runs.batcher.submit, 4, here)
        wait_until_queued(runs.batcher, 3)
        runs.go_on.release()
        assert runs.begun.acquire(timeout=SOON_SECONDS)
        with pytest.raises(LateError):
            hasty.result(SOON_SECONDS)
        runs.go_on.release()
        assert [each.result(SOON_SECONDS) for each in (first, leader, patient)] == [2, 4, 8]
    assert [item for batch in runs.batches for item in batch] in ([1, 2, 3, 4], [1, 2, 4])
    runs.go_on.release()
    assert runs.batcher.submit(5, here) == 10


def test_whenever_callers_leave_nobody_is_left_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "PATIENCE_SECONDS", 0.002)
    chance = random.Random(SEED)  # noqa: S311 - how long a batch takes

    def run(entries: Sequence[Entry[int, int]]) -> None:
        time.sleep(chance.choice((0, 0.001, 0.002, 0.004)))
        for entry in entries:
            entry.succeed(2 * entry.item)

    batcher: Batcher[int, int] = Batcher(run, waiting_limit=CALLERS * CALLS, batch_limit=4)

    def call_with_several(caller: int) -> tuple[int, int]:
        answered = 0
        for number in range(0, CALLS, 3):
            items = range(CALLS * caller + number, CALLS * caller + number + 3)
            for entry in batcher.submit_all(items, here):
                answered += isinstance(entry.result, int)
        return answered, CALLS - answered

    def call(caller: int) -> tuple[int, int]:
        if caller % 4 == 0:
            return call_with_several(caller)
        answered = late = 0
        for number in range(CALLS):
            item = CALLS * caller + number
            try:
                assert batcher.submit(item, here) == 2 * item
                answered += 1
            except LateError:
                late += 1
        return answered, late

    with ThreadPoolExecutor(CALLERS) as callers:
        counts = list(callers.map(call, range(CALLERS), timeout=SOON_SECONDS))
    assert sum(answered for answered, _ in counts) > 0
    assert sum(late for _, late in counts) > 0
    wait_until(lambda: not batcher._led)
    assert batcher.waiting == 0
