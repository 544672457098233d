"""How a call waits: in its thread, or parked, which takes no thread.

A call that may be parked is written as a generator, in *steps*. It yields a `Wait` for each thing
that it waits for, is sent what the wait brought, and returns its answer. So it reads like any other
function, and does not know in which of the two ways it waits.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextvars import Context
from functools import partial
from typing import Any, Protocol, TypeVar

T = TypeVar("T")
# What goes on with a call once its wait is over: with a result, or with an error.
GoOn = Callable[[Any, BaseException | None], object]


class Wait(Protocol):
    """Something that a call waits for."""

    def in_thread(self) -> Any:
        """Wait in this thread; return the result, or raise the error."""

    def park(self, go_on: GoOn) -> None:
        """Have `go_on` called once, by any thread and perhaps at once, with result and error.

        If this raises, `go_on` is not called.
        """


Steps = Generator[Wait, Any, T]


def in_thread(steps: Steps[T]) -> T:
    """Take all steps of a call in this thread. Returns its answer, or raises its error."""
    try:
        wait = next(steps)
        while True:
            try:
                result = wait.in_thread()
            except BaseException as error:  # noqa: BLE001 - the call handles it, or ends with it
                wait = steps.throw(error)
            else:
                wait = steps.send(result)
    except StopIteration as end:
        answer: T = end.value
        return answer


def parked(steps: Steps[Any], done: GoOn) -> None:
    """Take the steps of a call until it waits; `done` is called with its answer or its error.

    Other threads take the steps after a wait, for calls of many callers. So they run in an empty
    context: the variables of the thread's own call, its caller among them, are not those of this
    call.
    """
    _take(steps, done, None, None)


def _take(steps: Steps[Any], done: GoOn, result: Any, error: BaseException | None) -> None:
    while True:
        try:
            wait = steps.send(result) if error is None else steps.throw(error)
        except StopIteration as end:
            done(end.value, None)
            return
        except BaseException as ended_by:  # noqa: BLE001 - whoever is done with the call handles it
            done(None, ended_by)
            return
        in_no_context: Callable[..., None] = Context().run
        try:
            wait.park(partial(in_no_context, _take, steps, done))
        except Exception as refused:  # noqa: BLE001 - likewise
            result, error = None, refused
        else:
            return
