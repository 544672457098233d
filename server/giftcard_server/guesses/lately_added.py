"""A quick look at what was added of late, so that most calls need no slower one."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from giftcard_server.guesses.bounded_memory import KEYS

if TYPE_CHECKING:
    from collections.abc import Hashable

# All that a bounded memory of windows may still know.
AT_LEAST: Final = KEYS


class LatelyAdded:
    """Says of what was added that it was, at least of the last `AT_LEAST` things. Any thread.

    It may say so of something else, too, and has then to be followed by a real look. It keeps no
    text, but hashes that mean nothing in another process: attempt keys may name people.
    """

    def __init__(self, at_least: int = AT_LEAST) -> None:
        self._at_least = at_least
        self._lock = threading.Lock()
        self._hashes: set[int] = set()
        self._before: set[int] = set()

    def __contains__(self, added: Hashable) -> bool:
        """Return False only where it was not added of late."""
        found = hash(added)
        return found in self._hashes or found in self._before

    def add(self, added: Hashable) -> None:
        """Add something; what was added longest ago may be forgotten, half of all at a time."""
        with self._lock:
            if len(self._hashes) >= self._at_least:
                self._before = self._hashes  # First, so that another thread finds all in one.
                self._hashes = set()
            self._hashes.add(hash(added))
