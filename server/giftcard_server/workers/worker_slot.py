"""The place of one worker: its process, and the next process when that one ends."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

# A worker writes this to its standard output when it is ready, or else why it must not start. From
# then on it writes a line whenever that changes: why nothing can be written, or an empty one.
READY: Final = b"ready\n"
OUTPUT_BYTES: Final = 4096
# A worker that was ready for this long did not fail at its start, and is replaced at once. For
# others the pause doubles each time: the cause may pass, and their starts must not take the
# processors from workers that answer.
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
        # The pause before the next process, and when that is due: None while there is a process,
        # and before the first one.
        self.pause_seconds = 0.0
        self.due_at: float | None = None
        self.is_ready = False
        # Why the last process refused to start, if it did.
        self.refusal = ""
        # Why the process can write nothing, as far as it has said.
        self.why_not_writable = ""

    @property
    def is_running(self) -> bool:
        """Whether there is a process, ready or not."""
        return self._process is not None

    @property
    def pid(self) -> int:
        """The id of its process."""
        return self._running().pid

    def fileno(self) -> int:
        """Return the pipe that becomes readable when the worker is ready, refuses or ends."""
        stdout = self._running().stdout
        assert stdout is not None, "it was started with a pipe"
        return stdout.fileno()

    def start(self) -> None:
        """Start a process. Raises OSError where that is impossible; the next try is due later."""
        try:
            self._process = subprocess.Popen(  # noqa: S603 - this very program
                # -P: never import from the working directory.
                [sys.executable, "-P", "-m", "giftcard_server.workers.worker", str(self.number)],
                env=self._environment,
                # Only this process holds the other end and never writes, so that the worker reads
                # end of file when this process ends, whatever the cause.
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        except OSError:
            self._pause()
            raise
        self.due_at, self.refusal, self.why_not_writable = None, "", ""

    def hear(self) -> int | None:
        """Read what the worker wrote. Return its exit code where it has ended, else None."""
        output = os.read(self.fileno(), OUTPUT_BYTES)
        if output:
            self._take_in(output)
            return None
        with self._running() as process:  # Closes the pipes and waits, so no zombie is left.
            pass
        self._pause()
        return process.returncode

    def _take_in(self, output: bytes) -> None:
        if not self.is_ready and output.startswith(READY):
            self.is_ready, self._ready_at = True, time.monotonic()
            output = output.removeprefix(READY)
        elif not self.is_ready:
            self.refusal += output.decode(errors="replace")
        if self.is_ready and output:
            self.why_not_writable = output.decode(errors="replace").splitlines()[-1]

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
