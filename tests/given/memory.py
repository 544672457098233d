"""Temporary files of tests in memory, as most tests wait longer for a disk than they compute.

Nothing is tested less by it: what a killed process has written stays in memory as it would on the
way to a disk, and no test can cut the power.
"""

import os
import tempfile
from pathlib import Path
from typing import Final

SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - it is not a folder for a file of ours
# Several times what a run leaves there.
ROOM_BYTES: Final = 3 << 30


def keep_temporary_files() -> None:
    """Have them kept in memory, unless TMPDIR says where, or there is little of it."""
    if "TMPDIR" not in os.environ and _has_room() and _lets_programs_run():
        os.environ["TMPDIR"] = str(SHARED_MEMORY)
        tempfile.tempdir = None  # It is looked up again.


def _has_room() -> bool:
    if not SHARED_MEMORY.is_dir():
        return False
    folder = os.statvfs(SHARED_MEMORY)
    (available,) = (
        int(line.split()[1]) << 10
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        if line.startswith("MemAvailable:")
    )
    return min(folder.f_bavail * folder.f_frsize, available) > ROOM_BYTES


def _lets_programs_run() -> bool:
    """Return whether other users, PostgreSQL's too, may have folders and programs there."""
    is_open = SHARED_MEMORY.stat().st_mode & 0o1777 == 0o1777
    return is_open and not os.statvfs(SHARED_MEMORY).f_flag & os.ST_NOEXEC
