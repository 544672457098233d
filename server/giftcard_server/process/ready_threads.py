"""A pool whose threads all exist before the first task, so that load can never lack one.

`ThreadPoolExecutor` makes a thread when a task finds none idle. Where that fails, grpcio's
serving thread ends with the exception, and no call is answered any more.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import ParamSpec, TypeVar

from giftcard_server.errors import StartRefusedError
from giftcard_server.process.limits import limits

P = ParamSpec("P")
T = TypeVar("T")
_Task = Callable[[], None]


class ReadyThreads(ThreadPoolExecutor):
    """Runs tasks on `count` threads. Raises `StartRefusedError` when made.

    It is a `ThreadPoolExecutor` because grpcio accepts nothing else for its streams. It hands out
    tasks like that one. But where that one would make a thread, a thread of the reserve joins in.
    So no more threads work, and no more stacks are in memory, than load has needed at a time.
    """

    def __init__(self, count: int, name: str) -> None:
        super().__init__(count)
        self._tasks: SimpleQueue[_Task | None] = SimpleQueue()
        # One entry for each thread that looks for a task; `append` and `pop` need no lock.
        self._idle: list[None] = []
        self._lock = threading.Lock()  # For what follows.
        # A thread of the reserve waits to read a byte of the gate. Where hundreds wait for locks,
        # Linux is slower to wake all others that do.
        self._gate, self._opens_gate = os.pipe()
        self._in_reserve = self._alive = made = 0
        self._is_stopped = False
        try:
            for made in range(count):
                # Daemons: a call that never returns must not keep the process from ending.
                threading.Thread(target=self._run, name=f"{name}-{made}", daemon=True).start()
                with self._lock:
                    self._in_reserve, self._alive = self._in_reserve + 1, self._alive + 1
        except RuntimeError as error:
            self.shutdown()
            known = "; ".join(map(str, limits())) or "no limit is known"
            message = f"only {made} of {count} threads ({name}) could be made: {known}"
            raise StartRefusedError(message) from error

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run a task on an idle thread, or on the first that becomes idle."""
        if self._is_stopped:
            message = "cannot run a task after shutdown"
            raise RuntimeError(message)
        future: Future[T] = Future()

        def task() -> None:
            try:
                result = fn(*args, **kwargs)
            except BaseException as error:  # noqa: BLE001 - whoever waits for the future is told
                future.set_exception(error)
            else:
                future.set_result(result)

        self._tasks.put(task)
        self._join_in()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - the library's signature
        """Let the threads end once nothing is left to do; wait for none of them."""
        with self._lock:
            if self._is_stopped:
                return
            self._is_stopped, self._in_reserve = True, 0
            self._tasks.put(None)
            os.close(self._opens_gate)  # Those that wait read its end, and find nothing to do.

    def _join_in(self) -> None:
        """Have a thread of the reserve join in, unless one is idle, or all have joined."""
        try:
            self._idle.pop()
        except IndexError:
            with self._lock:
                if self._in_reserve:
                    self._in_reserve -= 1
                    os.write(self._opens_gate, b".")

    def _run(self) -> None:
        os.read(self._gate, 1)
        while (task := self._tasks.get()) is not None:
            task()
            del task  # What it held must not live until the next task.
            self._idle.append(None)
        self._tasks.put(None)  # For the next thread.
        with self._lock:
            self._alive -= 1
            if not self._alive:
                os.close(self._gate)
