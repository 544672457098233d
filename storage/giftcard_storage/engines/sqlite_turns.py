"""Turns of those who write to one file: a lock that is waited for in small steps.

SQLite has a writers' lock of its own, which decides; turns only make waiting for it short. Who
waits for SQLite's lock looks again after 1, 2, 5, ... 100 milliseconds, and so finds it free much
too late where another process writes batch after batch.
"""

from __future__ import annotations

import fcntl
import os
import select
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from giftcard_storage.errors import StorageAwayError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SUFFIX: Final = "-turn"
# As `StorageAwayError` names it where SQLite's own lock is not free for too long.
BUSY: Final = "DatabaseLockedError"
# Between two looks. A look costs some microseconds, and a batch writes for some milliseconds.
_PAUSE_SECONDS: Final = 0.0003


class Turns:
    """The turns of one connection, by `flock` on a file beside the database's.

    The kernel frees the lock of a process that ends, whatever it ends by. Each connection has a
    descriptor of its own, so that threads of one process take turns like processes. Not for two
    threads at once.
    """

    def __init__(self, path: Path, patience_seconds: float) -> None:
        self._path = path.with_name(f"{path.name}{SUFFIX}")
        self._descriptor: int | None = None
        # For so long it waits for the others. One of them may have been stopped in its turn.
        self.patience_seconds = patience_seconds

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Write while no other connection does. Raises `StorageAwayError` where none ends."""
        try:
            if self._descriptor is None:
                self._descriptor = os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600)
            descriptor = self._descriptor
            self._take(descriptor)
        except OSError as error:
            message = f"the file of turns cannot be used ({type(error).__name__})"
            raise StorageAwayError(message) from error
        try:
            yield
        finally:
            fcntl.flock(descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the file; the next turn opens it again."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _take(self, descriptor: int) -> None:
        """Look until the lock is free: a `flock` that waits would have no end of its own."""
        give_up_at: float | None = None
        while True:
            try:
                return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                now = time.monotonic()
                give_up_at = give_up_at or now + self.patience_seconds
                if now > give_up_at:
                    raise StorageAwayError(BUSY) from None
            # Not `time.sleep`, which fails where a moved clock (libfaketime) is past its end.
            select.select((), (), (), _PAUSE_SECONDS)
