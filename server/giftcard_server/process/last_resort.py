"""The end of a process that cannot go on: at once, with an exit code that asks to be replaced.

A thread that ends with an exception, or that cannot be made, leaves a process that lives and does
not answer. No supervisor replaces such a process. What says so, to a log whose reader may hang,
must not keep the process from ending either.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final, NoReturn

import structlog

from giftcard_server.logs import where

if TYPE_CHECKING:
    from threading import ExceptHookArgs

log = structlog.get_logger(__name__)

# EX_SOFTWARE of sysexits.h.
EXIT_BROKEN: Final = 70
# What a process that ends has to say may take so long: writing to a full pipe takes for ever, and
# so does waiting for a thread that does that.
LAST_WORDS_SECONDS: Final = 0.5

_exit_codes: Final[SimpleQueue[int]] = SimpleQueue()


def end_at_once(code: int, event: str = "", **fields: object) -> NoReturn:
    """Log a last event, and end the process without asking any of its threads, which may hang.

    Ends within `LAST_WORDS_SECONDS`, in a process that has called `end_when_a_thread_fails`.
    """
    _exit_codes.put(code)
    if event:
        log.critical(event, **fields)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # Its reader is gone, or it is closed.
            stream.flush()
    os._exit(code)


def end_when_a_thread_fails() -> None:
    """End the process as soon as an exception ends one of its threads."""
    # It exists from the beginning, since there may be no thread to be had by then.
    threading.Thread(target=_end_without_words, name="end", daemon=True).start()
    threading.excepthook = _end_of_thread


def _end_without_words() -> None:
    """End the process if `end_at_once` does not come to its end. Does nothing that can block."""
    code = _exit_codes.get()
    time.sleep(LAST_WORDS_SECONDS)
    os._exit(code)


def _end_of_thread(failed: ExceptHookArgs) -> None:
    name = failed.thread.name if failed.thread else "unknown"
    error = where(failed.exc_value) if failed.exc_value else None
    # The text is the interpreter's own where there was no thread to be had.
    event = "a thread has ended: the process ends"
    end_at_once(EXIT_BROKEN, event, thread=name, error=error)
