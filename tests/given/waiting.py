"""Waiting for something to become true, and no longer than that."""

import time
from collections.abc import Callable
from typing import Final

GIVE_UP_SECONDS: Final = 20.0
LOOK_EVERY_SECONDS: Final = 0.002


def wait_until(holds: Callable[[], object]) -> None:
    """Return as soon as it holds; fail where it never does."""
    give_up_at = time.monotonic() + GIVE_UP_SECONDS
    while not holds():
        assert time.monotonic() < give_up_at, "it never came to hold"
        time.sleep(LOOK_EVERY_SECONDS)
