"""One line of JSON for each call: which of them have one, and how they are written.

A line is made by hand, as the processors of structlog cost more than the rest of a call's log. All
that is in it has a known form: ids of ours, a name of the settings, a method, a status, a reason.
The lines of a moment are written together, by a thread of their own: a log whose reader hangs
keeps no call waiting, and loses lines, which is counted.
"""

from __future__ import annotations

import json
import logging
import random
import threading
import time
from collections import deque
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import structlog

from giftcard_server.logs import CALLS, Summarized
from giftcard_server.recurring import Recurring

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

log = structlog.get_logger(__name__)

WRITE_SECONDS: Final = 0.1
# Lines that wait for a log that is slow.
LINES_LIMIT: Final = 20_000
# Of calls that are declined or fail: so many lines at once, and so many in each second from then
# on. All others are counted by method and status. A storm of failures is the worst moment for a
# flood of lines.
REFUSED_AT_ONCE: Final = 1000
REFUSED_PER_SECOND: Final = 200

quoted: Final = lru_cache(maxsize=1024)(json.dumps)  # Names of callers and methods, which are few.


class CallLog(Recurring):
    """Writes the lines of calls. Any thread may add one. `part` is that of good calls, 0 to 1."""

    def __init__(
        self, part: float, worker: int | None = None, now: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__("call log", self.write, WRITE_SECONDS, ())
        self._part = part
        self._now = now
        self._begin = "{" if worker is None else f'{{"worker": {worker}, '
        self._logger = logging.getLogger(CALLS)
        self._lines: deque[str] = deque()
        self._lost = 0
        self._lock = threading.Lock()
        self._room = float(REFUSED_AT_ONCE)
        self._room_at = now()
        self._not_logged = Summarized(log, "info", now)
        self._second = (0, "")

    def wants(self, method: str, code: str, *, is_good: bool) -> bool:
        """Return whether a call that ended like this shall have a line."""
        if not self._logger.isEnabledFor(logging.INFO):
            return False
        if is_good:
            return self._part >= 1 or random.random() < self._part  # noqa: S311 - a sample
        with self._lock:
            now = self._now()
            grown = self._room + (now - self._room_at) * REFUSED_PER_SECOND
            self._room, self._room_at = min(grown, REFUSED_AT_ONCE), now
            has_room = self._room >= 1
            self._room -= has_room
        if not has_room:
            self._not_logged.add("calls not logged", method=method, code=code)
        return has_room

    def add(
        self,
        method: str,
        code: str,
        caller: str,
        texts: Mapping[str, str],
        batch_size: int,
        seconds: float,
    ) -> None:
        """Add a line. `texts` need no escapes, as they are ids; empty ones are left out."""
        if len(self._lines) >= LINES_LIMIT:
            self._lost += 1
            return
        known = "".join([f'"{name}": "{text}", ' for name, text in texts.items() if text])
        by = f'"caller": {quoted(caller)}, ' if caller else ""
        batch = f'"batch_size": {batch_size}, ' if batch_size else ""
        self._lines.append(
            f'{self._begin}"event": "call", "method": {quoted(method)}, "code": "{code}", {by}'
            f'{known}{batch}"duration_ms": {seconds * 1000:.3f}, "level": "info",'
            f' "logger": "{CALLS}", "timestamp": "{self._time()}"}}'
        )

    def write(self) -> None:
        """Write the lines that were added until now."""
        self._not_logged.flush()
        lines = [self._lines.popleft() for _ in range(len(self._lines))]
        if lines:
            self._logger.info("\n".join(lines))
        if self._lost:
            lost, self._lost = self._lost, 0
            log.warning("lines of calls are lost, as the log is too slow", lines=lost)

    def leave(self) -> None:
        """Write the last lines."""
        self.write()

    def _time(self) -> str:
        """Return the time as structlog writes it. The text of a second is made once."""
        now = time.time()
        second, text = self._second
        whole = int(now)
        if whole != second:
            text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole))
            self._second = (whole, text)
        return f"{text}.{int((now - whole) * 1_000_000):06d}Z"
