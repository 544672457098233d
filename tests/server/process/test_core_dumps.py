"""No core dumps of a server, unless a setting allows them."""

import subprocess
import sys
from pathlib import Path

import pytest

from given.databases.postgresql_process import PostgresqlProcess
from given.servers.limited import (
    SERVER,
    USER,
    as_another_user,
    folder_of_another_user,
    needs_another_user,
)
from given.servers.many_workers import many_workers
from given.servers.server_process import ServerProcess

pytestmark = pytest.mark.one_database

ASKING = """
import ctypes, resource
from giftcard_server.process import core_dumps
resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
core_dumps.forbid()
print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
"""
ALLOW = {"GIFTCARD_CORE_DUMPS": "true"}
NO_LIMIT = ("sh", "-c", 'ulimit -c "$(ulimit -H -c)"; exec "$@"', "sh")


def test_a_process_that_forbids_them_has_no_room_for_one_and_is_not_dumpable() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", ASKING], capture_output=True, text=True, check=True, timeout=60
    )
    assert ended.stdout == "(0, 0) 0\n"


@needs_another_user
@pytest.mark.parametrize(
    ("settings", "owner"), [({}, 0), (ALLOW, USER)], ids=["forbidden", "allowed"]
)
def test_another_process_of_the_user_reads_no_memory_of_a_server(
    settings: dict[str, str], owner: int
) -> None:
    # What the kernel keeps from the user, it lets root own.
    command = as_another_user(*NO_LIMIT, *SERVER, processes=2000)
    with (
        folder_of_another_user() as folder,
        ServerProcess(folder, settings=settings, command=command) as server,
    ):
        assert Path(f"/proc/{server.pid}/environ").stat().st_uid == owner


def test_neither_a_supervisor_nor_its_workers_leave_one(
    postgresql: PostgresqlProcess, tmp_path: Path
) -> None:
    with many_workers(postgresql.new_database(), tmp_path, GIFTCARD_CORE_DUMPS="false") as server:
        for pid in (server.process.pid, *server.pids().values()):
            (line,) = (
                line
                for line in Path(f"/proc/{pid}/limits").read_text(encoding="ascii").splitlines()
                if line.startswith("Max core file size")
            )
            assert line.split()[4:6] == ["0", "0"]
