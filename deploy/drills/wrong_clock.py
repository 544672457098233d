#!/usr/bin/env python3
"""Drill: the clock of a server goes wrong, while it runs and before it starts.

deploy/drills/wrong_clock.py     # needs Debian's package `faketime`
"""

from datetime import timedelta

from practice import DrillFailedError, Practice, rehearse
from practice_clock import LIBRARIES, MISSING, FakeTime

NOT_DECIDED = 5
RIGHT, FAR_AHEAD, AHEAD = timedelta(), timedelta(days=200), timedelta(days=5)


def drill(practice: Practice) -> str:
    """Let a clock jump, see that nothing is decided, and book back what it had booked before."""
    if not LIBRARIES:
        raise DrillFailedError(MISSING)
    clock = FakeTime(practice.folder)
    settings = {**clock.environment, "GIFTCARD_HOUSEKEEPING_SECONDS": "1"}
    practice.step("Serve, sell a card, and hold it for an order.")
    practice.make_ring()
    server = practice.serve(settings=settings)
    card, other = practice.sold(), practice.sold()
    held = practice.held(card)
    practice.step("The clock of the machine jumps 200 days ahead while the server runs.")
    clock.shift(FAR_AHEAD)
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
    clock.shift(RIGHT)
    practice.wait("/readyz is 200", lambda: practice.is_ready(server))
    for event in ("clock is wrong", "clock is right again"):
        practice.see(f"the log says {event!r}", holds=bool(server.logged(event)))
    practice.step("Now the server starts with a clock 5 days ahead, which nothing contradicts.")
    server.stop()
    clock.shift(AHEAD)
    server = practice.serve(settings=settings, in_place_of=server)
    practice.wait("the hold lapsed by that clock", lambda: _has_lapsed(practice, held))
    practice.step("Restart with the right clock: it contradicts the newest mark in the database.")
    server.stop()
    clock.shift(RIGHT)
    server = practice.serve(settings=settings, in_place_of=server)
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
