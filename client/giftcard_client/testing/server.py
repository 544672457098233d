"""A real server on a new database that is deleted afterwards, for `giftcard demo` and for tests."""

import os
import queue
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from giftcard_client.testing.letters import Letters

DATABASE = "giftcard.db"
READY_WITHIN_SECONDS = 30.0
STOPPED_WITHIN_SECONDS = 30.0
READY = re.compile(r"giftcard is ready: grpc (?P<target>[^,]+), .*")


class ServerFailed(Exception):  # noqa: N818 - it reads as what happened
    """The server did not start, or did not end, as it should; the text quotes its output."""


@dataclass(frozen=True, slots=True)
class TemporaryServer:
    """A running server."""

    target: str
    letters: Letters
    environment: dict[str, str]
    process: subprocess.Popen[str]

    def stop(self) -> None:
        """Send SIGTERM, and wait until the server has drained and ended with 0."""
        self.process.terminate()
        try:
            exit_code = self.process.wait(timeout=STOPPED_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            message = f"the server was still running {STOPPED_WITHIN_SECONDS:.0f} s after SIGTERM"
            raise ServerFailed(message) from None
        if exit_code != 0:
            message = f"the server ended with exit code {exit_code} after SIGTERM"
            raise ServerFailed(message)

    def audit(self) -> subprocess.CompletedProcess[str]:
        """Run `giftcard audit` over the server's database."""
        return subprocess.run(
            [sys.executable, "-m", "giftcard_client", "audit", "--output", "json"],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )


@contextmanager
def temporary_server(
    *, sandbox: bool = False, settings: Mapping[str, str] | None = None
) -> Iterator[TemporaryServer]:
    """Start a server on free ports; it is always ended, and its folder deleted.

    `sandbox`: its clock can be moved, by `giftcard_client.Sandbox`. Further `settings` are
    variables such as GIFTCARD_MARKETS.
    """
    with tempfile.TemporaryDirectory(prefix="giftcard-") as name:
        folder = Path(name)
        environment = _environment(folder) | dict(settings or {})
        if sandbox:
            environment["GIFTCARD_SANDBOX"] = "true"
        log_path = folder / "server.log"
        with log_path.open("w", encoding="utf-8") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "giftcard_server"],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                # Ctrl-C then reaches only who started it, and that one stops it cleanly.
                start_new_session=True,
            )
        try:
            target = _wait_until_ready(process, log_path)
            letters = Letters(folder / f"{DATABASE}.mail")
            yield TemporaryServer(target, letters, environment, process)
        finally:
            # Its database is deleted anyway. Where it has ended before, this does nothing.
            process.kill()
            process.wait()


def _environment(folder: Path) -> dict[str, str]:
    """Return its settings, without those that the user has set for another server."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith("GIFTCARD_")
    }
    return inherited | {
        "GIFTCARD_DATABASE_URL": f"sqlite:///{folder / DATABASE}",
        "GIFTCARD_GRPC_LISTEN": "127.0.0.1:0",
        "GIFTCARD_HTTP_LISTEN": "127.0.0.1:0",
        # The pause is for load balancers to notice that a server stops; here are none.
        "GIFTCARD_DRAIN_PAUSE_SECONDS": "0",
    }


def _wait_until_ready(process: subprocess.Popen[str], log_path: Path) -> str:
    """Return the server's target; a reading thread makes it possible to wait with a timeout."""
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read_all, args=(process, lines), daemon=True).start()
    try:
        line = lines.get(timeout=READY_WITHIN_SECONDS)
    except queue.Empty:
        line = ""
    match = READY.match(line)
    if match is None:
        raise ServerFailed(_why_not_ready(log_path.read_text(encoding="utf-8")))
    return match["target"]


def _why_not_ready(log: str) -> str:
    if ModuleNotFoundError.__name__ in log:
        missing = log.strip().splitlines()[-1]
        return f"{missing}\nTo see all that giftcard-tender lacks:\n  pip check"
    return f"the server did not get ready; its log:\n{log}"


def _read_all(process: subprocess.Popen[str], lines: "queue.SimpleQueue[str]") -> None:
    # Continues after the ready line, since a full pipe would block the server.
    assert process.stdout is not None, "it was started with a pipe"
    with process.stdout:
        for line in process.stdout:
            lines.put(line)
    lines.put("")
