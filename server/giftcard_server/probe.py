"""A probe of whether the database answers, for readiness."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from giftcard_storage import database, overview
from giftcard_storage.errors import StorageError

if TYPE_CHECKING:
    from giftcard_storage.database import DatabaseUrl


class Probe:
    """Has a connection of its own, so that it never waits for commands. Any thread may use it.

    Raises `StorageError` when made.
    """

    def __init__(self, url: DatabaseUrl) -> None:
        self._connection = database.connect(url)
        self._lock = threading.Lock()

    def is_answered(self) -> bool:
        """Return whether the database answers now."""
        try:
            with self._lock:
                overview.has_cards(self._connection)
        except StorageError:
            return False
        return True

    def close(self) -> None:
        """Close the connection."""
        database.close(self._connection)
