"""Callers whose items share a batch of the real batcher, in a known order."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from giftcard_server.deciding.batching import Batcher, Entry
from giftcard_server.errors import GoneError
from given.waiting import SOON_SECONDS, wait_until

Item = TypeVar("Item")
Result = TypeVar("Result")


PATIENT = 1000


class Runs:
    """A `run` that remembers its batches, and answers each item with its double."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.threads: list[int] = []

    def __call__(self, entries: Sequence[Entry[int, int]]) -> None:
        self.batches.append([entry.item for entry in entries])
        self.threads.append(threading.get_ident())
        for entry in entries:
            entry.succeed(2 * entry.item)


class HeldRuns(Runs):
    """Runs that begin and then wait, each until `go_on` is released."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = threading.Semaphore(0)
        self.go_on = threading.Semaphore(0)

    def __call__(self, entries: Sequence[Entry[int, int]]) -> None:
        self.begun.release()
        assert self.go_on.acquire(timeout=SOON_SECONDS)
        super().__call__(entries)


def batcher_of(
    runs: Runs, *, waiting_limit: int = PATIENT, batch_limit: int = PATIENT
) -> Batcher[int, int]:
    return Batcher(runs, waiting_limit=waiting_limit, batch_limit=batch_limit)


def here() -> bool:
    """Return that a caller is not gone: it stays until its answer comes."""
    return False


def wait_until_queued(batcher: Batcher[Item, Result], number: int) -> None:
    """Return as soon as so many items wait for the next batch."""
    wait_until(lambda: batcher.waiting == number)


def together(batcher: Batcher[Item, Result], items: Sequence[Item]) -> list[Result | BaseException]:
    """Submit items that the next batch takes in their order; return the result or error of each.

    Another caller is first and holds the batcher up until all of them wait. Then that caller is
    gone, so that these items alone are run.
    """
    asked, all_wait = threading.Event(), threading.Event()

    def gone_when_all_wait() -> bool:
        asked.set()
        assert all_wait.wait(SOON_SECONDS)
        return True

    with ThreadPoolExecutor(len(items) + 1) as callers:
        try:
            first = callers.submit(batcher.submit, items[0], gone_when_all_wait)
            assert asked.wait(SOON_SECONDS)
            results = []
            for number, item in enumerate(items, 1):
                results.append(callers.submit(batcher.submit, item, here))
                wait_until_queued(batcher, number)
        finally:
            all_wait.set()
        assert isinstance(first.exception(SOON_SECONDS), GoneError)
        return [result.exception(SOON_SECONDS) or result.result() for result in results]
