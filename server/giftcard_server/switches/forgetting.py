"""Removes what counts for no ceiling any more."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Final

from giftcard_server.errors import ClockWrongError
from giftcard_server.recurring import Recurring
from giftcard_storage import database
from giftcard_storage.errors import StaleError, StorageError
from giftcard_storage.switches.issued_values import forget_old

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from giftcard_storage.database import DatabaseUrl

EVERY_SECONDS: Final = 1800.0


def forgetting_issued_values(url: DatabaseUrl, now: Callable[[], datetime]) -> Recurring:
    """Return what removes old rows now and then, on a connection for each time."""

    def forget() -> None:
        with closing(database.connect(url)) as connection:
            forget_old(connection, now())

    postponed_by = (StorageError, StaleError, ClockWrongError)
    return Recurring("issued values", forget, EVERY_SECONDS, postponed_by)
