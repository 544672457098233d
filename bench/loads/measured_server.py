"""A server that measures where its processor time goes, and writes it down on SIGUSR1.

    python -m loads.measured_server FILE

It is `giftcard serve` with a clock around some of its functions. The clock is that of the thread's
processor time, so that waiting for a lock, a disk or the interpreter costs nothing. Reading it
costs about a microsecond for each function that is called.
"""

from __future__ import annotations

import functools
import json
import os
import signal
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from playhouse.cysqlite_ext import CySqliteDatabase

from giftcard_server.commands.serve import serve
from giftcard_server.deciding import batching, committer
from giftcard_server.edge.parking import inner_grpc, parked_calls
from giftcard_storage.engines import POSTGRESQL, SQLITE
from giftcard_storage.engines.postgresql_connection import BoundedDatabase
from giftcard_storage.store import Store

RECEIVING: Final = "rpc: admit a call, receive its message"
READING: Final = "read: parse, check, fingerprint"
BATCHING: Final = "batch: gather, retry, count"
BEGINNING: Final = "storage: begin, take the lock"
LOADING: Final = "storage: load the facts"
DECIDING: Final = "rules: decide, digest, encode the answer"
SAVING: Final = "storage: seal people, make rows, save"
COMMITTING: Final = "storage: commit"
ANSWERING: Final = "answer: go on with the call, count"
SENDING: Final = "rpc: send the answer"
SERVING: Final = "rpc: grpcio's serving thread"
POOL: Final = "threads: take turns, wake and wait"
CORE: Final = "rpc: threads of gRPC's core"
REST: Final = "everything else: other tasks of the server"
GROUPS: Final = (
    CORE, SERVING, RECEIVING, POOL, READING, BATCHING, BEGINNING, LOADING, DECIDING,
    SAVING, COMMITTING, ANSWERING, SENDING, REST,
)  # fmt: skip

TICK: Final = 1 / os.sysconf("SC_CLK_TCK")


class Clocks:
    """Processor seconds by group, without those of other groups that a function calls."""

    def __init__(self) -> None:
        # One table for each thread, so that adding to it needs no lock.
        self._tables: dict[int, dict[str, float]] = {}
        self._inside = threading.local()

    def around(self, owner: Any, name: str, group: str) -> None:  # noqa: ANN401 - a class or a module
        """Measure a function, by its owner and its name."""
        function: Callable[..., Any] = getattr(owner, name)

        @functools.wraps(function)
        def measured(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever it takes
            inside = self._inside
            outer = getattr(inside, "nested", 0.0)
            inside.nested = 0.0
            began = time.thread_time()
            try:
                return function(*arguments, **named)
            finally:
                used = time.thread_time() - began
                table = self._tables.setdefault(threading.get_native_id(), defaultdict(float))
                table[group] += used - inside.nested
                inside.nested = outer + used

        setattr(owner, name, measured)

    def of_threads(self) -> dict[int, dict[str, float]]:
        """Return the seconds of each group, by the ids of threads."""
        return {thread: dict(table) for thread, table in self._tables.items()}


def measure(clocks: Clocks) -> None:
    """Put clocks around the functions that answer an Authorize."""
    call: Any = parked_calls._ParkedCall  # noqa: SLF001 - what is inside is measured
    batch: Any = committer._Batch  # noqa: SLF001 - likewise
    measured: tuple[tuple[Any, str, str], ...] = (
        (call, "begin", RECEIVING),
        (call, "_arrived", RECEIVING),
        (call, "_answer", READING),
        (batching.Batcher, "_lead", BATCHING),  # Not `_lead_on`, which leads for the whole run.
        (Store, "load", LOADING),
        (batch, "answer", DECIDING),
        (Store, "save", SAVING),
        (batching, "go_on_with", ANSWERING),
        (call, "_done", ANSWERING),
        (inner_grpc, "send", SENDING),
    )
    for owner, name, group in measured:
        clocks.around(owner, name, group)
    for engine in (POSTGRESQL, SQLITE):
        clocks.around(type(engine), "begin_writing", BEGINNING)
    for database in (BoundedDatabase, CySqliteDatabase):
        clocks.around(database, "commit", COMMITTING)


def threads() -> dict[int, float]:
    """Return the processor seconds of each thread, by its id."""
    found = {}
    for task in Path("/proc/self/task").iterdir():
        found[int(task.name)] = int((task / "schedstat").read_text("ascii").split()[0]) / 1e9
    return found


def switches() -> int:
    """Return how often a thread gave way, because it had to wait or because its time was over."""
    found = 0
    for task in Path("/proc/self/task").iterdir():
        lines = (task / "status").read_text("ascii").splitlines()
        found += sum(int(line.split()[1]) for line in lines if "ctxt_switches" in line)
    return found


def figures(clocks: Clocks) -> dict[str, float]:
    """Return the seconds of each group, which add up to those of the process, and its switches."""
    by_group = dict.fromkeys(GROUPS, 0.0)
    names = {thread.native_id: thread.name for thread in threading.enumerate()}
    measured = clocks.of_threads()
    for thread, seconds in threads().items():
        inside = measured.get(thread, {})
        for group, used in inside.items():
            by_group[group] += used
        by_group[_outside(names.get(thread))] += seconds - sum(inside.values())
    kernel = os.times().system
    return {**by_group, "kernel": kernel, "switches": switches()}


def _outside(name: str | None) -> str:
    """Return the group of what a thread does outside of all measured functions."""
    if name is None:
        return CORE
    if name.endswith("(_serve)"):
        return SERVING
    return POOL if name.startswith("call") else REST


def main(file: Path) -> None:
    """Serve, and write the figures so far to a file whenever SIGUSR1 comes."""
    clocks = Clocks()
    measure(clocks)

    def write(*_: object) -> None:
        unfinished = file.with_suffix(".unfinished")
        unfinished.write_text(json.dumps(figures(clocks)), "utf-8")
        unfinished.rename(file)

    signal.signal(signal.SIGUSR1, write)
    serve(workers=None, new_database=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
