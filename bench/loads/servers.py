"""Servers to measure, each a process of its own on a database of its own, started and stopped."""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, Self

from giftcard_rules.codes import Key
from giftcard_server.keys import key_file
from giftcard_storage import database
from giftcard_storage.database import DatabaseUrl
from given.databases.postgresql_process import PostgresqlProcess
from given.servers.certificates import Authority
from loads.http2_load import Call, Connection, Run, VoidRunError
from results import POSTGRESQL

GIFTCARD: Final = Path(sys.executable).with_name("giftcard")
READY: Final = "giftcard is ready: grpc "
STOP_SECONDS: Final = 60
# Usual settings of an operator for a database of this size. The settings that make commits
# durable keep their default, which is on.
POSTGRESQL_SETTINGS: Final = {"shared_buffers": "512MB", "max_wal_size": "4GB"}


@dataclass(frozen=True, slots=True)
class Place:
    """A database with our tables, and the ring key of the cards in it."""

    database: str
    url: str
    key_file: Path

    @property
    def key(self) -> Key:
        """The ring key from which new cards are derived."""
        return key_file.read(self.key_file).first

    @property
    def environment(self) -> dict[str, str]:
        """The settings of `giftcard` for this place, without those of the shell."""
        others = {k: value for k, value in os.environ.items() if not k.startswith("GIFTCARD_")}
        return {
            **others,
            "GIFTCARD_DATABASE_URL": self.url,
            "GIFTCARD_KEY_FILE": str(self.key_file),
            "GIFTCARD_GRPC_LISTEN": "127.0.0.1:0",
            "GIFTCARD_HTTP_LISTEN": "127.0.0.1:0",
            "GIFTCARD_DRAIN_PAUSE_SECONDS": "0",
            "GIFTCARD_LOG_LEVEL": "WARNING",
            "GIFTCARD_MAIL": "none",
        }

    def audit(self) -> None:
        """Raise VoidRunError unless `giftcard audit` finds that every cent adds up."""
        audit = subprocess.run(
            [GIFTCARD, "audit"], env=self.environment, capture_output=True, text=True, check=False
        )
        if audit.returncode:
            message = (
                f"the audit of the {self.database} database fails: {audit.stdout}{audit.stderr}"
            )
            raise VoidRunError(message)


class World:
    """The place for databases: a folder, and a PostgreSQL that starts when it is first needed."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="giftcard-bench-"))
        self._stack = ExitStack()
        self._stack.callback(shutil.rmtree, self.folder)
        self._postgresql: PostgresqlProcess | None = None
        self._made = 0

    def __enter__(self) -> Self:
        """Return the empty world."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Stop PostgreSQL and delete the folder."""
        self._stack.close()

    @property
    def postgresql(self) -> PostgresqlProcess:
        """The PostgreSQL of this run."""
        if self._postgresql is None:
            process = PostgresqlProcess(**POSTGRESQL_SETTINGS)
            self._postgresql = self._stack.enter_context(process)
        return self._postgresql

    @contextmanager
    def place(self, kind: str, *, migrated: bool = True) -> Iterator[Place]:
        """Make an empty database, by default with our tables, and remove it afterwards."""
        self._made += 1
        folder = self.folder / str(self._made)
        folder.mkdir()
        ring = folder / "keys"
        key_file.make(ring)
        if kind == POSTGRESQL:
            url = self.postgresql.new_database(migrated=migrated)
        else:
            url = f"sqlite:///{folder / 'bench.db'}"
            if migrated:
                database.migrate(DatabaseUrl.parse(url))
        try:
            yield Place(kind, url, ring)
        finally:
            if kind == POSTGRESQL:
                self.postgresql.drop(url)
            shutil.rmtree(folder)


class Loading(Protocol):
    """What sends calls: one connection, or several."""

    def run(self, chains: Sequence[Sequence[Call]], in_flight: int) -> Run:
        """Send every chain, `in_flight` at a time; raise VoidRunError unless all answers are OK."""

    def run_on_schedule(self, calls: Sequence[Call], per_second: float) -> Run:
        """Send calls as they are due, so many a second; likewise."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server, and what loads it."""

    place: Place
    key: Key
    target: str
    connection: Loading
    pid: int
    http: str

    def run(
        self,
        chains: Sequence[Sequence[Call]],
        in_flight: int,
        is_success: Callable[[bytes], bool] | None = None,
    ) -> Run:
        """Load the server; `is_success` checks answers whose status is OK in any case."""
        try:
            run = self.connection.run(chains, in_flight)
        except OSError as error:  # A timeout, or a server that has ended.
            message = f"the connection failed: {error}"
            raise VoidRunError(message) from error
        if is_success is not None and not all(map(is_success, run.messages)):
            message = "an answer with the status OK was a refusal"
            raise VoidRunError(message)
        return run

    def run_on_schedule(self, calls: Sequence[Call], per_second: float) -> Run:
        """Send calls as they are due, so many a second."""
        try:
            return self.connection.run_on_schedule(calls, per_second)
        except OSError as error:
            message = f"the connection failed: {error}"
            raise VoidRunError(message) from error

    def memory(self, name: str) -> str:
        """Return the memory of the process by the kernel: `VmRSS` now, `VmHWM` at most."""
        try:
            status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        except OSError:  # Only Linux has this file.
            return "unknown"
        kilobytes = status.partition(f"{name}:")[2].split()[0]
        return f"{int(kilobytes) / 1024:.0f} MiB"


@contextmanager
def serving(
    place: Place,
    command: Path = GIFTCARD,
    authority: Authority | None = None,
    /,
    **settings: str,
) -> Iterator[Server]:
    """Run a server, with settings in addition to those of every server of the bench.

    With an authority, it has a certificate, and is called by TLS.
    """
    tls = None
    if authority is not None:
        certificate, private_key = authority.certify("server", "IP:127.0.0.1")
        settings["GIFTCARD_TLS_CERTIFICATE"] = str(certificate)
        settings["GIFTCARD_TLS_KEY"] = str(private_key)
        tls = ssl.create_default_context(cafile=authority.certificate)
        tls.set_alpn_protocols(["h2"])
    process = subprocess.Popen(
        [command, "serve"],
        env=place.environment | settings,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        ready = process.stdout.readline()
        if not ready.startswith(READY):
            message = f"the server did not start: {ready!r}"
            raise VoidRunError(message)
        target, http, *_ = ready.removeprefix(READY).split(", ")
        connection = Connection(target, tls)
        try:
            yield Server(
                place, place.key, target, connection, process.pid, http.removeprefix("http ")
            )
        finally:
            connection.close()
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)


def seconds_to_first_answer(place: Place, call: Call) -> float:
    """Start a server, and return the seconds until it had answered a call."""
    began = time.perf_counter()
    with serving(place) as server:
        server.run([[call]], 1)
        return time.perf_counter() - began
