"""Programs of ours that begin with everything imported, which is most of what a start takes.

A process of each pytest worker imports it once, and forks for each program. What is forked runs the
same entry point, in its own session and environment, and ends like any program (ADR 136).
"""

import atexit
import inspect
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

FORKING: Final = Path(__file__).with_name("warm_fork.py")
# Nobody reads them while something is imported. Any other variable may change what is imported.
READ_LATER: Final = ("GIFTCARD_", "COLUMNS", "PYTEST_")
_PARAMETERS: Final = list(inspect.signature(subprocess.Popen._execute_child).parameters)[1:]  # type: ignore[attr-defined] # It has, in each Python that we test with.


def users_environment() -> dict[str, str]:
    """Return the environment of a user who has made no setting yet."""
    return {
        name: value
        for name, value in os.environ.items()
        # Machines that run tests often forbid bytecode. Then every process compiles all
        # that it imports, which takes most of the time of its start.
        if not name.startswith("GIFTCARD_") and name != "PYTHONDONTWRITEBYTECODE"
    }


def start(
    command: Sequence[str | Path], environment: Mapping[str, str], **how: Any
) -> subprocess.Popen[str]:
    """Start a Python program, warm if its environment is that of a user and settings of ours."""
    is_warm = _read_early(environment) == _read_early(users_environment())
    make = WarmProcess if is_warm else subprocess.Popen
    return make(list(command), env=dict(environment), text=True, **how)


def run(
    command: Sequence[str | Path],
    environment: Mapping[str, str],
    *,
    stdin: str,
    timeout_seconds: float,
) -> subprocess.CompletedProcess[str]:
    """Run a Python program to its end, likewise."""
    pipe = subprocess.PIPE
    with start(command, environment, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        try:
            stdout, stderr = process.communicate(stdin, timeout=timeout_seconds)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


class WarmProcess(subprocess.Popen[str]):
    """A process that another one has forked for us, and whose end that one tells.

    Its command begins with this Python and `-m`, or is a script of it.
    """

    def _execute_child(self, *arguments: Any) -> None:
        named = dict(zip(_PARAMETERS, arguments, strict=True))
        request = {
            "arguments": [os.fspath(each) for each in named["args"]],
            "environment": named["env"],
            "folder": os.fspath(named["cwd"] or Path.cwd()),
            "has_own_session": named["start_new_session"],
        }
        ends = (named["p2cread"], named["c2pwrite"], named["errwrite"])
        files = [own if end == -1 else end for own, end in enumerate(ends)]
        self._told = _forking().fork(request, files)
        self.pid = int(self._told.recv(64))
        self._child_created = True
        pipes = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")
        self._close_pipe_fds(*(named[each] for each in pipes))  # type: ignore[attr-defined] # Likewise.

    def _try_wait(self, flags: int) -> tuple[int, int]:
        return self._status(self.pid, flags)

    def _internal_poll(self, _deadstate: Any = None, **_: Any) -> int | None:
        # Each Python hands its own function in that asks for the end of a child.
        lock: threading.Lock = self._waitpid_lock  # type: ignore[attr-defined] # Likewise.
        if self.returncode is None and lock.acquire(blocking=False):
            try:
                if self.returncode is None:
                    pid, status = self._status(self.pid, os.WNOHANG)
                    if pid:
                        self.returncode = os.waitstatus_to_exitcode(status)
            finally:
                lock.release()
        return self.returncode

    def _status(self, pid: int, flags: int) -> tuple[int, int]:
        """Return what `os.waitpid` would if it were our child."""
        self._told.setblocking(not flags & os.WNOHANG)
        try:
            status = int(self._told.recv(64))
        except BlockingIOError:
            return 0, 0
        self._told.close()
        return pid, status


class _Forking:
    """The process that forks. It ends with this one."""

    def __init__(self) -> None:
        self._asking, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, FORKING, str(theirs.fileno())],
                env=users_environment(),
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # Ctrl-C is for pytest, which then stops the servers.
            )
        atexit.register(self.close)

    def fork(self, request: Mapping[str, Any], files: Sequence[int]) -> socket.socket:
        """Have a process forked; what is returned tells its id, and in the end its status."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            said = json.dumps(request).encode()
            socket.send_fds(self._asking, [said], [*files, theirs.fileno()])
        return ours

    def close(self) -> None:
        self._asking.close()
        self._process.wait()


_made: list[_Forking] = []
_making: Final = threading.Lock()


def _forking() -> _Forking:
    with _making:
        if not _made:
            _made.append(_Forking())
    return _made[0]


def _read_early(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if not name.startswith(READ_LATER)}
