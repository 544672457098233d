"""Callers whose items share a batch of the real batcher, in a known order."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from giftcard_server.deciding.batching import Batcher
from giftcard_server.errors import GoneError
from given.waiting import SOON_SECONDS, wait_until

Item = TypeVar("Item")
Result = TypeVar("Result")


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
