"""A pool whose threads all exist before the first task, so that load can never lack one.

`ThreadPoolExecutor` makes a thread when a task finds none idle. Where that fails, grpcio's
serving thread ends with the exception, and no call is answered any more.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from giftcard_server.errors import StartRefusedError
from giftcard_server.process.limits import limits

P = ParamSpec("P")
T = TypeVar("T")
_Task = Callable[[], None]


class ReadyThreads(ThreadPoolExecutor):
    """Runs tasks on `count` threads. Raises `StartRefusedError` when made.

    It is a `ThreadPoolExecutor` because grpcio accepts nothing else for its streams. The thread
    that became idle last takes the next task, so that as few stacks as possible are in use.
    """

    def __init__(self, count: int, name: str) -> None:
        super().__init__(count)
        self._guard = threading.Lock()
        self._waiting: deque[_Task] = deque()
        self._idle: list[_Thread] = []
        self._is_stopped = False
        number = 0
        try:
            for number in range(count):
                # Daemons: a call that never returns must not keep the process from ending.
                _Thread(self._next, name=f"{name}-{number}").start()
        except RuntimeError as error:
            self.shutdown(wait=False)
            known = "; ".join(map(str, limits())) or "no limit is known"
            message = f"only {number} of {count} threads ({name}) could be made: {known}"
            raise StartRefusedError(message) from error

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run a task on an idle thread, or on the first that becomes idle."""
        future: Future[T] = Future()

        def task() -> None:
            try:
                result = fn(*args, **kwargs)
            except BaseException as error:  # noqa: BLE001 - whoever waits for the future is told
                future.set_exception(error)
            else:
                future.set_result(result)

        with self._guard:
            if self._is_stopped:
                message = "cannot run a task after shutdown"
                raise RuntimeError(message)
            if not self._idle:
                self._waiting.append(task)
                return future
            thread = self._idle.pop()
        thread.run_next(task)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - the library's signature
        """Let idle threads end, and others once they have nothing to do; wait for none."""
        with self._guard:
            self._is_stopped = True
            idle, self._idle = self._idle, []
        for thread in idle:
            thread.run_next(None)

    def _next(self, thread: _Thread) -> _Task | None:
        """Return a thread's next task, as soon as there is one; None when it shall end."""
        with self._guard:
            if self._waiting:
                return self._waiting.popleft()
            if self._is_stopped:
                return None
            self._idle.append(thread)
        return thread.wait_for_task()


class _Thread(threading.Thread):
    """Runs what `next_task` returns, until that is None."""

    def __init__(self, next_task: Callable[[_Thread], _Task | None], name: str) -> None:
        super().__init__(name=name, daemon=True)
        self._next_task = next_task
        self._task: _Task | None = None
        self._wake = threading.Lock()
        self._wake.acquire()

    def run_next(self, task: _Task | None) -> None:
        """Wake the thread, which is idle, with its next task."""
        self._task = task
        self._wake.release()

    def wait_for_task(self) -> _Task | None:
        """Sleep until there is a next task."""
        self._wake.acquire()
        task, self._task = self._task, None
        return task

    def run(self) -> None:
        """Run tasks."""
        task = self._next_task(self)
        while task is not None:
            task()
            task = None  # What it held must not live until the next task.
            task = self._next_task(self)
