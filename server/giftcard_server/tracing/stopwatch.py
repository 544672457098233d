"""How long each phase of a batch takes."""

from __future__ import annotations

import enum
import time
from typing import Final


class Phase(enum.StrEnum):
    """What a batch does, in turn. `BEGIN` waits for another writer, on the embedded database.

    `READ` is all that a batch of reads does.
    """

    BEGIN = "begin"
    LOAD = "load"
    DECIDE = "decide"
    SAVE = "save"
    COMMIT = "commit"
    READ = "read"


# The phases of a batch that writes.
WRITING: Final[tuple[Phase, ...]] = tuple(phase for phase in Phase if phase is not Phase.READ)


class Stopwatch:
    """The times at which the phases of one try of a batch ended, by `time.perf_counter`."""

    __slots__ = ("began", "ended")

    def __init__(self) -> None:
        self.began = time.perf_counter()
        self.ended: list[tuple[Phase, float]] = []

    def end(self, phase: Phase) -> None:
        """Note that a phase has ended; the next one begins."""
        self.ended.append((phase, time.perf_counter()))

    def laps(self) -> list[tuple[Phase, float, float]]:
        """Return each phase, when it began and when it ended."""
        begins = [self.began, *(at for _, at in self.ended)]
        return [(phase, begin, at) for begin, (phase, at) in zip(begins, self.ended, strict=False)]
