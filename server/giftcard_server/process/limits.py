"""Whether the limits of the system leave room for the threads that the settings ask for.

Linux limits threads as processes: by user (`RLIMIT_NPROC`) and by control group (`pids.max`, what
container engines set). `RLIMIT_AS` limits them by the address space of their stacks.
"""

from __future__ import annotations

import resource
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from giftcard_server.errors import StartRefusedError

# Beside the threads for calls: those of gRPC's core (about 16, more on many processors), of HTTP,
# of streams and health, and of the tasks that recur. A health check of a container is a process.
OTHER_THREADS: Final = 64
# What glibc takes where the stack is unlimited, and at most what Linux takes by default.
DEFAULT_STACK_BYTES: Final = 8 * 1024 * 1024
_MEBIBYTE: Final = 1024 * 1024
# CAP_SYS_ADMIN and CAP_SYS_RESOURCE lift the limit of a user, as being root does.
_LIFTING: Final = 1 << 21 | 1 << 24


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit: how much it allows, how much of that is taken, how much a thread takes."""

    name: str
    most: int
    used: int
    for_a_thread: int = 1
    unit: int = 1
    unit_name: str = ""

    def lacks(self, threads: int) -> bool:
        """Return whether so many more threads would exceed it."""
        return self.used + threads * self.for_a_thread > self.most

    def __str__(self) -> str:
        """Say it with its numbers."""
        most, used = (f"{each // self.unit}{self.unit_name}" for each in (self.most, self.used))
        needed = f"{self.for_a_thread // self.unit}{self.unit_name}"
        each = f", and each thread needs {needed}" if self.unit_name else ""
        return f"{self.name} allows {most}, of which {used} are in use{each}"


def require_room(for_calls: int, workers: int = 1) -> None:
    """Raise `StartRefusedError` where a limit leaves no room for the threads of all processes."""
    of_each = for_calls + OTHER_THREADS
    needed = of_each if workers == 1 else workers * of_each + OTHER_THREADS
    lacking = [
        str(limit) for limit in limits() if limit.lacks(of_each if limit.unit_name else needed)
    ]
    if lacking:
        beside = f" in each of {workers} workers" if workers > 1 else ""
        message = (
            f"{needed} threads are needed: {for_calls} for calls and {OTHER_THREADS}"
            f" more{beside}. But {'; '.join(lacking)}. Raise the limit, or lower rpc_threads"
            " (with waiting_limit and batch_limit)"
        )
        raise StartRefusedError(message)


def limits(proc: Path = Path("/proc"), groups: Path = Path("/sys/fs/cgroup")) -> list[Limit]:
    """Return the limits on threads that hold for this process; none where it is not Linux."""
    if not (proc / "self/status").exists():
        return []
    return [*_of_user(proc), *_of_groups(proc, groups), *_of_address_space(proc)]


def _of_user(proc: Path) -> Iterator[Limit]:
    most = resource.getrlimit(resource.RLIMIT_NPROC)[0]
    own = _status(proc / "self")
    user = own["Uid"].split()[0]
    if most == resource.RLIM_INFINITY or user == "0" or int(own["CapEff"], 16) & _LIFTING:
        return
    used = 0
    for process in proc.glob("[0-9]*"):
        status = _status(process)
        if status and status["Uid"].split()[0] == user:
            used += int(status["Threads"])
    yield Limit(f"RLIMIT_NPROC of user {user}", most, used)


def _of_groups(proc: Path, groups: Path) -> Iterator[Limit]:
    """Yield the limit of each control group that the process is in, from its own one up."""
    for line in (proc / "self/cgroup").read_text(encoding="utf-8").splitlines():
        _, controllers, inside = line.split(":", 2)
        if controllers and "pids" not in controllers.split(","):
            continue
        mounts = (groups / "pids",) if controllers else (groups, groups / "unified")
        for mount in mounts:
            folder = mount / inside.removeprefix("/")
            # In a container the path may be the host's, and what is mounted its own group.
            for each in (folder, *folder.parents) if folder.is_dir() else (mount,):
                most, used = _number(each / "pids.max"), _number(each / "pids.current")
                if most is not None and used is not None:
                    yield Limit(f"{each / 'pids.max'}", most, used)
                if each == mount:
                    break


def _of_address_space(proc: Path) -> Iterator[Limit]:
    most = resource.getrlimit(resource.RLIMIT_AS)[0]
    if most == resource.RLIM_INFINITY:
        return
    stack = threading.stack_size() or resource.getrlimit(resource.RLIMIT_STACK)[0]
    if stack == resource.RLIM_INFINITY:
        stack = DEFAULT_STACK_BYTES
    used = int(_status(proc / "self")["VmSize"].split()[0]) * 1024
    yield Limit("RLIMIT_AS", most, used, stack, _MEBIBYTE, " MiB")


def _status(process: Path) -> dict[str, str]:
    """Return what the kernel says of a process; nothing where it is gone."""
    try:
        lines = (process / "status").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _number(path: Path) -> int | None:
    """Return the number in a file; None where there is none, or it says `max`."""
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
