"""The real server as its own process, started as a user starts it.

    with ServerProcess(folder) as server:
        with GiftCards(server.target) as cards: ...
        server.kill()      # SIGKILL, as a power cut would
        server.restart()   # the same database, on the same ports

Its database and its log lie in `folder`, so a test that fails leaves both to
be read.
"""

import queue
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

from given.programs import warm_python
from given.programs.warm_python import users_environment
from given.servers.way import VARIABLES

COMMAND: Final = (sys.executable, "-m", "giftcard_server")
# Several workers start one after the other, on a machine that may be busy.
READY_WITHIN_SECONDS = 60.0
STOPPED_WITHIN_SECONDS = 30.0
# Enough of the log to see the cause, and short enough for a test report.
LOG_CHARACTERS_SHOWN = 4000

READY = re.compile(
    r"giftcard is ready: grpc (?P<grpc>\S+), http (?P<http>\S+), database (?P<database>.+)"
)


def _start(
    command: Sequence[str], environment: Mapping[str, str], **how: Any
) -> subprocess.Popen[str]:
    return subprocess.Popen(command, env=environment, text=True, **how)


class ServerNotReady(Exception):  # noqa: N818 - it reads as what happened
    """The server ended, or took too long, before it printed its ready line."""


class ServerDidNotStop(Exception):  # noqa: N818 - it reads as what happened
    """The server was still running long after SIGTERM."""


