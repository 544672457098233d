"""The one way of tests to wait for something that other threads or processes bring about."""

import time
from collections.abc import Callable
from typing import Final

# Longer than several servers take to start, one after the other, on a machine that is busy.
SOON_SECONDS: Final = 60.0
# The pause between two looks: none at first, and then longer and longer.
LONGER_BY_SECONDS: Final = 0.0001
LONGEST_PAUSE_SECONDS: Final = 0.05


def wait_until(holds: Callable[[], object]) -> None:
    """Return as soon as `holds` returns something true; fail where it does not in time."""
    give_up_at = time.monotonic() + SOON_SECONDS
    pause_seconds = 0.0
    while not holds():
        assert time.monotonic() < give_up_at, f"it did not hold within {SOON_SECONDS} seconds"
        time.sleep(pause_seconds)
        pause_seconds = min(pause_seconds + LONGER_BY_SECONDS, LONGEST_PAUSE_SECONDS)
