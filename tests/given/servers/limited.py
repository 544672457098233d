"""A server that runs as another user, under limits that do not bind root, or in a control group."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

SERVER: Final = (sys.executable, "-m", "giftcard_server")
# Of nobody else, so that only the processes of a test count; different in each test process.
USER: Final = 61_000 + os.getpid() % 4_000
# Reads our files wherever they are, and lifts no limit.
_BECOME: Final = (
    "setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups",
    "--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search",
)  # fmt: skip
_GROUPS: Final = Path("/sys/fs/cgroup")

needs_another_user = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("setpriv") or not shutil.which("prlimit"),
    reason="a limit on processes binds no root, and only root may become another user (setpriv)",
)


def as_another_user(*command: str, processes: int) -> Sequence[str]:
    """Return a command that runs as another user, who may have so many processes and threads."""
    return "prlimit", f"--nproc={processes}", *_BECOME, *command


def allow_processes(pid: int, processes: int) -> None:
    """Change how many processes and threads the user of a running process may have."""
    limiting = (*_BECOME, "prlimit", f"--pid={pid}", f"--nproc={processes}")
    subprocess.run(limiting, check=True)


def threads_of(pid: int) -> int:
    """Count the threads of a process."""
    return sum(1 for _ in Path(f"/proc/{pid}/task").iterdir())


@contextmanager
def folder_of_another_user() -> Iterator[Path]:
    """Make a folder that the other user owns; pytest's own are closed to others."""
    with tempfile.TemporaryDirectory(prefix="giftcard-limited-") as name:
        os.chown(name, USER, USER)
        yield Path(name)


@contextmanager
def group_of_processes(most: int) -> Iterator[Path]:
    """Make a control group for so many processes and threads; skip where that is not allowed."""
    version_1 = (_GROUPS / "pids").is_dir()
    group = (_GROUPS / "pids" if version_1 else _GROUPS) / f"giftcard-test-{os.getpid()}"
    try:
        group.mkdir()
        (group / "pids.max").write_text(str(most), encoding="ascii")
    except OSError as error:
        if group.is_dir():
            group.rmdir()
        pytest.skip(f"no control group can be made here: {error}")
    try:
        yield group
    finally:
        group.rmdir()


def in_group(group: Path, *command: str) -> Sequence[str]:
    """Return a command that runs in a control group."""
    return "sh", "-c", f'echo $$ > {group}/cgroup.procs && exec "$@"', "sh", *command
