"""The clock of the service. It refuses to tell the time while it cannot be right.

The committer and the readers ask it for each batch, so `now` compares numbers in memory. `look`
asks the database every few seconds and keeps what it says.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import structlog

from giftcard_server.clocks.judgement import (
    SERVERS_CLOCK,
    Anchor,
    Reading,
    against_anchor,
    against_itself,
    against_newest_mark,
    at_a_start,
    read_clocks,
    seconds,
)
from giftcard_server.errors import ClockWrongError
from giftcard_storage.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from giftcard_storage.clock import Times

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 2.0
MARK_SECONDS: Final = 60.0

_STARTING: Final = "the server's clock was not compared with others yet"


def utc_now() -> datetime:
    """Return the time by the clock of this machine, right or wrong."""
    return datetime.now(UTC)


class TrustedClock:
    """Tells the time that `now` returns, whatever that is."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.now = now

    def why_wrong(self) -> str:
        """Return nothing."""
        return ""

    def look(self) -> None:
        """Ask nobody."""


class JudgedClock:
    """Tells the time of this machine while other clocks allow that it is right.

    `times` asks the database. Where that has a server, the server's clock decides, as of the last
    look and counted on by the clocks that cannot be set, unless it is days past that. On an
    embedded database the clock of this machine decides as it was at the start, if the marks allow
    that.

    `mark`, where given, is called with the time once a minute. `tell` is called with whether the
    clock is wrong, whenever that changes. Any thread may ask it; one at a time may `look`.
    """

    def __init__(
        self,
        times: Callable[[], Times],
        tolerance_seconds: float,
        *,
        mark: Callable[[datetime], None] | None = None,
        tell: Callable[[bool], object] = lambda _is_wrong: None,
        read: Callable[[], Reading] = read_clocks,
    ) -> None:
        self._times = times
        self._tolerance_seconds = tolerance_seconds
        self._mark = mark
        self._tell = tell
        self._read = read
        self._lock = threading.Lock()
        self._is_wrong = False
        self._anchor: Anchor | None = None
        self._why_no_anchor = _STARTING
        self._why_not_believed = ""
        self._newest: float | None = None
        self._accepted: float | None = None
        self._marked_at: float | None = None  # By the clock `boot`.

    def now(self) -> datetime:
        """Return the time. Raises `ClockWrongError`."""
        reading = self._read()
        why = self._judge(reading)
        if why:
            raise ClockWrongError(why)
        return datetime.fromtimestamp(reading.wall, UTC)

    def why_wrong(self) -> str:
        """Return why the clock cannot be right now; empty where it can."""
        return self._judge(self._read())

    def look(self) -> None:
        """Ask the database, and mark the time in it. While it is away, what it said last counts."""
        with suppress(StorageError):
            self.compare()
            self._mark_the_time()

    def compare(self) -> None:
        """Ask the database for its time and the marks. Raises `StorageError`."""
        before = self._read()
        times = self._times()
        after = self._read()
        server = seconds(times.server)
        is_accepted = self._is_accepted(after.wall if server is None else server, times)
        self._newest, self._accepted = seconds(times.newest), seconds(times.accepted)
        if server is not None:
            anchor = None if is_accepted else self._anchor
            self._why_not_believed = against_itself(server, after.boot, anchor) if anchor else ""
            if not self._why_not_believed:
                # Its answer was given at some moment between the two.
                self._anchor = Anchor(server, after.monotonic, before.boot, SERVERS_CLOCK)
        elif is_accepted:
            self._anchor_here(after, "when an operator accepted it")
        elif self._anchor is None:
            self._why_no_anchor = at_a_start(after.wall, self._newest) or self._behind(after.wall)
            if not self._why_no_anchor:
                self._anchor_here(after, "when the server started")
        self.why_wrong()

    def _is_accepted(self, time: float, times: Times) -> bool:
        """Return whether an operator has accepted a clock that says this since the last look."""
        accepted = seconds(times.accepted)
        has_looked = self._anchor is not None or self._why_no_anchor is not _STARTING
        if not has_looked or accepted is None or accepted == self._accepted:
            return False
        return abs(time - accepted) <= self._tolerance_seconds

    def _mark_the_time(self) -> None:
        """Mark the time in the database once a minute, while it is right."""
        reading = self._read()
        is_due = self._marked_at is None or reading.boot - self._marked_at >= MARK_SECONDS
        if self._mark is not None and is_due and not self._judge(reading):
            self._mark(datetime.fromtimestamp(self._right(reading), UTC))
            self._marked_at = reading.boot

    def _right(self, reading: Reading) -> float:
        """Return the time to mark: that of the database server, which all servers share.

        By their own clocks, which may differ by twice the tolerance, a right one would be behind.
        """
        anchor = self._anchor
        if anchor is None or anchor.name is not SERVERS_CLOCK:
            return reading.wall
        return anchor.right + reading.boot - anchor.boot

    def _anchor_here(self, reading: Reading, since: str) -> None:
        name = f"what has passed since {since}"
        self._anchor = Anchor(reading.wall, reading.monotonic, reading.boot, name)

    def _judge(self, reading: Reading) -> str:
        anchor = self._anchor
        if anchor is None:
            why = self._why_no_anchor
        else:
            why = (
                self._why_not_believed
                or against_anchor(reading, anchor, self._tolerance_seconds)
                or self._behind(reading.wall)
            )
        if bool(why) is not self._is_wrong and why is not _STARTING:
            self._say(why)
        return why

    def _behind(self, wall: float) -> str:
        newest = self._newest
        return "" if newest is None else against_newest_mark(wall, newest, self._tolerance_seconds)

    def _say(self, why: str) -> None:
        with self._lock:
            if bool(why) is self._is_wrong:
                return
            self._is_wrong = bool(why)
            if why:
                log.error("clock is wrong", why=why)
            else:
                log.info("clock is right again")
            self._tell(self._is_wrong)
