"""Runs waiting items in batches, which form by themselves under load, without a timer.

Leader and followers: the first thread that finds no batch running becomes the leader, takes all
waiting items, and runs them for their callers. Callers that arrive meanwhile wait. When the
batch is done and its callers are on their way out, the first waiting caller leads the next
batch. A lone caller leads a batch of one and never waits.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from giftcard_server.errors import GoneError, LateError, OverloadedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Item = TypeVar("Item")
Result = TypeVar("Result")

# How long a caller waits to lead, or for the batch that its item is in. A caller that leads after
# all of it still ends within the 30 s that a call may take.
PATIENCE_SECONDS: Final = 8.0


class Entry(Generic[Item, Result]):
    """One caller's item, and its result or error."""

    __slots__ = ("after", "done", "error", "gone", "has_left", "item", "result", "wake")

    def __init__(self, item: Item, gone: Callable[[], bool]) -> None:
        self.item = item
        self.gone = gone
        self.done = False
        self.has_left = False
        self.after: Entry[Item, Result] | None = None
        self.result: Result | None = None
        self.error: BaseException | None = None
        self.wake = threading.Lock()
        self.wake.acquire()

    def succeed(self, result: Result) -> None:
        """Set the result, which the caller gets once the batch is done."""
        self.result = result
        self.error = None

    def fail(self, error: BaseException) -> None:
        """Set the error, which the caller gets once the batch is done."""
        self.result = None
        self.error = error


class Batcher(Generic[Item, Result]):
    """Runs items in batches, one batch at a time.

    `run` gives every entry of a batch its result or its error, and may be called from any
    of the callers' threads. At most `waiting_limit` items wait and `batch_limit` run together.
    """

    def __init__(
        self,
        run: Callable[[Sequence[Entry[Item, Result]]], None],
        *,
        waiting_limit: int,
        batch_limit: int,
    ) -> None:
        self._run = run
        self._waiting_limit = waiting_limit
        self._batch_limit = batch_limit
        self._lock = threading.Lock()
        self._waiting: deque[Entry[Item, Result]] = deque()
        self._led = False

    @property
    def waiting(self) -> int:
        """How many items wait for the next batch."""
        return len(self._waiting)

    def submit(self, item: Item, gone: Callable[[], bool]) -> Result:
        """Run an item in the next batch and return its result.

        `gone` returns whether the caller has stopped waiting. Raises `OverloadedError` at
        once where too many wait, `LateError` after `PATIENCE_SECONDS`, `GoneError`, and the
        error that `run` set or raised.
        """
        patience_seconds = PATIENCE_SECONDS
        entry: Entry[Item, Result] = Entry(item, gone)
        with self._lock:
            if len(self._waiting) >= self._waiting_limit:
                raise OverloadedError
            self._waiting.append(entry)
            leads = not self._led
            self._led = True
        if not leads:
            _wait(entry, patience_seconds)
        self._take_turn(entry)
        if entry.error is not None:
            raise entry.error
        return entry.result  # type: ignore[return-value] # No error, so there is a result.

    def submit_all(
        self, items: Sequence[Item], gone: Callable[[], bool]
    ) -> list[Entry[Item, Result]]:
        """Run the items of one caller, which may fill several batches, and return their entries.

        Each entry has its own result or error. All of them together wait no longer than one
        item does. Raises `OverloadedError` where too many items wait.
        """
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        entries: list[Entry[Item, Result]] = [Entry(item, gone) for item in items]
        with self._lock:
            if len(self._waiting) + len(entries) > self._waiting_limit:
                raise OverloadedError
            self._waiting.extend(entries)
            leads = bool(entries) and not self._led
            self._led |= leads
        for entry in entries:
            try:
                if not leads:
                    _wait(entry, max(0.0, give_up_at - time.monotonic()))
            except LateError as error:
                entry.fail(error)
                continue
            leads = False
            self._take_turn(entry)
        return entries

    def _take_turn(self, entry: Entry[Item, Result]) -> None:
        """Lead where an entry is not done, and wake whoever is next."""
        if not entry.done:
            self._lead()
        if not _wake(entry.after):
            self._hand_on()

    def _lead(self) -> None:
        """Run the next batch, which holds the leader's own entry."""
        with self._lock:
            size = min(len(self._waiting), self._batch_limit)
            batch = [self._waiting.popleft() for _ in range(size)]
        try:
            self._run_present(batch)
        finally:
            for entry, after in zip(batch, [*batch[1:], None], strict=True):
                entry.after = after
                entry.done = True

    def _hand_on(self) -> None:
        """Let the first waiting caller lead; earlier, the two threads would compete for the GIL."""
        while True:
            with self._lock:
                self._led = bool(self._waiting)
                if not self._led:
                    return
                successor = self._waiting[0]
            if _wake(successor):
                return
            with self._lock:  # No other thread takes items out while this one leads.
                self._waiting.popleft()

    def _run_present(self, batch: Sequence[Entry[Item, Result]]) -> None:
        present = [entry for entry in batch if _is_present(entry)]
        if not present:
            return
        try:
            self._run(present)
        except BaseException as error:  # noqa: BLE001 - whatever it was, no caller may be left waiting
            for entry in present:
                entry.fail(error)


def _wait(entry: Entry[Item, Result], seconds: float) -> None:
    """Wait until an entry is woken, to lead or with its result. Raises `LateError`."""
    if entry.wake.acquire(timeout=seconds):
        return
    entry.has_left = True
    if not entry.wake.acquire(blocking=False):
        raise LateError
    entry.has_left = False  # It was woken at this very moment.


def _wake(entry: Entry[Item, Result] | None) -> bool:
    """Wake an entry or, where its caller has left, the next one; return whether one was woken.

    A caller that leaves tries its lock once more after it has said so: only one of the two
    threads gets it.
    """
    while entry is not None:
        entry.wake.release()
        if not (entry.has_left and entry.wake.acquire(blocking=False)):
            return True
        entry = entry.after
    return False


def _is_present(entry: Entry[Item, Result]) -> bool:
    """Return whether to run an entry; an entry whose `gone` raises fails alone."""
    try:
        if not (entry.has_left or entry.gone()):
            return True
        entry.fail(GoneError())
    except BaseException as error:  # noqa: BLE001 - the other callers shall get their results
        entry.fail(error)
    return False
