"""Walks over the whole ledger again and again, slowly, and tells what breaks an invariant.

One server of a database does it at a time. A slice that looks wrong is looked at again in another
snapshot, so that only what stays wrong is told: ids alone, in one line of the log each.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

import structlog

from giftcard_server.errors import ClockWrongError
from giftcard_server.recurring import Recurring
from giftcard_storage import database
from giftcard_storage.errors import StaleError, StorageError
from giftcard_storage.rows import microseconds
from giftcard_storage.walks.audited_database import AuditedDatabase
from giftcard_storage.walks.confirming import confirmed
from giftcard_storage.walks.walking import BEGINNING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import ExitStack
    from datetime import datetime

    from giftcard_storage.database import DatabaseUrl
    from giftcard_storage.walks.found import Difference
    from giftcard_storage.walks.standing import Standing
    from giftcard_storage.walks.walking import Walking

log = structlog.get_logger(__name__)

# Together some milliseconds of work, which callers hardly notice.
KEYS_AT_ONCE: Final = 500
# Of the time of one core, for the slices. What is around them takes a little more, untimed.
SHARE: Final = 0.015
LONGEST_REST_SECONDS: Final = 300.0
# A small ledger is walked within a second; more often than this tells nothing new.
BETWEEN_WALKS_SECONDS: Final = 60.0
OTHERS_SECONDS: Final = 30.0
SAVE_SECONDS: Final = 10.0
CONFIRM_SECONDS: Final = 0.25
# Longer than any command takes, whichever clock of the servers it has its time from.
UNDERWAY_MICROSECONDS: Final = 300 * 1_000_000


class ContinuousAudit(Recurring):
    """Looks at one slice in each round, and rests for as long as its share of a core demands."""

    def __init__(
        self,
        audited: AuditedDatabase,
        now: Callable[[], datetime],
        keys: int = KEYS_AT_ONCE,
        share: float = SHARE,
        between_walks_seconds: float = BETWEEN_WALKS_SECONDS,
    ) -> None:
        # Where another server was faster, or writes at the moment, this one tries again.
        postponed_by = (StorageError, StaleError, ClockWrongError)
        super().__init__("audit", self.look, OTHERS_SECONDS, postponed_by)
        self._audited = audited
        self._now = now
        self._keys = keys
        self._share = share
        self._between_walks = between_walks_seconds
        self._holder = uuid.uuid4().hex
        self._walking: Walking | None = None
        self._saved: Standing | None = None
        self._saved_at = 0.0
        self._rest_seconds = OTHERS_SECONDS
        self._found_now = 0
        self._told: set[tuple[str, str]] = set()
        self._found: set[tuple[str, str]] = set()

    def look(self) -> None:
        """Look at the next slice, unless another server audits."""
        self._rest_seconds = OTHERS_SECONDS
        began = time.monotonic()
        walking, self._walking = self._walking or self._begun(), None
        if walking is None:
            return
        seen = walking.step()
        rest = (time.monotonic() - began) * (1 / self._share - 1)
        self._rest_seconds = min(rest, LONGEST_REST_SECONDS)
        self._tell(confirmed(walking, seen, partial(self.stopping.wait, CONFIRM_SECONDS)))
        if walking.is_over:
            self._end_walk()
            return
        self._save_now_and_then(walking)
        self._walking = walking

    @property
    def is_walking(self) -> bool:
        """Whether it is in the midst of a walk."""
        return self._walking is not None

    def pause(self) -> None:
        """Rest after a slice, or wait for the next try."""
        self.stopping.wait(self._rest_seconds)

    def leave(self) -> None:
        """Note the place, and leave the audit to whoever comes next."""
        walking, self._walking = self._walking, None
        if self._saved is None:
            return
        place = walking.place if walking else self._saved.place
        try:
            left = replace(self._saved, place=place, found_now=self._found_now, moved_at=0)
            self._audited.save(left, self._saved)
        except self.postponed_by:
            log.debug("the place of the audit was not saved")

    def _begun(self) -> Walking | None:
        """Return the walk that goes on where it is; None where another server is at it."""
        now = microseconds(self._now())
        self._saved = self._audited.take_over(self._holder, now)
        self._saved_at = time.monotonic()
        if self._saved is None:
            return None
        self._found_now = self._saved.found_now
        horizon = min(now, self._saved.began_at) - UNDERWAY_MICROSECONDS
        return self._audited.walking(self._keys, horizon, self._saved.place)

    def _tell(self, differences: Sequence[Difference]) -> None:
        for each in differences:
            named = (each.invariant, each.subject)
            if named not in self._found:
                self._found_now += 1
                self._found.add(named)
            if named not in self._told:
                log.error("ledger discrepancy", invariant=each.invariant, subject=each.subject)
                self._told.add(named)

    def _save_now_and_then(self, walking: Walking) -> None:
        """Save what was found at once, and otherwise the place after some time."""
        if self._saved is None or (
            self._found_now == self._saved.found_now
            and time.monotonic() - self._saved_at < SAVE_SECONDS
        ):
            return
        now_is = replace(
            self._saved,
            moved_at=microseconds(self._now()),
            place=walking.place,
            found_now=self._found_now,
        )
        self._audited.save(now_is, self._saved)
        self._saved, self._saved_at = now_is, time.monotonic()

    def _end_walk(self) -> None:
        """Note the end of a walk, whose differences are now all that are known."""
        if self._saved is None:
            return
        now = microseconds(self._now())
        ended = replace(
            self._saved,
            moved_at=now,
            place=BEGINNING,
            began_at=now,
            found_before=self._found_now,
            found_now=0,
            ended_at=now,
            took=max(0, now - self._saved.began_at),
        )
        self._audited.save(ended, self._saved)
        self._saved, self._found_now = ended, 0
        self._told, self._found = self._found, set()
        self._rest_seconds = max(self._rest_seconds, self._between_walks)


def continuous_audit_on(
    url: DatabaseUrl, now: Callable[[], datetime], opened: ExitStack
) -> ContinuousAudit:
    """Return the audit of a database, on a connection of its own. Raises `StorageAwayError`."""
    connection = database.connect(url)
    opened.callback(database.close, connection)
    return ContinuousAudit(AuditedDatabase(connection), now)
