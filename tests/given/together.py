"""Callers whose items share a batch, in a known order, through the real batcher."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from giftcard_server.deciding.batching import Batcher
from giftcard_server.errors import GoneError

Item = TypeVar("Item")
Result = TypeVar("Result")

# Longer than anything here takes, so that what never comes is told from what is slow.
SOON_SECONDS = 20.0


def here() -> bool:
    """Stay until the answer comes; what a caller's `gone` says."""
    return False


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds that other threads bring about."""
    give_up = time.monotonic() + SOON_SECONDS
    while not holds():
        assert time.monotonic() < give_up, "it never came about"
        time.sleep(0)


def until_waiting(batcher: Batcher[Item, Result], number: int) -> None:
    """Wait until so many items wait for the next batch."""
    until(lambda: batcher.waiting == number)


def together(batcher: Batcher[Item, Result], items: Sequence[Item]) -> list[Result | BaseException]:
    """Submit items that the next batch takes in their order; return what became of each.

    A caller before them holds the batcher up until all of them wait, and then is gone, so
    that nothing but these items is run.
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
                until_waiting(batcher, number)
        finally:
            all_wait.set()
        assert isinstance(first.exception(SOON_SECONDS), GoneError)
        return [result.exception(SOON_SECONDS) or result.result() for result in results]
