"""Whether commands can be written, for readiness: reading goes on when a disk is full."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import structlog

from giftcard_storage import database

if TYPE_CHECKING:
    from collections.abc import Callable

    from giftcard_server.deciding.committer import Committer
    from giftcard_storage.database import DatabaseUrl

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 1.0
# A database of ours alone is written to so often while there are no commands.
IDLE_SECONDS: Final = 10.0


class WriteCheck:
    """Follows what the committer writes; where that fails, or nothing is written, it tries itself.

    `look` has to be called every `LOOK_SECONDS`. `tell` is called with each new `why_not`.
    """

    def __init__(
        self,
        committer: Committer,
        url: DatabaseUrl,
        tell: Callable[[str], object],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._committer = committer
        self._url = url
        self._tell = tell
        self._now = now
        self._commits = 0
        self._last_written = now()
        self._followed_up: object = None
        # Why nothing can be written; empty where that is not known, or not so.
        self.why_not = ""

    def look(self) -> None:
        """Look at what was written since the last time, and try where that says too little."""
        failure, commits = self._committer.failure, self._committer.commits
        has_failed = failure is not None and failure is not self._followed_up
        if commits != self._commits and not has_failed:
            self._can_write(commits)
        elif has_failed or self.why_not or self._is_idle():
            why_not = database.why_not_writable(self._url)
            if why_not is None and has_failed:
                why_not = "another program is writing"
            if why_not:
                self._set(why_not)
            elif why_not is not None:
                self._followed_up = failure
                self._can_write(commits)

    def _can_write(self, commits: int) -> None:
        self._commits, self._last_written = commits, self._now()
        self._set("")

    def _is_idle(self) -> bool:
        is_ours_alone = self._url.engine.has_one_writer
        return is_ours_alone and self._now() - self._last_written >= IDLE_SECONDS

    def _set(self, why_not: str) -> None:
        if why_not == self.why_not:
            return
        # The number of free bytes changes from look to look, and is no news.
        if bool(why_not) != bool(self.why_not):
            if why_not:
                log.error("nothing can be written", why=why_not)
            else:
                log.info("it can be written again")
        self.why_not = why_not
        self._tell(why_not)
