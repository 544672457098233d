"""A clock of a whole process that is moved while the process lives (Debian's libfaketime)."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

# Empty where the package is missing.
LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
MISSING = "libfaketime is missing: apt-get install faketime"


class FakeTime:
    """The wall clock of the processes that get `environment`; their other clocks stay right."""

    def __init__(self, folder: Path) -> None:
        """Start with the right time."""
        self._file = folder / "fake_time"
        self.shift(timedelta())

    @property
    def environment(self) -> Mapping[str, str]:
        """What a process needs for it."""
        return {
            "LD_PRELOAD": str(LIBRARIES[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            # Else waits with a time limit, which Python's threads switch by, last much longer.
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",
            # It reads the file for each question, and would for each look at any file as well.
            "NO_FAKE_STAT": "1",
            # Threads start slowly under it.
            "GIFTCARD_RPC_THREADS": "64",
            "GIFTCARD_WAITING_LIMIT": "8",
            "GIFTCARD_BATCH_LIMIT": "8",
        }

    def shift(self, by: timedelta) -> None:
        """Set the clock ahead of the right time by this, or behind it."""
        draft = self._file.with_suffix(".draft")
        draft.write_text(f"{by.total_seconds():+.0f}\n", encoding="ascii")
        draft.replace(self._file)
