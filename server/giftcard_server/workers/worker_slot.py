"""The place of one worker: its process, and the next one when that ends."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

# What a worker says on its standard output when it is; or else why it must not start.
READY: Final = b"ready"
OUTPUT_BYTES: Final = 4096
# Who was ready for so long has not died of its start, and is replaced at once. Others wait, each
# time for twice as long: what they died of may pass, and their starts shall not take the
# processors from those who work.
STEADY_SECONDS: Final = 10.0
FIRST_PAUSE_SECONDS: Final = 0.25
LONGEST_PAUSE_SECONDS: Final = 8.0


class WorkerSlot:
    """Runs one worker at a time under one number."""

    def __init__(self, number: int, environment: Mapping[str, str]) -> None:
        self.number = number
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self._ready_at = 0.0
        # How long it waits for its next process, and when that is due; None while there is
        # one, and before the first.
        self.pause_seconds = 0.0
        self.due_at: float | None = None
        self.is_ready = False
        # Why the last one refused to start, if it did.
        self.refusal = ""

    @property
    def is_running(self) -> bool:
        """Whether there is a process, ready or not."""
        return self._process is not None

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self._running().pid

    def fileno(self) -> int:
        """Return what can be waited for: the worker says that it is ready, or ends."""
        stdout = self._running().stdout
        assert stdout is not None, "it was started with a pipe"
        return stdout.fileno()

    def start(self) -> None:
        """Start a process. Raises OSError where the machine has none left; it is due again then."""
        try:
            self._process = subprocess.Popen(  # noqa: S603 - this very program
                # Not with the working directory among what can be imported.
                [sys.executable, "-P", "-m", "giftcard_server.workers.worker", str(self.number)],
                env=self._environment,
                # It ends for the worker when we do, whatever we die of: we hold the only
                # other end, and never write.
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        except OSError:
            self._pause()
            raise
        self.due_at, self.refusal = None, ""

    def hear(self) -> int | None:
        """Take in what the worker said; where it has ended, return its exit code."""
        output = os.read(self.fileno(), OUTPUT_BYTES)
        if output == READY:
            self.is_ready, self._ready_at = True, time.monotonic()
        elif output:
            self.refusal += output.decode(errors="replace")
        if output:
            return None
        with self._running() as process:  # Closes the pipes, and waits: nobody is left a zombie.
            pass
        self._pause()
        return process.returncode

    def tell_to_drain(self) -> None:
        """Send SIGTERM."""
        self._running().terminate()

    def kill(self) -> None:
        """Send SIGKILL."""
        self._running().kill()

    def _pause(self) -> None:
        """Decide when the next process is due."""
        now = time.monotonic()
        was_steady = self.is_ready and now - self._ready_at >= STEADY_SECONDS
        self.pause_seconds = (
            0.0
            if was_steady
            else min(max(FIRST_PAUSE_SECONDS, 2 * self.pause_seconds), LONGEST_PAUSE_SECONDS)
        )
        self._process, self.is_ready, self.due_at = None, False, now + self.pause_seconds

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "there is no process"
        return self._process
