"""Forks a process for each program that `warm_python` is asked for, with everything imported."""

import gc
import importlib
import json
import os
import pkgutil
import runpy
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from select import select
from typing import Any, NamedTuple


class Begun(NamedTuple):
    """A program to run in this process, which was forked for it."""

    arguments: list[str]
    environment: dict[str, str]
    folder: str
    has_own_session: bool


def import_everything() -> None:
    """Import what our programs do. A thread would be missing after a fork, so there is none."""
    commands = importlib.import_module("giftcard_server.commands")
    within = [
        each.name for each in pkgutil.iter_modules(commands.__path__, "giftcard_server.commands.")
    ]
    for name in ("giftcard_server.service", "giftcard_client.cli.app", *within):
        importlib.import_module(name)
    gc.freeze()  # So that no process looks through all of it, and thereby copies it.
    (only,) = os.listdir("/proc/self/task")  # noqa: PTH208 - names are all that it needs
    assert int(only) == os.getpid()


def serve(asking: socket.socket) -> Begun | None:
    """Fork as asked; return what to run in a process that was forked, None in the end."""
    ended, tell = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
    running: dict[int, socket.socket] = {}
    while True:
        ready, _, _ = select([asking.fileno(), ended], [], [])
        if ended in ready:
            os.read(ended, 4096)
            _tell_who_has_ended(running)
        if asking.fileno() in ready:
            said, files, _, _ = socket.recv_fds(asking, 1 << 20, 4)
            if not said:
                return None
            begun = _fork(json.loads(said), files, running)
            if begun is not None:
                return begun


def _tell_who_has_ended(running: dict[int, socket.socket]) -> None:
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        with running.pop(pid) as telling, suppress(OSError):  # Perhaps nobody waits for it.
            telling.send(str(status).encode())


def _fork(request: Any, files: list[int], running: dict[int, socket.socket]) -> Begun | None:
    telling = socket.socket(fileno=files[-1])
    pid = os.fork()
    if pid:
        running[pid] = telling
        telling.send(str(pid).encode())
        for each in files[:-1]:
            os.close(each)
        return None
    for number, each in enumerate(files[:-1]):
        os.dup2(each, number)
    for other in (telling, *running.values()):
        other.detach()  # It is closed below.
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    return Begun(**request)


def become(begun: Begun) -> None:
    """Run a program as the interpreter does."""
    if begun.has_own_session:
        os.setsid()
    os.chdir(begun.folder)
    for name in os.environ.keys() - begun.environment.keys():
        del os.environ[name]
    os.environ.update(begun.environment)
    sys.stdin = sys.__stdin__ = open(0, encoding="utf-8", closefd=False)  # type: ignore[misc] # noqa: SIM115 - for good
    sys.stdout = sys.__stdout__ = open(1, "w", encoding="utf-8", closefd=False)  # type: ignore[misc] # noqa: SIM115 - likewise
    sys.stderr = sys.__stderr__ = open(  # type: ignore[misc] # noqa: SIM115 - likewise
        2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False
    )
    python, *arguments = begun.arguments
    if arguments[:1] == ["-m"]:
        sys.path[0] = begun.folder
        sys.argv = arguments[1:]
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    else:
        sys.path[0] = str(Path(python).parent)
        sys.argv = begun.arguments
        runpy.run_path(python, run_name="__main__")


if __name__ == "__main__":
    import_everything()
    to_run = serve(socket.socket(fileno=int(sys.argv[1])))
    if to_run is not None:
        become(to_run)
