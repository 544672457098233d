"""One call, as the log and the traces tell of it.

It travels with the command of its call, as another call's thread may run the batch of both.
"""

from __future__ import annotations

import re
from contextvars import ContextVar
from typing import Any, Final, NamedTuple

# https://www.w3.org/TR/trace-context/. Later versions may append fields; version ff is invalid.
_TRACEPARENT: Final = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?"
)


class Parent(NamedTuple):
    """The span of the caller, by its header `traceparent`, and its header `tracestate`."""

    trace_id: str
    span_id: str
    flags: str
    state: str = ""


def parent_of(traceparent: str, state: str = "") -> Parent | None:
    """Return the caller's span; None where the header is not as W3C writes it."""
    found = _TRACEPARENT.fullmatch(traceparent)
    is_longer = found is not None and len(traceparent) > len("00-") + 32 + 1 + 16 + 1 + 2
    if found is None or (is_longer and traceparent.startswith("00")):
        return None
    trace_id, span_id, flags = found.groups()
    return Parent(trace_id, span_id, flags, state)


class Call:
    """One call of the method `path`. `span` is the tracer's own, None without traces.

    `began` is by `time.perf_counter`. `caller` is known once the call is admitted, `request` once
    its message was read. `batch_size` is how many commands shared its batch, 0 before.
    """

    __slots__ = ("batch_size", "began", "caller", "path", "request", "span")

    def __init__(self, path: str, began: float) -> None:
        self.path = path
        self.began = began
        self.caller = ""
        self.request: object = None
        self.batch_size = 0
        self.span: Any = None


# The call that a thread works for, until it waits. Whatever waits takes it along.
CURRENT_CALL: Final[ContextVar[Call | None]] = ContextVar("call", default=None)
