"""Whether a wall clock can be right, by the clocks that cannot be set and by marks at rest."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

# The fastest that NTP slews a clock. For clocks that are never set it is ample.
DRIFT: Final = 500e-6
# A server on an embedded database may have been stopped for so long, and a virtual machine frozen.
PAST_THE_MARK_SECONDS: Final = 7 * 86_400.0

# The clock of a database server, in sentences for people.
SERVERS_CLOCK: Final = "PostgreSQL's clock"

_BOOT: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Reading(NamedTuple):
    """Three clocks at one moment, in seconds.

    `wall` counts since 1970 and can be set. `monotonic` stands while the machine is suspended,
    `boot` does not.
    """

    wall: float
    monotonic: float
    boot: float


def read_clocks() -> Reading:
    """Read the clocks of this machine."""
    return Reading(time.time(), time.monotonic(), time.clock_gettime(_BOOT))


class Anchor(NamedTuple):
    """A time that is taken for right, and what the clocks said when it was.

    `name` is whose time it is, for people.
    """

    right: float
    monotonic: float
    boot: float
    name: str


def against_anchor(reading: Reading, anchor: Anchor, tolerance_seconds: float) -> str:
    """Return why the wall clock is wrong, counted on from an anchor; empty where it can be right.

    While the machine was suspended, the wall clock may have gone on or have stood still.
    """
    passed = reading.boot - anchor.boot
    awake = reading.monotonic - anchor.monotonic
    limit = tolerance_seconds + DRIFT * passed
    ahead = reading.wall - anchor.right - passed
    if ahead > limit:
        return f"the server's clock is {ahead:.0f} s ahead of {anchor.name}"
    behind = anchor.right + awake - reading.wall
    if behind > limit:
        return f"the server's clock is {behind:.0f} s behind {anchor.name}"
    return ""


def against_itself(server: float, boot: float, anchor: Anchor) -> str:
    """Return why a database server's clock is not believed; else empty.

    It may have been set together with the clock of this machine. A virtual machine that was frozen
    for so long looks the same.
    """
    past = server - anchor.right - (boot - anchor.boot)
    if past <= PAST_THE_MARK_SECONDS:
        return ""
    return (
        f"{SERVERS_CLOCK} is {past / 86_400:.0f} days past what has passed since it was last"
        " believed: correct it, or run `giftcard clock accept` if it is right"
    )


def against_newest_mark(wall: float, newest: float, tolerance_seconds: float) -> str:
    """Return why a wall clock is wrong that is behind the newest mark; else empty."""
    behind = newest - wall
    if behind <= tolerance_seconds:
        return ""
    return f"the server's clock is {behind:.0f} s behind the newest mark in the database"


def at_a_start(wall: float, newest: float | None) -> str:
    """Return why a wall clock is wrong that is far past the newest mark; else empty.

    For a server that starts and has no other clock to ask. A new database has no mark.
    """
    if newest is None or wall - newest <= PAST_THE_MARK_SECONDS:
        return ""
    days = (wall - newest) / 86_400
    return (
        f"the server's clock is {days:.0f} days past the newest mark in the database: correct it,"
        " or run `giftcard clock accept` if it is right"
    )


def seconds(instant: datetime | None) -> float | None:
    """Return an instant in seconds since 1970."""
    return None if instant is None else instant.timestamp()
