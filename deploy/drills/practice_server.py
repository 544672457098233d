"""A server of a practice installation: the process `giftcard serve`, its log and its ports."""

import json
import queue
import re
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

READY_WITHIN_SECONDS = 60.0
STOPPED_WITHIN_SECONDS = 60.0
READY = re.compile(r"giftcard is ready: grpc (?P<grpc>\S+), http (?P<http>\S+), database .+")


class ServerNotReadyError(Exception):
    """The server ended, or took too long, before it was ready."""


class Server:
    """A process that is stopped by its id, and that listens where it likes on loopback."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        """Start it."""
        self.log = log
        any_ports = dict.fromkeys(("GIFTCARD_GRPC_LISTEN", "GIFTCARD_HTTP_LISTEN"), "127.0.0.1:0")
        with log.open("a", encoding="utf-8") as errors:
            self._process = subprocess.Popen(
                command,
                env={**any_ports, **environment},
                cwd=log.parent,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
            )
        self.ready_line = ""
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def wait_until_ready(self) -> None:
        """Wait for its ready line. Raises ServerNotReadyError with the end of its log."""
        try:
            self.ready_line = self._lines.get(timeout=READY_WITHIN_SECONDS)
        except queue.Empty:
            self.ready_line = ""
        if READY.match(self.ready_line) is None:
            self.kill()
            raise ServerNotReadyError(self.log.read_text(encoding="utf-8")[-2000:])

    @property
    def ports(self) -> dict[str, str]:
        """The settings of a server that takes its place."""
        return {
            "GIFTCARD_GRPC_LISTEN": self.target,
            "GIFTCARD_HTTP_LISTEN": self._place("http"),
        }

    @property
    def target(self) -> str:
        """Where gRPC answers."""
        return self._place("grpc")

    @property
    def http_url(self) -> str:
        """Where metrics and readiness are, without a slash at the end."""
        return f"http://{self._place('http')}"

    def logged(self, event: str) -> list[dict[str, Any]]:
        """Return the lines of its log that tell of this event."""
        lines = self.log.read_text(encoding="utf-8").splitlines()
        objects = [json.loads(line) for line in lines if line.startswith("{") and line[-1] == "}"]
        return [each for each in objects if each.get("event") == event]

    def stop(self) -> int:
        """Send SIGTERM, wait until it has drained, and return its exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(STOPPED_WITHIN_SECONDS)

    def kill(self) -> None:
        """Send SIGKILL if it still runs, as the loss of its machine would end it."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()

    def _place(self, name: str) -> str:
        found = READY.match(self.ready_line)
        assert found is not None, "it was started"
        return found[name]

    def _read(self) -> None:
        # Goes on after the ready line, since a full pipe would block the server.
        assert self._process.stdout is not None
        with self._process.stdout as stdout:
            for line in stdout:
                self._lines.put(line.rstrip("\n"))
        self._lines.put("")
