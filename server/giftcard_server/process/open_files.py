"""Which processes have a file open, where the system tells: a database in use is not replaced."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

_PROCESSES: Final = Path("/proc")


def processes_with(path: Path) -> list[int]:
    """Return the ids of other processes that have a file open, those that this user may look at.

    Nothing where the system has no /proc.
    """
    wanted = path.resolve()
    found = []
    for process in _PROCESSES.glob("[0-9]*"):
        if int(process.name) == os.getpid():
            continue
        try:
            opened = [each.readlink() for each in (process / "fd").iterdir()]
        except OSError:  # It has ended meanwhile, or belongs to another user.
            continue
        if wanted in opened:
            found.append(int(process.name))
    return sorted(found)
