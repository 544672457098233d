"""A probe of whether the database answers and lets this version write, for readiness."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from giftcard_storage import database, overview
from giftcard_storage.errors import FencedOffError, StorageError

if TYPE_CHECKING:
    from giftcard_storage.database import DatabaseUrl


class Probe:
    """Has a connection of its own, so that it never waits for commands. Any thread may use it.

    Raises `StorageError` when made.
    """

    def __init__(self, url: DatabaseUrl) -> None:
        self._connection = database.connect(url)
        self._lock = threading.Lock()

    def why_not_ready(self) -> str:
        """Return why commands cannot be decided now; nothing if they can."""
        try:
            with self._lock:
                overview.has_cards(self._connection)
                database.require_unfenced(self._connection)
        except FencedOffError as error:
            return str(error)
        except StorageError:
            return "the database does not answer"
        return ""

    def close(self) -> None:
        """Close the connection."""
        database.close(self._connection)
