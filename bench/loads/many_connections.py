"""Load over several connections, as many to each worker, since a connection has one worker.

The kernel chooses a connection's worker. So connections are opened until each worker has enough,
and those beyond are closed: else the luck of a run would be measured.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeVar

from loads.http2_load import Call, Connection, Run, VoidRunError
from loads.servers import Server

TRIES: Final = 200
# The columns of /proc/net/tcp6 and /proc/net/tcp.
_LOCAL, _REMOTE, _INODE = 1, 2, 9

_Sent = TypeVar("_Sent")


class Connections:
    """Several connections that share the calls of a run, each with a thread of its own."""

    def __init__(self, connections: Sequence[Connection]) -> None:
        self._connections = connections
        self._threads = ThreadPoolExecutor(len(connections))

    def run(self, chains: Sequence[Sequence[Call]], in_flight: int) -> Run:
        """Send every chain, `in_flight` at a time in all; raise VoidRunError like `Connection`."""
        each = in_flight // len(self._connections)
        return self._shared(chains, lambda connection, some: connection.run(some, each))

    def run_on_schedule(self, calls: Sequence[Call], per_second: float) -> Run:
        """Send calls as they are due, so many a second in all; likewise."""
        each = per_second / len(self._connections)
        return self._shared(calls, lambda connection, some: connection.run_on_schedule(some, each))

    def _shared(
        self, what: Sequence[_Sent], send: Callable[[Connection, Sequence[_Sent]], Run]
    ) -> Run:
        number = len(self._connections)
        busy, start = time.process_time(), time.perf_counter()
        runs = list(
            self._threads.map(
                lambda of: send(self._connections[of], what[of::number]), range(number)
            )
        )
        whole = Run(time.perf_counter() - start, time.process_time() - busy)
        for run in runs:
            whole.latencies += run.latencies
            whole.messages += run.messages
        return whole

    def close(self) -> None:
        """Close them."""
        self._threads.shutdown()
        for connection in self._connections:
            connection.close()


@contextmanager
def evenly_connected(server: Server, workers: int, connections: int) -> Iterator[Server]:
    """Give a server so many connections, as many to each of its workers."""
    each = connections // workers
    pids = _children(server.pid) if workers > 1 else [server.pid]
    if len(pids) != workers:
        message = f"{len(pids)} workers instead of {workers}"
        raise VoidRunError(message)
    kept: dict[int, list[Connection]] = {pid: [] for pid in pids}
    for _ in range(TRIES):
        connection = Connection(server.target)
        some = kept[_owner(connection, pids)]
        if len(some) < each:
            some.append(connection)
        else:
            connection.close()
        if all(len(some) == each for some in kept.values()):
            break
    else:
        message = "the kernel gives no connections to one of the workers"
        raise VoidRunError(message)
    shared = Connections([connection for some in kept.values() for connection in some])
    try:
        yield replace(server, connection=shared)
    finally:
        shared.close()


def _children(pid: int) -> list[int]:
    text = "".join(
        (task / "children").read_text("ascii") for task in Path(f"/proc/{pid}/task").iterdir()
    )
    return [int(child) for child in text.split()]


def _owner(connection: Connection, pids: Sequence[int]) -> int:
    """Return the process that has accepted a connection."""
    ours, theirs = (f":{port:04X}" for port in connection.ports)
    for name in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{name}").read_text("ascii").splitlines()[1:]:
            columns = line.split()
            if columns[_LOCAL].endswith(theirs) and columns[_REMOTE].endswith(ours):
                socket = f"socket:[{columns[_INODE]}]"
                for pid in pids:
                    if any(_names(file) == socket for file in Path(f"/proc/{pid}/fd").iterdir()):
                        return pid
    message = "nobody has accepted a connection"
    raise VoidRunError(message)


def _names(file: Path) -> str:
    try:
        return str(file.readlink())
    except OSError:  # It was closed meanwhile.
        return ""
