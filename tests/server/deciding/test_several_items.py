"""Several items of one caller, who waits for all of them."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from giftcard_server.deciding import batching
from giftcard_server.deciding.batching import Batcher, Entry
from giftcard_server.errors import LateError, OverloadedError
from given.together import PATIENT, HeldRuns, Runs, batcher_of, here, wait_until_queued
from given.waiting import SOON_SECONDS, wait_until


@pytest.mark.parametrize(
    ("batch_limit", "batches"),
    [
        (PATIENT, [[0], [1, 2, 3, 4, 5]]),
        (5, [[0], [1, 2, 3, 4, 5]]),
        (2, [[0], [1, 2], [3, 4], [5]]),
    ],
)
def test_the_items_of_one_caller_share_batches_with_those_of_others(
    batch_limit: int, batches: list[list[int]]
) -> None:
    runs = HeldRuns()
    batcher = batcher_of(runs, batch_limit=batch_limit)
    with ThreadPoolExecutor(4) as callers:
        first = callers.submit(batcher.submit, 0, here)
        assert runs.begun.acquire(timeout=SOON_SECONDS)
        before = callers.submit(batcher.submit, 1, here)
        wait_until_queued(batcher, 1)
        several = callers.submit(batcher.submit_all, [2, 3, 4], here)
        wait_until_queued(batcher, 4)
        after = callers.submit(batcher.submit, 5, here)
        wait_until_queued(batcher, 5)
        runs.go_on.release(len(batches))
        assert [entry.result for entry in several.result(SOON_SECONDS)] == [4, 6, 8]
        assert [each.result(SOON_SECONDS) for each in (first, before, after)] == [0, 2, 10]
    assert runs.batches == batches


def test_of_several_items_each_has_its_own_error() -> None:
    error = ValueError()

    def run(entries: Sequence[Entry[int, int]]) -> None:
        for entry in entries:
            entry.fail(error) if entry.item == 2 else entry.succeed(entry.item)

    batcher: Batcher[int, int] = Batcher(run, waiting_limit=PATIENT, batch_limit=PATIENT)
    entries = batcher.submit_all([1, 2, 3], here)
    assert [entry.error or entry.result for entry in entries] == [1, error, 3]
    assert batcher.submit_all([], here) == []
    assert batcher.submit(4, here) == 4


def test_several_items_that_do_not_find_room_are_refused_together() -> None:
    runs = Runs()
    batcher = batcher_of(runs, waiting_limit=2)
    with pytest.raises(OverloadedError):
        batcher.submit_all([1, 2, 3], here)
    assert [entry.result for entry in batcher.submit_all([4, 5], here)] == [8, 10]
    assert runs.batches == [[4, 5]]


def test_the_caller_of_several_items_gives_up_those_that_nobody_ran_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runs = HeldRuns()
    batcher = batcher_of(runs)
    with ThreadPoolExecutor(1) as callers:
        first = callers.submit(batcher.submit, 0, here)
        assert runs.begun.acquire(timeout=SOON_SECONDS)
        monkeypatch.setattr(batching, "PATIENCE_SECONDS", 0.01)
        errors = [type(entry.error) for entry in batcher.submit_all([1, 2], here)]
        runs.go_on.release()
        assert first.result(SOON_SECONDS) == 0
    assert errors == [LateError, LateError]
    wait_until(lambda: not batcher._led)
    assert runs.batches == [[0]]
