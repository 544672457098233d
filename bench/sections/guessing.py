"""What is left of honest checkouts' throughput while others guess at codes from many keys."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, Self

from loads.http2_load import VoidRunError
from loads.messages import authorize, code_of, issue, new_id
from loads.servers import Server, World, serving
from plans import BUSY, Plan
from results import DATABASES, Case, Results, Sample

SECTION = "guessing"
ALONE: Final = "Authorize, nobody guesses"
# How many guesses are in flight.
GUESSERS: Final = (32, 128)
BENCH: Final = Path(__file__).parents[1]
# Half of them are mistyped; the others are a few more than trip the breaker.
TRIPPED_BY: Final = 2200
UNDER_WAY_SECONDS: Final = 0.5
# A run takes seconds, so that a pause of any process weighs little.
RUNS: Final = 2


def name_of(in_flight: int) -> str:
    """Return what it is called while so many guesses are in flight."""
    return f"Authorize, {in_flight} guess"


def measure(world: World, plan: Plan, results: Results) -> None:
    """Authorize with right codes while nobody guesses, while few do, and while many do, in turn."""
    for database in DATABASES:
        with world.place(database) as place, serving(place) as server:
            with ExitStack() as stack:
                # The breaker is tripped from here on, and for longer than this takes.
                guessers = [stack.enter_context(Guesser(server.target, n)) for n in GUESSERS]
                for round_ in range(plan.rounds + 1):
                    found = {ALONE: _authorize(server, plan)}
                    for guesser in guessers:
                        with guesser.guessing():
                            found[guesser.name] = _authorize(server, plan)
                    if round_:  # The first one warms up.
                        for name, sample in found.items():
                            results.add(Case(SECTION, name, database, BUSY), sample)
            place.audit()


def _authorize(server: Server, plan: Plan) -> Sample:
    issue_ids = [new_id() for _ in range(RUNS * plan.batched)]
    server.run([[issue(each)] for each in issue_ids], BUSY)
    chains = [[authorize(new_id(), code_of(server.key, each))] for each in issue_ids]
    return Sample.of_run(server.run(chains, BUSY))


class Guesser:
    """A process that guesses when it is told to."""

    def __init__(self, target: str, in_flight: int) -> None:
        self.name = name_of(in_flight)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "loads.guesser", target, str(in_flight)],
            cwd=BENCH,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        """Let it guess until the breaker is tripped."""
        assert self._process.stdout is not None
        answered = 0
        while answered < TRIPPED_BY:
            line = self._process.stdout.readline()
            if not line:
                message = "the guesser ended"
                raise VoidRunError(message)
            answered = int(line)
        self._process.send_signal(signal.SIGSTOP)
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Let it be gone."""
        self._process.kill()
        self._process.communicate()

    @contextmanager
    def guessing(self) -> Iterator[None]:
        """Let it guess for as long as the block takes."""
        self._process.send_signal(signal.SIGCONT)
        time.sleep(UNDER_WAY_SECONDS)
        yield
        self._process.send_signal(signal.SIGSTOP)
