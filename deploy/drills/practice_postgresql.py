"""PostgreSQL of a practice installation: a server, and a standby that can take its place.

The programs are those of POSTGRESQL_BIN, else the newest of Debian's folders, else those on the
path. PostgreSQL refuses to run as root; then it runs as the user `nobody`.
"""

import os
import random
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

from practice import DrillFailedError, Practice, say

USER, PASSWORD, DATABASE = "giftcard", "practice", "giftcard"
UNPRIVILEGED = "nobody"
STOPPED_WITHIN_SECONDS = 30.0
# Below the ports that the system hands out, so that none of them is taken meanwhile.
PORTS = range(20000, 32000)


class Postgresql:
    """PostgreSQL on a loopback port, with its data in a folder of its own."""

    def __init__(self, practice: Practice, *, follows: "Postgresql | None" = None) -> None:
        """Make and start it; it may follow another one as a standby."""
        self.practice = practice
        self.programs = _programs()
        self.port = free_port()
        # The other user may not enter the folder of the practice installation.
        self.folder = Path(tempfile.mkdtemp(prefix="giftcard-drill-postgresql-"))
        practice.opened.callback(self._remove)
        self._as_user: list[str | Path] = []
        if os.geteuid() == 0:
            shutil.chown(self.folder, UNPRIVILEGED)
            self._as_user = ["setpriv", f"--reuid={UNPRIVILEGED}", "--clear-groups"]
        self._process: subprocess.Popen[bytes] | None = None
        if follows is None:
            self._make()
        else:
            self._copy(follows)
        self.start()

    @property
    def place(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.port}"

    def url(self, database: str = DATABASE) -> str:
        """Return the URL of a database."""
        return f"postgresql://{USER}:{PASSWORD}@{self.place}/{database}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *self._as_user, str(self.programs / "postgres"), "-D", str(self._data),
                    "-h", "127.0.0.1", "-p", str(self.port), "-k", self.folder,
                ],
                cwd=self.folder, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self.practice.wait(f"PostgreSQL answers on {self.place}", self._answers)

    def sql(self, statement: str, database: str = DATABASE) -> str:
        """Run a statement by psql, show it, and return what it printed."""
        words = ("-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-c", statement)
        return self.run("psql", *words, self.url(database)).strip()

    def quietly(self, statement: str, database: str = DATABASE) -> str:
        """Run a statement by psql without showing it; an empty text where that fails."""
        command: list[str | Path] = [
            self.programs / "psql",
            "-X",
            "-A",
            "-t",
            "-q",
            "-c",
            statement,
        ]
        done = subprocess.run(
            [*command, self.url(database)], capture_output=True, text=True, check=False
        )
        return done.stdout.strip()

    def run(self, program: str, *words: str | Path) -> str:
        """Run a program of PostgreSQL, show it, and return what it printed."""
        say(f"    $ {program} {shlex.join(map(str, words))}")
        done = subprocess.run(
            [self.programs / program, *words],
            capture_output=True, text=True, check=False, cwd=self.practice.folder,
        )  # fmt: skip
        if done.returncode:
            raise DrillFailedError(done.stderr)
        for line in done.stdout.splitlines():
            say(f"      {line}")
        return done.stdout

    def promote(self) -> None:
        """Make a standby the primary."""
        say(f"    $ pg_ctl promote -D {self._data}")
        command = [*self._as_user, self.programs / "pg_ctl", "promote", "-D", self._data]
        subprocess.run(command, check=True, capture_output=True, cwd=self.folder)

    def stop(self, by: signal.Signals = signal.SIGQUIT) -> None:
        """Stop it by its process id, by default at once."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(by)
            self._process.wait(STOPPED_WITHIN_SECONDS)

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _make(self) -> None:
        password = self.folder / "password"
        password.write_text(PASSWORD, encoding="ascii")
        password.chmod(0o644)
        self._program(
            "initdb", "-D", self._data, "-U", USER, "--auth=scram-sha-256",
            f"--pwfile={password}", "--encoding=UTF8", "--no-locale", "--no-sync",
        )  # fmt: skip

    def _copy(self, primary: "Postgresql") -> None:
        self._program(
            "pg_basebackup", "-D", self._data, "-d", primary.url("postgres"),
            "--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync",
        )  # fmt: skip

    def _program(self, name: str, *words: str | Path) -> None:
        command = [*self._as_user, self.programs / name, *words]
        done = subprocess.run(command, cwd=self.folder, check=False, capture_output=True, text=True)
        if done.returncode:
            raise DrillFailedError(done.stderr)

    def _answers(self) -> bool:
        ready: list[str | Path] = [self.programs / "pg_isready", "-q", "-d", self.url("postgres")]
        return subprocess.run(ready, check=False).returncode == 0

    def _remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder)


def database_on_postgresql(practice: Practice, *, program: str = "giftcard") -> Postgresql:
    """Start PostgreSQL with an empty database, make a ring, and migrate."""
    postgresql = Postgresql(practice)
    postgresql.run("createdb", "--maintenance-db", postgresql.url("postgres"), DATABASE)
    practice.settings["GIFTCARD_DATABASE_URL"] = postgresql.url()
    practice.make_ring()
    practice.run(program, "migrate", shown=False)
    return postgresql


def _programs() -> Path:
    named = os.environ.get("POSTGRESQL_BIN")
    if named:
        return Path(named)
    debian = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda each: int(each.parent.name)
    )
    if debian:
        return debian[-1]
    found = shutil.which("initdb")
    if found is None:
        message = "PostgreSQL is not installed here: POSTGRESQL_BIN may name its programs' folder"
        raise DrillFailedError(message)
    return Path(found).parent


def free_port() -> int:
    """Return a loopback port on which nobody listens."""
    while True:
        port = random.choice(PORTS)  # noqa: S311 - no secret
        with socket.socket() as taken:
            if taken.connect_ex(("127.0.0.1", port)):
                return port
