"""A long run at a third of the capacity: memory, sizes of files, and latencies over time.

It is run on request alone: `make bench BENCH_FLAGS="--soak 60"`, minutes for each database.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from loads.messages import authorize, code_of, issue, new_id
from loads.servers import Server, World, serving
from plans import BUSY
from results import DATABASES, POSTGRESQL, Results, Sample

SHARE: Final = 3  # Of the capacity, its inverse.
WARM_UP_CALLS: Final = 1000
LINES: Final = 20  # Of the table, each about a part of the run.
SIZE: Final = "SELECT pg_database_size(%s)"


def soak(world: World, minutes: float, results: Results) -> None:
    """Issue cards and authorize them on each database, for so long; print a line now and then."""
    for database in DATABASES:
        with world.place(database) as place, serving(place) as server:
            issued, capacity = _warmed_up(server)
            seconds = minutes * 60 / LINES
            calls = max(1, int(capacity / SHARE * seconds / 2))
            began = time.monotonic()
            for line in range(1, LINES + 1):
                issued, sample = _part(server, issued, calls, capacity / SHARE)
                found = (
                    f"{sample.rate:.0f} answers/s, p50 {sample.p50 * 1000:.1f} ms, p99"
                    f" {sample.p99 * 1000:.1f} ms, p99.9 {sample.p999 * 1000:.1f} ms, memory"
                    f" {server.memory('VmRSS')}, database {_size(world, server) >> 20} MiB"
                )
                at = f"{(time.monotonic() - began) / 60:.1f} minutes, {line} of {LINES}"
                print(f"\n  {database}, {at}: {found}", end="", flush=True)
                results.once[f"soak, {database}, {at}"] = found
            place.audit()
    print(flush=True)


def _warmed_up(server: Server) -> tuple[list[str], float]:
    """Return cards to begin with, and how many calls a second the server can answer."""
    issued = [new_id() for _ in range(WARM_UP_CALLS)]
    server.run([[issue(each)] for each in issued], BUSY)
    holds = [[authorize(new_id(), code_of(server.key, each))] for each in issued]
    return [], Sample.of_run(server.run(holds, BUSY)).rate


def _part(
    server: Server, issued: list[str], calls: int, per_second: float
) -> tuple[list[str], Sample]:
    """Issue cards, and authorize those of the part before, in turn."""
    new = [new_id() for _ in range(calls)]
    due = []
    for place, each in enumerate(new):
        due.append(issue(each))
        if place < len(issued):
            due.append(authorize(new_id(), code_of(server.key, issued[place])))
    return new, Sample.of_run(server.run_on_schedule(due, per_second))


def _size(world: World, server: Server) -> int:
    """Return the bytes of a database, with its log where that is a file of its own."""
    url = server.place.url
    if server.place.database == POSTGRESQL:
        ((size,),) = world.postgresql.run(SIZE, url.rpartition("/")[2])
        return int(size)
    path = Path(url.removeprefix("sqlite:///"))
    return sum(file.stat().st_size for file in path.parent.glob(f"{path.name}*"))
