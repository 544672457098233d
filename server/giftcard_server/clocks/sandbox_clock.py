"""The clock of a sandbox: that of this machine, and ahead of it as far as it was moved."""

from __future__ import annotations

import threading
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from giftcard_server.clocks.judged_clock import TrustedClock, utc_now
from giftcard_storage import sandbox
from giftcard_storage.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from giftcard_storage.database import Connection


class SandboxClock(TrustedClock):
    """Runs on like any clock, and can be moved forward. The database keeps how far it is ahead.

    Any thread may ask or move it. Raises `StorageAwayError` when made.
    """

    def __init__(self, connection: Connection, real: Callable[[], datetime] = utc_now) -> None:
        self._connection = connection
        self._real = real
        self._one_at_a_time = threading.Lock()
        self.ahead = timedelta()
        self._take_in()
        super().__init__(lambda: real() + self.ahead)

    def look(self) -> None:
        """Take in how far other servers on the database have moved it."""
        with suppress(StorageError):
            self._take_in()

    def move_to(self, time: datetime) -> None:
        """Move it forward; a time that has passed changes nothing. Raises `StorageAwayError`."""
        with self._one_at_a_time:
            ahead = time - self._real()
            if ahead > self.ahead:
                sandbox.move_ahead(self._connection, ahead)
                self.ahead = ahead

    def _take_in(self) -> None:
        with self._one_at_a_time:
            self.ahead = max(self.ahead, sandbox.ahead(self._connection))
