"""Turns to write to one file: connections of threads and of processes, also stopped and killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

import pytest
from peewee import Database

from giftcard_storage.database import DatabaseUrl, connect, why_not_writable
from giftcard_storage.engines.sqlite_file import FileDatabase
from giftcard_storage.engines.sqlite_turns import BUSY, SUFFIX
from giftcard_storage.errors import StorageAwayError
from giftcard_storage.transactions import writing

WRITERS: Final = 4
TURNS: Final = 25
LAST: Final = "SELECT COUNT(*), MAX(name) FROM noted"
# Another process writes a row, and is in its turn still when it says so.
HOLDS: Final = """
import sys, time
from giftcard_storage.database import DatabaseUrl, connect
from giftcard_storage.transactions import writing
database = connect(DatabaseUrl.parse(sys.argv[1]))
with writing(database):
    database.execute_sql("INSERT INTO noted (name) VALUES ('of the dead')")
    print("in its turn", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def noting(embedded: Database) -> Database:
    """A connection to a database with a table of its own for names."""
    embedded.execute_sql("CREATE TABLE noted (name TEXT NOT NULL)")
    return embedded


@contextmanager
def holder(url: DatabaseUrl) -> Iterator[subprocess.Popen[str]]:
    """Run a process that is in its turn, with a row that it has not committed."""
    command = [sys.executable, "-c", HOLDS, str(url)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "in its turn\n"
            yield process
        finally:
            with suppress(ProcessLookupError):
                process.kill()


def impatient(database: Database, seconds: float = 0.05) -> Database:
    assert isinstance(database, FileDatabase)
    database.turns.patience_seconds = seconds
    return database


def test_no_two_connections_are_in_their_turn_at_a_time(noting: Database, url: DatabaseUrl) -> None:
    inside: list[int] = []

    def write(writer: int) -> None:
        with closing(connect(url)) as connection:
            # A writer that SQLite's own lock would keep waiting fails here.
            connection.execute_sql("PRAGMA busy_timeout = 0")
            for _ in range(TURNS):
                with writing(connection):
                    inside.append(writer)
                    connection.execute_sql("INSERT INTO noted (name) VALUES ('one')")
                    assert inside == [writer]
                    inside.clear()

    with ThreadPoolExecutor(WRITERS) as threads:
        list(threads.map(write, range(WRITERS)))
    assert noting.execute_sql(LAST).fetchone() == (WRITERS * TURNS, "one")


def test_the_turn_of_a_killed_process_is_free_at_once_and_it_has_written_nothing(
    noting: Database, url: DatabaseUrl
) -> None:
    with holder(url) as process:
        process.send_signal(signal.SIGKILL)
        began = time.monotonic()
        with writing(noting):
            noting.execute_sql("INSERT INTO noted (name) VALUES ('of the living')")
        assert time.monotonic() - began < 5
    assert noting.execute_sql(LAST).fetchone() == (1, "of the living")


def test_a_process_that_is_stopped_in_its_turn_keeps_nobody_waiting_for_good(
    noting: Database, url: DatabaseUrl
) -> None:
    with holder(url) as process:
        process.send_signal(signal.SIGSTOP)
        with pytest.raises(StorageAwayError, match=BUSY), writing(impatient(noting)):
            pytest.fail("two are in their turn")
        assert why_not_writable(url) is None  # As for any other writer: it is not known.
        assert noting.execute_sql(LAST).fetchone() == (0, None)
    with writing(noting):
        noting.execute_sql("INSERT INTO noted (name) VALUES ('later')")
    assert (noting.execute_sql(LAST).fetchone(), why_not_writable(url)) == ((1, "later"), "")


def test_a_turn_ends_with_a_transaction_that_fails(noting: Database, url: DatabaseUrl) -> None:
    with pytest.raises(ZeroDivisionError), writing(noting):
        raise ZeroDivisionError
    with closing(connect(url)) as other, writing(impatient(other)):
        pass


def test_a_file_of_turns_that_cannot_be_opened_is_an_honest_failure(
    noting: Database, url: DatabaseUrl
) -> None:
    url.path.with_name(f"{url.path.name}{SUFFIX}").mkdir()
    with pytest.raises(StorageAwayError, match="file of turns"), writing(noting):
        pytest.fail("it was written without a turn")


def test_a_descriptor_belongs_to_one_connection_and_to_no_other_process(
    noting: Database, url: DatabaseUrl
) -> None:
    def descriptors() -> list[str]:
        found = []
        for link in Path("/proc/self/fd").iterdir():
            with suppress(OSError):  # The folder's own, which is closed by now.
                if link.readlink().name.endswith(SUFFIX):
                    assert not os.get_inheritable(int(link.name))
                    found.append(link.name)
        return found

    with closing(connect(url)) as other:
        for database in (noting, other, noting):
            with writing(database):
                pass
        assert len(descriptors()) == 2
    assert len(descriptors()) == 1
    assert (url.path.with_name(f"{url.path.name}{SUFFIX}").stat().st_mode & 0o777) == 0o600
