"""No core dumps, since the memory of a server holds the key ring, codes and people."""

from __future__ import annotations

import ctypes
import os
import resource
import sys
from typing import Final

import structlog

log = structlog.get_logger(__name__)

_PR_SET_DUMPABLE: Final = 4


def forbid() -> None:
    """Let this process, and those that it starts, leave no core dump.

    On Linux no other process of the same user can read the memory of this one from then on, nor
    attach a debugger to it; a process that it starts has to ask for that itself.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # A limit of 0 does not stop a dump into a pipe (`core_pattern`), as systemd and apport ask for.
    if sys.platform == "linux" and _prctl(_PR_SET_DUMPABLE, 0):
        log.warning("core dumps could not be forbidden", error=os.strerror(ctypes.get_errno()))


def _prctl(option: int, value: int) -> int:
    result: int = ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)
    return result
