"""A real pgbouncer in front of a PostgreSQL of the tests, where Debian's package is installed.

    with PgbouncerProcess(postgresql, pool_mode="session") as pgbouncer:
        url = pgbouncer.through(postgresql.new_database())

Settings that are not named have pgbouncer's defaults.
"""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Final, Self

import psycopg
import pytest

from given.databases.postgresql_process import (
    PASSWORD,
    UNPRIVILEGED,
    USER,
    PostgresqlProcess,
    free_port,
)

READY_WITHIN_SECONDS: Final = 20.0
_INI: Final = """\
[databases]
* = host=127.0.0.1 port={postgresql_port}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {folder}/users
logfile = {folder}/log
{settings}
"""


def pgbouncer_program() -> str:
    """Return the program, or skip the test where there is none."""
    found = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None:
        pytest.skip("there is no pgbouncer on the PATH: apt-get install pgbouncer")
    return found


class PgbouncerProcess:
    """pgbouncer on a loopback port, with its files in a folder that goes when it is closed."""

    def __init__(self, postgresql: PostgresqlProcess, **settings: str) -> None:
        """Prepare to stand before a PostgreSQL. `settings` are pgbouncer's own."""
        self._program = pgbouncer_program()
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="giftcard-pgbouncer-"))
        if os.geteuid() == 0:  # As root it starts only to become another user.
            settings = {"user": UNPRIVILEGED, **settings}
            shutil.chown(self.folder, UNPRIVILEGED)
        told = "\n".join(f"{name} = {value}" for name, value in settings.items())
        ini = _INI.format(
            port=self.port, postgresql_port=postgresql.port, folder=self.folder, settings=told
        )
        (self.folder / "ini").write_text(ini, encoding="ascii")
        (self.folder / "users").write_text(f'"{USER}" "{PASSWORD}"\n', encoding="ascii")
        self._process: subprocess.Popen[bytes] | None = None

    def through(self, url: str) -> str:
        """Return the URL of the same database, by way of here."""
        return re.sub(r":\d+/", f":{self.port}/", url)

    def __enter__(self) -> Self:
        """Start it, and wait until it takes connections."""
        self._process = subprocess.Popen(
            [self._program, "--quiet", self.folder / "ini"],
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            self._wait_until_ready()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Leave nothing behind."""
        self.close()

    def close(self) -> None:
        """Stop it, whoever is connected, and remove its files."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(READY_WITHIN_SECONDS)
        shutil.rmtree(self.folder)

    def _wait_until_ready(self) -> None:
        assert self._process is not None
        url = f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{self.port}/postgres"
        give_up_at = time.monotonic() + READY_WITHIN_SECONDS
        while True:
            try:
                psycopg.connect(url).close()
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > give_up_at:
                    print((self.folder / "log").read_text(encoding="utf-8")[-4000:])  # noqa: T201 - pytest shows it
                    raise
                time.sleep(0.02)
            else:
                return
