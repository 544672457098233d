"""Runs waiting items in batches, which form by themselves under load, without a timer.

Leader and followers: the first thread that finds no batch running becomes the leader, takes all
waiting items, and runs them for their callers. A lone caller leads a batch of one and never waits.
Items that arrive meanwhile wait in one of two ways:

- A *parked* item has no thread. The leader goes on with its call when the batch is done. The next
  batch is led by a thread of `spare`, after it has done what else there is to do.
- A caller of `submit` waits in its thread. When the batch is done and its callers are on their way
  out, the first waiting caller leads the next batch, unless the first one is parked. The caller of
  `submit_all` waits in its thread for all of its items, which are parked.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from giftcard_server.deciding.waking import AllDone, go_on_with, is_present, wait, wake
from giftcard_server.errors import LateError, OverloadedError
from giftcard_server.tracing.call import CURRENT_CALL

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from giftcard_server.process.waits import GoOn

Item = TypeVar("Item")
Result = TypeVar("Result")

# How long a caller waits to lead, or for the batch that its item is in. A caller that leads after
# all of it still ends within the 30 s that a call may take.
PATIENCE_SECONDS: Final = 8.0


class Entry(Generic[Item, Result]):
    """One caller's item, and its result or error. `go_on` is how to go on with a parked call.

    `call` is the call that it is for, if any: another call's thread may run the batch of both.
    """

    __slots__ = (
        "after", "call", "done", "error", "go_on", "gone", "has_left", "item", "late_at", "result",
        "since", "wake",
    )  # fmt: skip

    def __init__(
        self, item: Item, gone: Callable[[], bool], go_on: GoOn | None = None, late_at: float = 0.0
    ) -> None:
        self.since = time.perf_counter()
        self.call = CURRENT_CALL.get()
        self.item = item
        self.gone = gone
        self.go_on = go_on
        self.late_at = late_at
        self.done = False
        self.has_left = False
        self.after: Entry[Item, Result] | None = None
        self.result: Result | None = None
        self.error: BaseException | None = None
        self.wake = threading.Lock()
        if go_on is None:
            self.wake.acquire()  # Of a parked call, whoever goes on with it takes it.

    def succeed(self, result: Result) -> None:
        """Set the result, which the caller gets once the batch is done."""
        self.result = result
        self.error = None

    def fail(self, error: BaseException) -> None:
        """Set the error, which the caller gets once the batch is done."""
        self.result = None
        self.error = error


def _no_spare(_lead: Callable[[], None]) -> None:
    message = "there is no spare thread"
    raise RuntimeError(message)


class Batcher(Generic[Item, Result]):
    """Runs items in batches, one batch at a time.

    `run` gives every entry of a batch its result or its error, and may be called from any
    of the callers' threads. At most `waiting_limit` items wait and `batch_limit` run together.
    `spare` runs a function on another thread, after those that it was given before. It raises
    `RuntimeError` where there is none: then whoever leads goes on.
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
        self._running: Sequence[Entry[Item, Result]] = ()
        self._led = False
        self.spare: Callable[[Callable[[], None]], object] = _no_spare

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
            wait(entry, patience_seconds)
        self._take_turn(entry)
        if entry.error is not None:
            raise entry.error
        return entry.result  # type: ignore[return-value] # No error, so there is a result.

    def park(self, item: Item, gone: Callable[[], bool], go_on: GoOn) -> None:
        """Have an item run in the next batch, and `go_on` be called with its result and error.

        That is once, by whichever thread leads, which may be this one: `go_on` must neither wait
        nor raise. The error is one of those of `submit`; where it is None, there is a result.
        Raises `OverloadedError`; then `go_on` is not called.
        """
        entry: Entry[Item, Result] = Entry(item, gone, go_on, time.monotonic() + PATIENCE_SECONDS)
        with self._lock:
            if len(self._waiting) >= self._waiting_limit:
                raise OverloadedError
            self._waiting.append(entry)
            if self._led:
                return
            self._led = True
        self._lead_on()

    def end_late(self) -> None:
        """Go on with `LateError` for the parked items that have waited for too long.

        It has to be called now and then. The items of a batch that runs may be done all the same.
        """
        now = time.monotonic()
        with self._lock:
            known = [*self._waiting, *self._running]
        self._end([entry for entry in known if entry.go_on and now >= entry.late_at])

    def _end(self, late: Sequence[Entry[Item, Result]]) -> None:
        """Go on with parked items that have waited for too long, each with an error of its own."""
        for entry in late:
            if entry.wake.acquire(blocking=False):  # Else its leader goes on with it.
                entry.has_left = True
                error = LateError()
                entry.fail(error)
                go_on_with(entry, None, error)

    def submit_all(
        self, items: Sequence[Item], gone: Callable[[], bool]
    ) -> list[Entry[Item, Result]]:
        """Run the items of one caller, which may fill several batches, and return their entries.

        Each entry has its own result or error. All of them together wait no longer than one
        item does. They are parked, and only the last one wakes the caller: a thread that came
        between two batches would hold up the next one. Raises `OverloadedError` where too many
        items wait.
        """
        patience_seconds = PATIENCE_SECONDS
        all_done, late_at = AllDone(len(items)), time.monotonic() + patience_seconds
        entries: list[Entry[Item, Result]] = [
            Entry(item, gone, all_done.go_on, late_at) for item in items
        ]
        with self._lock:
            if len(self._waiting) + len(entries) > self._waiting_limit:
                raise OverloadedError
            self._waiting.extend(entries)
            leads = bool(entries) and not self._led
            self._led |= leads
        if leads:
            self._lead_on()
        if not all_done.wait(max(0.0, late_at - time.monotonic())):
            self._end(entries)
        return entries

    def _take_turn(self, entry: Entry[Item, Result]) -> None:
        """Lead where an entry is not done, and wake whoever is next."""
        if not entry.done:
            self._lead()
        if not wake(entry.after):
            self._hand_on()

    def _lead_on(self) -> None:
        """Lead as long as items wait. Nobody waits for the thread."""
        while True:
            first = self._lead()
            # The callers who have threads wake each other; the last of them leads, or hands on.
            if first is not None and wake(first):
                return
            with self._lock:
                self._led = bool(self._waiting)
                if not self._led:
                    return
            # Behind the calls that have arrived meanwhile, so that they are in the next batch.
            if self._leads_elsewhere():
                return

    def _lead(self) -> Entry[Item, Result] | None:
        """Run the next batch and go on with its parked calls; return the first of the others.

        If the leader has an entry of its own, the batch holds it.
        """
        with self._lock:
            size = min(len(self._waiting), self._batch_limit)
            self._running = batch = [self._waiting.popleft() for _ in range(size)]
        try:
            self._run_present(batch)
        finally:
            in_threads = [entry for entry in batch if entry.go_on is None]
            for number, entry in enumerate(in_threads, 1):
                entry.after = in_threads[number] if number < len(in_threads) else None
                entry.done = True
            for entry in batch:
                if entry.go_on is not None and entry.wake.acquire(blocking=False):
                    go_on_with(entry, entry.result, entry.error)
            self._running = ()
        return in_threads[0] if in_threads else None

    def _hand_on(self) -> None:
        """Let the first waiting caller lead; earlier, the two threads would compete for the GIL."""
        while True:
            with self._lock:
                self._led = bool(self._waiting)
                if not self._led:
                    return
                successor = self._waiting[0]
            if successor.go_on is not None:
                if not self._leads_elsewhere():
                    self._lead_on()
                return
            if wake(successor):
                return
            with self._lock:  # No other thread takes items out while this one leads.
                self._waiting.popleft()

    def _leads_elsewhere(self) -> bool:
        """Have a thread of `spare` lead, and return whether there is one."""
        try:
            self.spare(self._lead_on)
        except RuntimeError:
            return False
        return True

    def _run_present(self, batch: Sequence[Entry[Item, Result]]) -> None:
        present = [entry for entry in batch if is_present(entry)]
        if not present:
            return
        for entry in present:
            if entry.call is not None:
                entry.call.batch_size = len(present)
        try:
            self._run(present)
        except BaseException as error:  # noqa: BLE001 - whatever it was, no caller may be left waiting
            for entry in present:
                entry.fail(error)
