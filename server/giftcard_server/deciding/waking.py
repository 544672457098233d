"""How the callers of a batch are woken, or gone on with, so that each of them is exactly once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import structlog

from giftcard_server.errors import GoneError, LateError
from giftcard_server.logs import where

if TYPE_CHECKING:
    from giftcard_server.deciding.batching import Entry

log = structlog.get_logger(__name__)


class AllDone:
    """Whether all items are done of one caller, who waits for them in its thread."""

    def __init__(self, items: int) -> None:
        self._left = items
        self._lock = threading.Lock()
        self._is_done = threading.Event()
        if not items:
            self._is_done.set()

    def go_on(self, _result: object, _error: BaseException | None) -> None:
        """Count an item that is done, by whichever thread; its entry has the result."""
        with self._lock:
            self._left -= 1
            if not self._left:
                self._is_done.set()

    def wait(self, seconds: float) -> bool:
        """Wait until all are done; return whether they are."""
        return self._is_done.wait(seconds)


def go_on_with(entry: Entry[Any, Any], result: object, error: BaseException | None) -> None:
    """Go on with a parked call. Its caller must not be left waiting, and those after it neither."""
    assert entry.go_on is not None
    try:
        entry.go_on(result, error)
    except BaseException as defect:  # noqa: BLE001 - it must not raise, and the others shall get their results
        log.error("defect", error=where(defect))  # noqa: TRY400 - the text may quote a request


def wait(entry: Entry[Any, Any], seconds: float) -> None:
    """Wait until an entry is woken, to lead or with its result. Raises `LateError`."""
    if entry.wake.acquire(timeout=seconds):
        return
    entry.has_left = True
    if not entry.wake.acquire(blocking=False):
        raise LateError
    entry.has_left = False  # It was woken at this very moment.


def wake(entry: Entry[Any, Any] | None) -> bool:
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


def is_present(entry: Entry[Any, Any]) -> bool:
    """Return whether to run an entry; an entry whose `gone` raises fails alone."""
    try:
        if not (entry.has_left or entry.gone()):
            return True
        entry.fail(GoneError())
    except BaseException as error:  # noqa: BLE001 - the other callers shall get their results
        entry.fail(error)
    return False
