"""Items without a thread share batches with callers who have one, and nobody is left waiting."""

import random
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest

from giftcard_server.deciding import batching
from giftcard_server.deciding.batching import Batcher, Entry
from giftcard_server.errors import GoneError, LateError, OverloadedError
from given.together import HeldRuns, Runs, batcher_of, here, wait_until_queued
from given.waiting import SOON_SECONDS, wait_until

CALLERS: Final = 12
CALLS: Final = 150
SEED: Final = 17


class Parked:
    """What became of parked items: results, errors, and the threads that went on with them."""

    def __init__(self, batcher: Batcher[int, int]) -> None:
        self.batcher = batcher
        self.became: dict[int, Any] = {}
        self.threads: set[int] = set()

    def park(self, item: int, gone: Any = here) -> None:
        """Park an item."""

        def go_on(result: Any, error: BaseException | None) -> None:
            assert item not in self.became, "it went on twice"
            self.threads.add(threading.get_ident())
            self.became[item] = result if error is None else type(error)

        self.batcher.park(item, gone, go_on)


def test_a_lone_parked_item_is_run_in_its_own_thread_at_once() -> None:
    runs = Runs()
    parked = Parked(batcher_of(runs))
    for item in (1, 2):
        parked.park(item)
    assert parked.became == {1: 2, 2: 4}
    assert parked.threads == set(runs.threads) == {threading.get_ident()}
    assert runs.batches == [[1], [2]]


def test_items_of_both_kinds_share_batches_in_their_order() -> None:
    runs = HeldRuns()
    batcher = batcher_of(runs, batch_limit=2)
    parked = Parked(batcher)
    with ThreadPoolExecutor(5) as callers:
        results = [callers.submit(batcher.submit, 0, here)]
        assert runs.begun.acquire(timeout=SOON_SECONDS)
        for item in (1, 2, 3, 4, 5, 6):
            if item in {2, 5}:
                results.append(callers.submit(batcher.submit, item, here))
            else:
                parked.park(item)
            wait_until_queued(batcher, item)
        runs.go_on.release(4)
        assert [each.result(SOON_SECONDS) for each in results] == [0, 4, 10]
    wait_until(lambda: parked.became == {1: 2, 3: 6, 4: 8, 6: 12})
    assert runs.batches == [[0], [1, 2], [3, 4], [5, 6]]
    wait_until(lambda: not batcher._led)


def test_where_there_is_a_spare_thread_it_leads_after_what_else_it_has_to_do() -> None:
    runs = HeldRuns()
    batcher = batcher_of(runs)
    parked = Parked(batcher)
    with ThreadPoolExecutor(1) as spare, ThreadPoolExecutor(1) as callers:
        batcher.spare = spare.submit
        callers.submit(parked.park, 0)
        assert runs.begun.acquire(timeout=SOON_SECONDS)
        parked.park(1)
        goes_on = threading.Event()
        spare.submit(goes_on.wait, SOON_SECONDS)
        spare.submit(parked.park, 2)
        runs.go_on.release(2)
        wait_until(lambda: parked.became == {0: 0})
        goes_on.set()
        wait_until(lambda: parked.became == {0: 0, 1: 2, 2: 4})
        wait_until(lambda: not batcher._led)
    assert runs.batches == [[0], [1, 2]]


def test_a_parked_item_that_is_refused_or_whose_caller_is_gone_is_not_run() -> None:
    runs = HeldRuns()
    batcher = batcher_of(runs, waiting_limit=2)
    parked, gone = Parked(batcher), threading.Event()
    with ThreadPoolExecutor(1) as callers:
        first = callers.submit(batcher.submit, 0, here)
        assert runs.begun.acquire(timeout=SOON_SECONDS)
        parked.park(1, gone.is_set)
        parked.park(2)
        with pytest.raises(OverloadedError):
            parked.park(3)
        gone.set()
        runs.go_on.release(2)
        assert first.result(SOON_SECONDS) == 0
    wait_until(lambda: parked.became == {1: GoneError, 2: 4})
    assert runs.batches == [[0], [2]]


def test_a_parked_call_that_breaks_down_takes_no_other_with_it() -> None:
    runs = HeldRuns()
    batcher = batcher_of(runs)
    parked = Parked(batcher)

    def break_down(_result: object, _error: object) -> None:
        raise RuntimeError

    with ThreadPoolExecutor(1) as callers:
        first = callers.submit(batcher.submit, 0, here)
        assert runs.begun.acquire(timeout=SOON_SECONDS)
        batcher.park(1, here, break_down)
        parked.park(2)
        runs.go_on.release(3)
        assert first.result(SOON_SECONDS) == 0
    wait_until(lambda: parked.became == {2: 4})
    wait_until(lambda: not batcher._led)
    assert batcher.submit(3, here) == 6


def test_items_that_wait_too_long_are_late_whether_their_batch_runs_or_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batching, "PATIENCE_SECONDS", 0.05)
    runs = HeldRuns()
    batcher = batcher_of(runs)
    parked = Parked(batcher)
    with ThreadPoolExecutor(1) as callers:
        callers.submit(parked.park, 1)
        assert runs.begun.acquire(timeout=SOON_SECONDS)
        parked.park(2)
        batcher.end_late()
        time.sleep(0.05)
        monkeypatch.setattr(batching, "PATIENCE_SECONDS", SOON_SECONDS)
        parked.park(3)
        batcher.end_late()
        assert parked.became == {1: LateError, 2: LateError}
        runs.go_on.release(2)
        wait_until(lambda: parked.became == {1: LateError, 2: LateError, 3: 6})
    assert runs.batches == [[1], [3]]


def test_whatever_happens_each_item_goes_on_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "PATIENCE_SECONDS", 0.004)
    chance = random.Random(SEED)  # noqa: S311 - how long a batch takes
    ran: list[int] = []

    def run(entries: Sequence[Entry[int, int]]) -> None:
        time.sleep(chance.choice((0, 0, 0.001, 0.003)))
        ran.extend(entry.item for entry in entries)
        for entry in entries:
            entry.succeed(2 * entry.item)

    batcher: Batcher[int, int] = Batcher(run, waiting_limit=CALLERS * CALLS, batch_limit=4)
    parked, is_over = Parked(batcher), threading.Event()

    def end_late() -> None:
        while not is_over.wait(0.001):
            batcher.end_late()

    def call(caller: int) -> None:
        for item in range(caller * CALLS, (caller + 1) * CALLS):
            if caller % 3:
                parked.park(item)
                continue
            try:
                parked.became[item] = batcher.submit(item, here)
            except LateError:
                parked.became[item] = LateError

    ending = threading.Thread(target=end_late)
    ending.start()
    try:
        with ThreadPoolExecutor(CALLERS) as callers:
            list(callers.map(call, range(CALLERS), timeout=SOON_SECONDS))
        wait_until(lambda: len(parked.became) == CALLERS * CALLS)
    finally:
        is_over.set()
        ending.join()
    assert len(ran) == len(set(ran))
    assert set(parked.became.values()) > {LateError}
    assert all(became in {LateError, 2 * item} for item, became in parked.became.items())
