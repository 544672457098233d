"""This version against another one, in one run: do the same calls cost what they cost before?

    git worktree add /tmp/before COMMIT && make -C /tmp/before .venv/.everything
    .venv/bin/python bench/versions.py /tmp/before/.venv/bin/giftcard

Both servers run all the time, each on a database of its own, and take turns round by round, so
that a machine whose speed drifts treats them alike. Processor time is the server's own, by the
kernel; other programs disturb it less than they disturb the rate.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Final

sys.path.append(str(Path(__file__).parent.parent / "tests"))  # Its `given` starts PostgreSQL.

from loads.servers import GIFTCARD, Server, World, serving
from plans import BUSY
from results import DATABASES
from sections.calls import PATIENT, life

TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")
# Each version brings its own tables.
SETTINGS: Final = {**PATIENT, "GIFTCARD_MIGRATE_ON_START": "true"}
SHOWN: Final = ("Validate", "Authorize", "Authorize + Capture", "Issue", "Reverse")


def processor_seconds(server: Server) -> float:
    """Return the processor time that a server has used, user and system."""
    fields = Path(f"/proc/{server.pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def main() -> None:
    """Measure both versions in turns, and print this one's figures as ratios of the other's."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("other", type=Path, help="the command `giftcard` of the other version")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--cards", type=int, default=600, help="calls of each kind in a round")
    arguments = parser.parse_args()
    with World() as world:
        for database in DATABASES:
            _compare(world, database, arguments.other, arguments.rounds, arguments.cards)


def _compare(world: World, database: str, other: Path, rounds: int, cards: int) -> None:
    rates: dict[str, list[float]] = {name: [] for name in SHOWN}
    costs: list[float] = []
    with ExitStack() as stack:
        places = [stack.enter_context(world.place(database, migrated=False)) for _ in range(2)]
        commands = (GIFTCARD, other)
        servers = [
            stack.enter_context(serving(place, command, **SETTINGS))
            for place, command in zip(places, commands, strict=True)
        ]
        for round_ in range(rounds + 1):
            order = servers if round_ % 2 else servers[::-1]
            before = {server.pid: processor_seconds(server) for server in servers}
            runs = {server.pid: life(server, cards, BUSY) for server in order}
            used = [processor_seconds(server) - before[server.pid] for server in servers]
            if not round_:  # The first round warms up.
                continue
            costs.append(used[0] / used[1])
            this, that = (runs[server.pid] for server in servers)
            for name in SHOWN:
                rates[name].append(that[name].seconds / this[name].seconds)
        places[0].audit()  # The other version's books are for its own audit.
    print(f"{database}: this version / the other, median of {rounds} rounds (lowest-highest)")
    for name, ratios in rates.items():
        print(f"  rate of {name:22} {_spread(ratios)}")
    print(f"  processor time of all calls    {_spread(costs)}", flush=True)


def _spread(ratios: list[float]) -> str:
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"


if __name__ == "__main__":
    main()
