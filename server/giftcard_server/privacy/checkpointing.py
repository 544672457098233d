"""Checkpoints an embedded database, and empties its log after an erasure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from giftcard_server.recurring import Recurring
from giftcard_storage import database
from giftcard_storage.errors import StorageError

if TYPE_CHECKING:
    from contextlib import ExitStack

    from giftcard_storage.database import DatabaseUrl
    from giftcard_storage.personal.changing import PersonChanges

# A page that is changed again and again is copied once. And each checkpoint flushes the file, while
# commits wait: four a second doubled the slowest of a hundred answers (ADR 133).
CHECKPOINT_SECONDS: Final = 0.5


def checkpointing_on(
    url: DatabaseUrl, changing: PersonChanges | None, opened: ExitStack, *, routinely: bool
) -> Recurring:
    """Return what checkpoints a database, on a connection of its own.

    After an erasure the log has the erased data key, wrapped, until it is emptied: by the process
    that erased. Of several workers one alone checkpoints `routinely`.
    """
    connection = database.connect(url)
    opened.callback(database.close, connection)

    def checkpoint() -> None:
        if changing is None or not changing.traces_may_remain:
            if routinely:
                database.checkpoint(connection)
            return
        changing.traces_may_remain = False  # Before, as there may be another one meanwhile.
        is_cleared = False
        try:
            is_cleared = database.clear_log(connection)
        finally:  # Also where the database is away: then the next time.
            changing.traces_may_remain |= not is_cleared

    return Recurring("checkpoint", checkpoint, CHECKPOINT_SECONDS, (StorageError,))
