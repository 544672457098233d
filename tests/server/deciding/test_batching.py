"""Batches form by themselves, run one at a time, and leave no caller waiting."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from giftcard_server.deciding.batching import Batcher, Entry
from giftcard_server.errors import GoneError, OverloadedError
from given.together import PATIENT, HeldRuns, Runs, batcher_of, here, together, wait_until_queued
from given.waiting import SOON_SECONDS


def test_a_lone_item_runs_at_once_in_its_callers_thread() -> None:
    runs = Runs()
    batcher = batcher_of(runs)
    assert [batcher.submit(item, here) for item in (1, 2, 3)] == [2, 4, 6]
    assert runs.batches == [[1], [2], [3]]
    assert set(runs.threads) == {threading.get_ident()}


@pytest.mark.parametrize(
    ("waiting", "batch_limit", "batches"),
    [
        (1, PATIENT, [[0], [1]]),
        (5, PATIENT, [[0], [1, 2, 3, 4, 5]]),
        (5, 5, [[0], [1, 2, 3, 4, 5]]),
        (5, 2, [[0], [1, 2], [3, 4], [5]]),
        (3, 1, [[0], [1], [2], [3]]),
    ],
)
def test_items_that_arrive_while_a_batch_runs_are_the_next_batch_in_their_order(
    waiting: int, batch_limit: int, batches: list[list[int]]
) -> None:
    runs = HeldRuns()
    batcher = batcher_of(runs, batch_limit=batch_limit)
    with ThreadPoolExecutor(waiting + 1) as callers:
        results = [callers.submit(batcher.submit, 0, here)]
        assert runs.begun.acquire(timeout=SOON_SECONDS)
        for item in range(1, waiting + 1):
            results.append(callers.submit(batcher.submit, item, here))
            wait_until_queued(batcher, item)
        runs.go_on.release(len(batches))
        assert [result.result(SOON_SECONDS) for result in results] == [
            2 * item for item in range(waiting + 1)
        ]
    assert runs.batches == batches
    assert batcher.waiting == 0


def test_a_leader_leaves_with_its_answer_while_the_next_batch_runs() -> None:
    runs = HeldRuns()
    batcher = batcher_of(runs)
    with ThreadPoolExecutor(2) as callers:
        first = callers.submit(batcher.submit, 1, here)
        assert runs.begun.acquire(timeout=SOON_SECONDS)
        second = callers.submit(batcher.submit, 2, here)
        wait_until_queued(batcher, 1)
        runs.go_on.release()
        assert first.result(SOON_SECONDS) == 2
        assert runs.begun.acquire(timeout=SOON_SECONDS)
        assert not second.done()
        runs.go_on.release()
        assert second.result(SOON_SECONDS) == 4


def test_where_too_many_wait_the_next_is_refused_at_once_and_later_ones_are_not() -> None:
    runs = HeldRuns()
    batcher = batcher_of(runs, waiting_limit=2)
    with ThreadPoolExecutor(3) as callers:
        accepted = [callers.submit(batcher.submit, 0, here)]
        assert runs.begun.acquire(timeout=SOON_SECONDS)
        for item in (1, 2):
            accepted.append(callers.submit(batcher.submit, item, here))
            wait_until_queued(batcher, item)
        for _ in range(3):
            with pytest.raises(OverloadedError):
                batcher.submit(3, here)
        runs.go_on.release(PATIENT)
        assert [result.result(SOON_SECONDS) for result in accepted] == [0, 2, 4]
    assert batcher.submit(4, here) == 8
    assert runs.batches == [[0], [1, 2], [4]]


def test_an_item_whose_caller_is_gone_before_its_batch_is_not_run() -> None:
    runs = HeldRuns()
    batcher = batcher_of(runs)
    gone = threading.Event()
    with ThreadPoolExecutor(4) as callers:
        results = [callers.submit(batcher.submit, 0, here)]
        assert runs.begun.acquire(timeout=SOON_SECONDS)
        for item, is_gone in ((1, gone.is_set), (2, here), (3, gone.is_set)):
            results.append(callers.submit(batcher.submit, item, is_gone))
            wait_until_queued(batcher, item)
        gone.set()
        runs.go_on.release(PATIENT)
        errors = [type(result.exception(SOON_SECONDS)) for result in results]
    assert errors == [type(None), GoneError, type(None), GoneError]
    assert runs.batches == [[0], [2]]


def test_a_batch_of_which_all_callers_are_gone_is_not_run_and_the_next_one_is() -> None:
    runs = Runs()
    batcher = batcher_of(runs)
    with pytest.raises(GoneError):
        batcher.submit(1, lambda: True)
    assert batcher.submit(2, here) == 4
    assert runs.batches == [[2]]


@pytest.mark.parametrize("error", [ValueError(), SystemExit(1), KeyboardInterrupt()])
def test_a_run_that_raises_fails_its_whole_batch_and_the_next_batch_runs(
    error: BaseException,
) -> None:
    def run(entries: Sequence[Entry[int, int]]) -> None:
        entries[0].succeed(0)  # A result that was set before it raised does not count.
        if len(entries) > 1:
            raise error

    batcher: Batcher[int, int] = Batcher(run, waiting_limit=PATIENT, batch_limit=PATIENT)
    assert together(batcher, [1, 2, 3]) == [error] * 3
    assert batcher.submit(4, here) == 0


def test_an_entrys_own_error_is_its_own() -> None:
    error = ValueError()

    def run(entries: Sequence[Entry[int, int]]) -> None:
        for entry in entries:
            entry.fail(error) if entry.item == 2 else entry.succeed(entry.item)

    batcher: Batcher[int, int] = Batcher(run, waiting_limit=PATIENT, batch_limit=PATIENT)
    assert together(batcher, [1, 2, 3]) == [1, error, 3]


@pytest.mark.parametrize("error", [ValueError(), KeyboardInterrupt()])
def test_a_caller_whose_gone_raises_fails_alone(error: BaseException) -> None:
    runs = HeldRuns()
    batcher = batcher_of(runs)

    def unclear() -> bool:
        raise error

    with ThreadPoolExecutor(4) as callers:
        results = [callers.submit(batcher.submit, 0, here)]
        assert runs.begun.acquire(timeout=SOON_SECONDS)
        for item, is_gone in ((1, here), (2, unclear), (3, here)):
            results.append(callers.submit(batcher.submit, item, is_gone))
            wait_until_queued(batcher, item)
        runs.go_on.release(PATIENT)
        results_or_errors = [
            result.exception(SOON_SECONDS) or result.result() for result in results
        ]
    assert results_or_errors == [0, 2, error, 6]
    assert batcher.submit(4, here) == 8


class Crowd:
    """Many callers at once: some are gone, some are refused, and some run into an error."""

    CALLERS, ITEMS_EACH = 24, 400
    WAITING_LIMIT, BATCH_LIMIT, SEVERAL = 24, 8, 10

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.became: dict[int, str] = {}
        self._busy = threading.Lock()
        self.batcher: Batcher[int, int] = Batcher(
            self._run, waiting_limit=self.WAITING_LIMIT, batch_limit=self.BATCH_LIMIT
        )

    def call_all(self) -> None:
        """Let every caller send all its items, and return when they have."""
        threads = [
            threading.Thread(target=self._call, args=(caller,), daemon=True)
            for caller in range(self.CALLERS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SOON_SECONDS)
        assert not [thread for thread in threads if thread.is_alive()]

    def _run(self, entries: Sequence[Entry[int, int]]) -> None:
        assert self._busy.acquire(blocking=False), "two batches at a time"
        self.batches.append([entry.item for entry in entries])
        number = len(self.batches)
        if number % 50 == 0:
            time.sleep(0.001)  # So that many wait, and some are refused.
        self._busy.release()
        if number % 97 == 0:
            raise ValueError
        for entry in entries:
            entry.succeed(2 * entry.item)

    def _call(self, caller: int) -> None:
        items = range(caller * self.ITEMS_EACH, (caller + 1) * self.ITEMS_EACH)
        if caller % 6 == 0:
            self._call_with_several(items)
            return
        for item in items:
            gone = (lambda: True) if item % 11 == 0 else here
            try:
                assert self.batcher.submit(item, gone) == 2 * item
                self.became[item] = "ran"
            except (ValueError, GoneError, OverloadedError) as error:
                self.became[item] = type(error).__name__

    def _call_with_several(self, items: range) -> None:
        for start in range(0, len(items), self.SEVERAL):
            several = items[start : start + self.SEVERAL]
            try:
                entries = self.batcher.submit_all(several, here)
            except OverloadedError as error:
                self.became |= dict.fromkeys(several, type(error).__name__)
                continue
            for entry in entries:
                assert entry.error or entry.result == 2 * entry.item
                self.became[entry.item] = type(entry.error).__name__ if entry.error else "ran"


def test_no_wake_up_is_lost_and_every_item_is_run_once_by_one_batch_at_a_time() -> None:
    crowd = Crowd()
    crowd.call_all()
    became, ran = crowd.became, [item for batch in crowd.batches for item in batch]
    assert len(became) == crowd.CALLERS * crowd.ITEMS_EACH
    assert len(ran) == len(set(ran))
    assert set(ran) == {item for item, how in became.items() if how in {"ran", "ValueError"}}
    assert {"ran", "ValueError", "GoneError"} <= set(became.values())
    assert max(len(batch) for batch in crowd.batches) <= crowd.BATCH_LIMIT
    # A caller's items ran in the order in which it sent them.
    for caller in range(crowd.CALLERS):
        mine = [item for item in ran if item // crowd.ITEMS_EACH == caller]
        assert mine == sorted(mine)
    assert crowd.batcher.waiting == 0