class ServerProcess:
    """`python -m giftcard_server` over a database in `folder`.

    `config` is the text of a TOML file for GIFTCARD_CONFIG. `settings` are
    further environment variables, and override those that are set here
    (`{"GIFTCARD_DATABASE_URL": "postgresql://..."}`). `command` is what is run; any but the usual
    one begins as a user's does, with nothing imported.
    """

    def __init__(
        self,
        folder: Path,
        *,
        config: str = "",
        settings: Mapping[str, str] | None = None,
        command: Sequence[str] = COMMAND,
    ) -> None:
        """Prepare the folder; `start` or `with` starts the server."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.command = command
        self.database_path = folder / "giftcard.db"
        self.log_path = folder / "server.log"
        self.ready_line = ""
        self._settings = {
            "GIFTCARD_DATABASE_URL": f"sqlite:///{self.database_path}",
            "GIFTCARD_GRPC_LISTEN": "127.0.0.1:0",
            "GIFTCARD_HTTP_LISTEN": "127.0.0.1:0",
            # The pause is for load balancers, and there are none here.
            "GIFTCARD_DRAIN_PAUSE_SECONDS": "0",
            # Messages are the subject of few tests.
            "GIFTCARD_MAIL": "none",
            **VARIABLES,
        }
        if config:
            config_path = folder / "giftcard.toml"
            config_path.write_text(config, encoding="utf-8")
            self._settings["GIFTCARD_CONFIG"] = str(config_path)
        self._settings.update(settings or {})
        self._process: subprocess.Popen[str] | None = None
        self._stdout: queue.SimpleQueue[str] = queue.SimpleQueue()

    @property
    def target(self) -> str:
        """Where gRPC answers, such as "127.0.0.1:40123"."""
        return self._ready_facts()["grpc"]

    @property
    def http_url(self) -> str:
        """Where /metrics, /healthz and /readyz answer, without a slash at the end."""
        return f"http://{self._ready_facts()['http']}"

    @property
    def database_url(self) -> str:
        """The value of GIFTCARD_DATABASE_URL."""
        return self._settings["GIFTCARD_DATABASE_URL"]

    @property
    def place(self) -> dict[str, str]:
        """The settings of `giftcard audit`: the database and the keys."""
        names = {"GIFTCARD_DATABASE_URL", "GIFTCARD_KEY_FILE"}
        return {name: value for name, value in self._settings.items() if name in names}

    @property
    def pid(self) -> int:
        """The id of the running process."""
        return self._running().pid

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the server: that of a user with the settings of the test."""
        return users_environment() | self._settings

    def start(self) -> Self:
        """Start the server and wait for its ready line."""
        self._stdout = queue.SimpleQueue()
        with self.log_path.open("a", encoding="utf-8") as log:
            begin = warm_python.start if tuple(self.command) == COMMAND else _start
            self._process = begin(
                self.command,
                self.environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                # Ctrl-C on pytest reaches pytest alone, which then stops the server itself.
                start_new_session=True,
            )
        reading = (self._process, self._stdout)
        threading.Thread(target=self._read_stdout, args=reading, daemon=True).start()
        self.ready_line = self._wait_for_ready_line()
        return self

    def terminate(self) -> int:
        """Send SIGTERM, wait for the end, and return the exit code; a drain ends with 0."""
        process = self._running()
        process.send_signal(signal.SIGTERM)
        return self.wait()

    def wait(self, timeout_seconds: float = STOPPED_WITHIN_SECONDS) -> int:
        """Wait until the server ends by itself or by a signal, and return the exit code."""
        process = self._running()
        try:
            return process.wait(timeout=timeout_seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            message = f"still running after {timeout_seconds} s\n{self._log_tail()}"
            raise ServerDidNotStop(message) from None

    def kill(self) -> None:
        """Send SIGKILL, after which nothing is finished, flushed or closed."""
        process = self._running()
        process.kill()
        process.wait()

    def restart(self, *, same_ports: bool = True) -> Self:
        """Start again over the same database; a server that still runs is stopped by SIGTERM first.

        It listens where it did before, so that clients come back by themselves.
        """
        if self.is_running():
            self.terminate()
        if same_ports and self.ready_line:
            self._settings["GIFTCARD_GRPC_LISTEN"] = self.target
            self._settings["GIFTCARD_HTTP_LISTEN"] = self._ready_facts()["http"]
        return self.start()

    def is_running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def log_text(self) -> str:
        """All that the server wrote to stderr, over all its starts: one JSON object a line."""
        return self.log_path.read_text(encoding="utf-8")

    def close(self) -> None:
        """Kill the process if it still runs."""
        if self.is_running():
            self.kill()

    def __enter__(self) -> Self:
        """Start."""
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *exc_info: object) -> None:
        """Kill the process if it still runs."""
        self.close()

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            message = "the server was never started"
            raise ServerNotReady(message)
        return self._process

    @staticmethod
    def _read_stdout(process: subprocess.Popen[str], lines: "queue.SimpleQueue[str]") -> None:
        # Goes on after the ready line, since a full pipe would block the server.
        assert process.stdout is not None, "it was started with a pipe"
        with process.stdout as stdout:
            for line in stdout:
                lines.put(line.rstrip("\n"))
        lines.put("")

    def _wait_for_ready_line(self) -> str:
        process = self._running()
        try:
            line = self._stdout.get(timeout=READY_WITHIN_SECONDS)
        except queue.Empty:
            self.close()
            message = f"silent for {READY_WITHIN_SECONDS} s\n{self._log_tail()}"
            raise ServerNotReady(message) from None
        if READY.match(line):
            return line
        if line:
            self.close()
            message = f"printed {line!r} instead of its ready line\n{self._log_tail()}"
            raise ServerNotReady(message)
        # Its stdout is closed, so it is ending. The exit code says why.
        exit_code = process.wait(timeout=STOPPED_WITHIN_SECONDS)
        message = f"ended with exit code {exit_code} before it was ready\n{self._log_tail()}"
        raise ServerNotReady(message)

    def _ready_facts(self) -> dict[str, str]:
        match = READY.match(self.ready_line)
        if match is None:
            message = "the server was never started"
            raise ServerNotReady(message)
        return match.groupdict()

    def _log_tail(self) -> str:
        return f"--- {self.log_path} ---\n{self.log_text()[-LOG_CHARACTERS_SHOWN:]}"
