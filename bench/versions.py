"""This version against another one, in one run: do the same calls cost what they cost before?

    git worktree add /tmp/before COMMIT && make -C /tmp/before .venv/.everything
    .venv/bin/python bench/versions.py /tmp/before/.venv/bin/giftcard

Both servers run all the time, each on a database of its own, and take turns round by round, so
that a machine whose speed drifts treats them alike. Processor time is the kernel's account of the
server and, on PostgreSQL, of its sessions there; other programs disturb it less than the rate.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

sys.path.append(str(Path(__file__).parent.parent / "tests"))  # Its `given` starts PostgreSQL.

from loads.http2_load import Call, Run
from loads.servers import GIFTCARD, Server, World, serving
from plans import BUSY
from results import DATABASES, POSTGRESQL
from sections.calls import PATIENT, life

# Each version brings its own tables.
SETTINGS: Final = {**PATIENT, "GIFTCARD_MIGRATE_ON_START": "true"}
# What a call leaves to be done, such as positions for its events, is done after so long.
AFTERMATH_SECONDS: Final = 0.15
SESSIONS: Final = "SELECT pid FROM pg_stat_activity WHERE datname = %s"
SHOWN: Final = ("Validate", "Authorize", "Authorize + Capture", "Issue", "Reverse")


def processor_seconds(pid: int) -> float:
    """Return the processor time that the threads of a process have used, user and system."""
    nanoseconds = 0
    for task in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with suppress(OSError):  # The thread has ended.
            nanoseconds += int(task.read_text("ascii").split()[0])
    return nanoseconds / 1e9


@dataclass(frozen=True)
class Metered(Server):
    """A server that notes the processor time of each run, its own and that of its sessions."""

    sessions: Callable[[], list[int]]
    own: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)

    def run(
        self,
        chains: Sequence[Sequence[Call]],
        in_flight: int,
        is_success: Callable[[bytes], bool] | None = None,
    ) -> Run:
        """Load the server as ever."""
        sessions = self.sessions()
        own, others = processor_seconds(self.pid), sum(map(processor_seconds, sessions))
        run = super().run(chains, in_flight, is_success)
        time.sleep(AFTERMATH_SECONDS)
        self.own.append(processor_seconds(self.pid) - own)
        others = sum(map(processor_seconds, sessions)) - others
        self.whole.append(self.own[-1] + others)
        return run


def metered(world: World, server: Server) -> Metered:
    """Return a server as one that notes its processor time."""

    def sessions() -> list[int]:
        if server.place.database != POSTGRESQL:
            return []
        name = server.place.url.rpartition("/")[2]
        return [pid for (pid,) in world.postgresql.run(SESSIONS, name)]

    http = server.http
    return Metered(
        server.place, server.key, server.target, server.connection, server.pid, http, sessions
    )


def main() -> None:
    """Measure both versions in turns, and print this one's figures as ratios of the other's."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("other", type=Path, help="the command `giftcard` of the other version")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--only", choices=DATABASES, action="append", help="this database alone")
    parser.add_argument("--cards", type=int, default=600, help="calls of each kind in a round")
    arguments = parser.parse_args()
    with World() as world:
        for database in arguments.only or DATABASES:
            _compare(world, database, arguments.other, arguments.rounds, arguments.cards)


def _compare(world: World, database: str, other: Path, rounds: int, cards: int) -> None:
    rates, own, whole = ({name: list[float]() for name in SHOWN} for _ in range(3))
    with ExitStack() as stack:
        places = [stack.enter_context(world.place(database, migrated=False)) for _ in range(2)]
        servers = [
            metered(world, stack.enter_context(serving(place, command, **SETTINGS)))
            for place, command in zip(places, (GIFTCARD, other), strict=True)
        ]
        for round_ in range(rounds + 1):
            for server in servers:
                server.own.clear()
                server.whole.clear()
            order = servers if round_ % 2 else servers[::-1]
            runs = {server.pid: life(server, cards, BUSY) for server in order}
            if not round_:  # The first round warms up.
                continue
            this, that = (runs[server.pid] for server in servers)
            for place, name in enumerate(this):  # In the order in which they ran.
                if name in SHOWN:
                    rates[name].append(that[name].seconds / this[name].seconds)
                    own[name].append(servers[0].own[place] / servers[1].own[place])
                    whole[name].append(servers[0].whole[place] / servers[1].whole[place])
        places[0].audit()  # The other version's books are for its own audit.
    print(f"{database}: this version / the other, median of {rounds} rounds (lowest-highest)")
    for name in SHOWN:
        print(
            f"  {name:20} rate {_spread(rates[name])}, processor time {_spread(own[name])},"
            f" with the database's sessions {_spread(whole[name])}",
            flush=True,
        )


def _spread(ratios: list[float]) -> str:
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"


if __name__ == "__main__":
    main()
