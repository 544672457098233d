#!/usr/bin/env python3
"""Drill: the clock of a server goes wrong, while it runs and before it starts.

deploy/drills/wrong_clock.py     # needs Debian's package `faketime`
"""

from datetime import timedelta
from pathlib import Path

from practice import DrillFailedError, Practice, rehearse

NOT_DECIDED = 5
RIGHT, FAR_AHEAD, AHEAD = timedelta(), timedelta(days=200), timedelta(days=5)


class Clock:
    """The wall clock of the servers of the drill, which is set while they run."""

    def __init__(self, practice: Practice) -> None:
        """Begin with the right time. Raises DrillFailedError without the package."""
        libraries = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
        if not libraries:
            message = "libfaketime is missing: apt-get install faketime"
            raise DrillFailedError(message)
        self._file = practice.folder / "clock"
        self.set(RIGHT)
        self.settings = {
            "LD_PRELOAD": str(libraries[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            # Else waits with a time limit last much longer.
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",
            "NO_FAKE_STAT": "1",
            # Threads start slowly under it.
            "GIFTCARD_RPC_THREADS": "64",
            "GIFTCARD_WAITING_LIMIT": "8",
            "GIFTCARD_BATCH_LIMIT": "8",
            "GIFTCARD_HOUSEKEEPING_SECONDS": "1",
        }

    def set(self, ahead: timedelta) -> None:
        """Set it ahead of the right time."""
        draft = self._file.with_suffix(".draft")
        draft.write_text(f"{ahead.total_seconds():+.0f}\n", encoding="ascii")
        draft.replace(self._file)


def drill(practice: Practice) -> str:
    """Let a clock jump, see that nothing is decided, and book back what it had booked before."""
    clock = Clock(practice)
    practice.step("Serve, sell a card, and hold it for an order.")
    practice.make_ring()
    server = practice.serve(settings=clock.settings)
    card, other = practice.sold(), practice.sold()
    held = practice.held(card)
    practice.step("The clock of the machine jumps 200 days ahead while the server runs.")
    clock.set(FAR_AHEAD)
    practice.wait("/readyz is 503", lambda: not practice.is_ready(server))
    practice.see_why(server)
    practice.see(
        "giftcard_clock_wrong is 1", holds=practice.metric(server, "giftcard_clock_wrong") == 1
    )
    practice.see(
        "a payment is not decided, so that it may be sent again",
        holds=practice.ends_with(*practice.paying(), typed=other.code) == NOT_DECIDED,
    )
    practice.step("Mend the time service. The server goes on by itself.")
    clock.set(RIGHT)
    practice.wait("/readyz is 200", lambda: practice.is_ready(server))
    for event in ("clock is wrong", "clock is right again"):
        practice.see(f"the log says {event!r}", holds=bool(server.logged(event)))
    practice.step("Now the server starts with a clock 5 days ahead, which nothing contradicts.")
    server.stop()
    clock.set(AHEAD)
    server = practice.serve(settings=clock.settings, in_place_of=server)
    practice.wait("the hold lapsed by that clock", lambda: _has_lapsed(practice, held))
    practice.step("Restart with the right clock: it contradicts the newest mark in the database.")
    server.stop()
    clock.set(RIGHT)
    server = practice.serve(settings=clock.settings, in_place_of=server)
    practice.wait("/readyz is 503", lambda: not practice.is_ready(server))
    practice.see_why(server)
    practice.step(
        "Compare `date -u` with another machine, and accept the clock, since it is right."
    )
    practice.run("date", "-u")
    practice.run("giftcard", "clock", "accept", "--yes")
    practice.wait("/readyz is 200", lambda: practice.is_ready(server))
    practice.step("Book back what the wrong clock has booked: first see what that would be.")
    practice.run("giftcard", "reinstate", "--dry-run")
    practice.run("giftcard", "reinstate")
    practice.answer("capture", held)
    practice.see("the hold is open again, and the order was paid with it")
    practice.audit()
    return "a wrong clock decided nothing where it could be known, and its lapse was booked back."


def _has_lapsed(practice: Practice, authorization_id: str) -> bool:
    return "LAPSED" in practice.quietly("authorization", authorization_id)


if __name__ == "__main__":
    rehearse(__doc__.partition("\n")[0], drill)
