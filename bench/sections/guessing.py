"""The throughput of honest checkouts while others guess at codes with many attempt keys."""

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
ALONE: Final = "Authorize, no guesses"
# Numbers of guesses in flight.
GUESSERS: Final = (32, 128)
BENCH: Final = Path(__file__).parents[1]
# Half of them are mistyped; the other half is slightly more than trips the breaker.
TRIPPED_BY: Final = 2200
UNDER_WAY_SECONDS: Final = 0.5
# Makes a run take seconds, so that a pause of any process has little weight.
RUNS: Final = 2


def name_of(in_flight: int) -> str:
    """Return the name of the case while this many guesses are in flight."""
    return f"Authorize, {in_flight} guess"


def measure(world: World, plan: Plan, results: Results) -> None:
    """Authorize with right codes while no, few and many guesses are in flight, in turn."""
    for database in DATABASES:
        with world.place(database) as place, serving(place) as server:
            with ExitStack() as stack:
                # The breaker is tripped from here on, for longer than the measurement takes.
                guessers = [stack.enter_context(Guesser(server.target, n)) for n in GUESSERS]
                for round_ in range(plan.rounds + 1):
                    samples = {ALONE: _authorize(server, plan)}
                    for guesser in guessers:
                        with guesser.guessing():
                            samples[guesser.name] = _authorize(server, plan)
                    if round_:  # The first round warms up.
                        for name, sample in samples.items():
                            results.add(Case(SECTION, name, database, BUSY), sample)
            place.audit()


def _authorize(server: Server, plan: Plan) -> Sample:
    issue_ids = [new_id() for _ in range(RUNS * plan.batched)]
    server.run([[issue(each)] for each in issue_ids], BUSY)
    chains = [[authorize(new_id(), code_of(server.key, each))] for each in issue_ids]
    return Sample.of_run(server.run(chains, BUSY))


class Guesser:
    """A process that guesses on demand."""

    def __init__(self, target: str, in_flight: int) -> None:
        self.name = name_of(in_flight)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "loads.guesser", target, str(in_flight)],
            cwd=BENCH,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        """Guess until the breaker is tripped, then pause."""
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
        """End the process."""
        self._process.kill()
        self._process.communicate()

    @contextmanager
    def guessing(self) -> Iterator[None]:
        """Guess while the block runs."""
        self._process.send_signal(signal.SIGCONT)
        time.sleep(UNDER_WAY_SECONDS)
        yield
        self._process.send_signal(signal.SIGSTOP)
