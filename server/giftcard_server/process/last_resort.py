"""The end of a process that cannot go on: at once, with an exit code that asks to be replaced.

A thread that ends with an exception, or that cannot be made, leaves a process that lives and does
not answer. No supervisor replaces such a process.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import TYPE_CHECKING, Final, NoReturn

import structlog

from giftcard_server.logs import where

if TYPE_CHECKING:
    from threading import ExceptHookArgs

log = structlog.get_logger(__name__)

# EX_SOFTWARE of sysexits.h.
EXIT_BROKEN: Final = 70


def end_at_once(code: int) -> NoReturn:
    """End the process without asking any of its threads, which may never answer."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


def end_when_a_thread_fails() -> None:
    """End the process as soon as an exception ends one of its threads."""
    threading.excepthook = _end_of_thread


def _end_of_thread(failed: ExceptHookArgs) -> None:
    name = failed.thread.name if failed.thread else "unknown"
    error = where(failed.exc_value) if failed.exc_value else None
    # The text is the interpreter's own where there was no thread to be had.
    log.critical("a thread has ended: the process ends", thread=name, error=error)
    end_at_once(EXIT_BROKEN)


class LastResort:
    """Ends the process some seconds after `begin`, whatever its other threads do.

    Its thread exists from the beginning, since there may be none to be had by then.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._begun = threading.Event()
        threading.Thread(target=self._run, name="last resort", daemon=True).start()

    def begin(self) -> None:
        """Begin to count."""
        self._begun.set()

    def _run(self) -> None:
        self._begun.wait()
        time.sleep(self._seconds)
        log.critical("stopping takes too long: the process ends", seconds=self._seconds)
        end_at_once(EXIT_BROKEN)
