"""A signal to stop ends the process in time, whoever hangs: a reader of the log, or PostgreSQL."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import psycopg
import pytest

from giftcard_server.clocks.judged_clock import LOOK_SECONDS
from giftcard_server.process.last_resort import EXIT_BROKEN
from giftcard_server.service import LAST_RESORT_SECONDS
from giftcard_storage.engines.postgresql import _MIGRATING as MIGRATING
from given.databases.kinds import Place
from given.databases.postgresql_process import PostgresqlProcess
from given.servers.server_process import ServerProcess
from given.waiting import wait_until

pytestmark = pytest.mark.one_database

DRAIN_SECONDS: Final = 0.5
# For a process to be seen to have ended, on a machine that is busy.
SEEN_SECONDS: Final = 2.0
WAITS: Final = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
SERVER: Final = (sys.executable, "-m", "giftcard_server")


@contextmanager
def pipe_that_nobody_reads(folder: Path) -> Iterator[tuple[Path, int]]:
    """Make a named pipe; give its path, and an end that fills it without waiting."""
    path = folder / "pipe"
    os.mkfifo(path)
    # Both are opened to read and write, so that neither waits for the other.
    with (
        closing(os.fdopen(os.open(path, os.O_RDWR), "rb")),
        closing(os.fdopen(os.open(path, os.O_RDWR | os.O_NONBLOCK), "wb", buffering=0)) as full,
    ):
        yield path, full.fileno()


def fill(pipe: int) -> None:
    """Write until there is no room for a byte more."""
    for size in (4096, 1):
        try:
            while True:
                os.write(pipe, b"-" * size)
        except BlockingIOError:
            continue


def test_a_server_whose_log_nobody_reads_stops_in_time(tmp_path: Path) -> None:
    with pipe_that_nobody_reads(tmp_path) as (path, pipe):
        command = ("sh", "-c", f'exec "$@" 2> {path}', "sh", *SERVER)
        settings = {"GIFTCARD_DRAIN_SECONDS": str(DRAIN_SECONDS)}
        with ServerProcess(tmp_path, settings=settings, command=command) as server:
            fill(pipe)
            os.kill(server.pid, signal.SIGTERM)
            began = time.monotonic()
            assert server.wait() == EXIT_BROKEN
            spent = time.monotonic() - began
            assert spent < DRAIN_SECONDS + LAST_RESORT_SECONDS + SEEN_SECONDS


def test_a_process_that_loses_a_thread_ends_although_nobody_reads_why(tmp_path: Path) -> None:
    fails = (
        "import threading\n"
        "from giftcard_server import logs\n"
        "from giftcard_server.process import last_resort\n"
        "logs.configure('INFO')\n"
        "last_resort.end_when_a_thread_fails()\n"
        "threading.Thread(target=lambda: 1 / 0).start()\n"
        "threading.Event().wait()\n"
    )
    with pipe_that_nobody_reads(tmp_path) as (path, pipe):
        fill(pipe)
        with path.open("wb") as waiting_for_room:
            process = subprocess.Popen([sys.executable, "-c", fails], stderr=waiting_for_room)
        try:
            assert process.wait(20) == EXIT_BROKEN
        finally:
            process.kill()
            process.wait()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_server_that_waits_to_start_stops_at_once(tmp_path: Path, workers: str) -> None:
    with PostgresqlProcess() as postgresql:
        url = postgresql.new_database()
        told = {"GIFTCARD_MIGRATE_ON_START": "true", "GIFTCARD_WORKERS": workers}
        settings = {**Place.on_server(url, tmp_path).environment, **told}
        starting = ServerProcess(tmp_path, settings=settings)
        with psycopg.connect(url) as migrating:
            migrating.execute("SELECT pg_advisory_lock(%s)", (MIGRATING,))
            process = subprocess.Popen(SERVER, env=starting.environment, cwd=tmp_path)
            try:
                wait_until(lambda: postgresql.run(WAITS))
                process.terminate()
                assert process.wait(SEEN_SECONDS) == 0
            finally:
                process.kill()
                process.wait()


@pytest.mark.parametrize("workers", ["1", pytest.param("2", marks=pytest.mark.slow)])
def test_an_idle_server_stops_although_postgresql_is_frozen(tmp_path: Path, workers: str) -> None:
    with PostgresqlProcess() as postgresql:
        place = Place.on_server(postgresql.new_database(), tmp_path)
        settings = {**place.environment, "GIFTCARD_WORKERS": workers}
        with ServerProcess(tmp_path, settings=settings) as server:
            postgresql.freeze()
            try:
                time.sleep(LOOK_SECONDS)  # Its threads that look wait for an answer by now.
                began = time.monotonic()
                assert server.terminate() == 0
                assert time.monotonic() - began < LAST_RESORT_SECONDS
            finally:
                postgresql.thaw()
            assert '"stopped"' in server.log_text()
