"""Limits on processes and threads: refused at the start with the numbers, harmless later."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest

from giftcard_server.edge.parking.choice import threads_for_calls
from giftcard_server.process.last_resort import EXIT_BROKEN
from giftcard_server.process.limits import OTHER_THREADS
from giftcard_server.service import LAST_RESORT_SECONDS
from giftcard_server.settings import Settings
from giftcard_storage.database import DatabaseUrl
from given.calls import sent
from given.calls.answered import refusal
from given.calls.rude_client import RudeClient, odd
from given.calls.shop import shop_at
from given.servers.http_get import get
from given.servers.limited import (
    SERVER,
    allow_processes,
    as_another_user,
    folder_of_another_user,
    group_of_processes,
    in_group,
    needs_another_user,
    threads_of,
)
from given.servers.running import writing_elsewhere
from given.servers.server_process import ServerNotReady, ServerProcess
from given.servers.way import WAY
from given.waiting import wait_until

pytestmark = pytest.mark.one_database

THREADS: Final = threads_for_calls(Settings(**WAY))
TOO_FEW: Final = 100
STREAMS: Final = 450  # On each of two connections.
ENOUGH: Final = 20
REFUSED: Final = re.compile(
    rf"ended with exit code 2 .*{THREADS + OTHER_THREADS} threads are needed: "
    rf"{THREADS} for calls and {OTHER_THREADS} more\. But (?P<limit>.+)\. Raise",
    re.DOTALL,
)


def refused(folder: Path, command: Any) -> str:
    """Start a server that refuses to start for lack of threads, and return the limit it names."""
    server = ServerProcess(folder, command=command)
    with pytest.raises(ServerNotReady) as caught:
        server.start()
    why = REFUSED.search(str(caught.value))
    assert why, caught.value
    assert not server.database_path.exists()
    return why["limit"]


@needs_another_user
def test_a_limit_on_the_user_s_processes_that_is_too_low_is_refused() -> None:
    with folder_of_another_user() as folder:
        limit = refused(folder, as_another_user(*SERVER, processes=TOO_FEW))
    assert re.fullmatch(
        rf"RLIMIT_NPROC of user \d+ allows {TOO_FEW}, of which \d+ are in use", limit
    )


def test_a_limit_on_the_container_s_processes_that_is_too_low_is_refused(tmp_path: Path) -> None:
    with group_of_processes(TOO_FEW) as group:
        limit = refused(tmp_path, in_group(group, *SERVER))
    assert re.fullmatch(rf"{group}/pids.max allows {TOO_FEW}, of which \d+ are in use", limit)


def test_an_address_space_without_room_for_the_stacks_is_refused(tmp_path: Path) -> None:
    limit = refused(tmp_path, ("sh", "-c", 'ulimit -v 1048576 && exec "$@"', "sh", *SERVER))
    assert re.fullmatch(
        r"RLIMIT_AS allows 1024 MiB, of which \d+ MiB are in use, and each thread needs \d+ MiB",
        limit,
    )


def test_threads_that_cannot_be_made_after_all_are_refused_as_well() -> None:
    starting = (
        "from giftcard_server.process.ready_threads import ReadyThreads\n"
        "from giftcard_server.errors import StartRefusedError\n"
        "import resource, threading\n"
        "threading.stack_size(1 << 26)\n"
        "now = int(open('/proc/self/statm').read().split()[0]) * 4096\n"
        "resource.setrlimit(resource.RLIMIT_AS, (now + (1 << 29), now + (1 << 29)))\n"
        "try: ReadyThreads(64, 'rpc')\n"
        "except StartRefusedError as error: print(error)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", starting], capture_output=True, text=True, check=True, timeout=60
    )
    assert re.match(
        r"only \d of 64 threads \(rpc\) could be made: .*RLIMIT_AS allows", ended.stdout
    )


@pytest.fixture
def limited() -> Iterator[ServerProcess]:
    """A server of a user who can have no further thread from the moment that it is ready."""
    settings = {"GIFTCARD_DRAIN_SECONDS": "2"}
    command = as_another_user(*SERVER, processes=THREADS + 2 * OTHER_THREADS)
    with (
        folder_of_another_user() as folder,
        ServerProcess(folder, settings=settings, command=command) as server,
    ):
        allow_processes(server.pid, threads_of(server.pid) - 1)
        yield server


@needs_another_user
def test_streams_without_messages_take_no_thread_that_cannot_be_made(
    limited: ServerProcess,
) -> None:
    port = int(limited.target.rpartition(":")[2])
    with ExitStack() as opened, shop_at(limited.target) as shop:
        before = threads_of(limited.pid)
        for _ in range(2):
            client = opened.enter_context(RudeClient(port)).shake_hands()
            client.send(*(client.headers(stream, "END_HEADERS") for stream in odd(STREAMS)))
        assert all(shop.bought().code for _ in range(ENOUGH))
        assert [get(f"{limited.http_url}{path}")[0] for path in ("/healthz", "/readyz")] == [
            200,
            200,
        ]
        assert threads_of(limited.pid) == before
        began = time.monotonic()
        assert limited.terminate() == 0
        assert time.monotonic() - began < 2 + LAST_RESORT_SECONDS


def test_a_server_whose_threads_are_all_taken_stops_when_it_is_told_to(tmp_path: Path) -> None:
    few = {"RPC_THREADS": "9", "WAITING_LIMIT": "2", "BATCH_LIMIT": "2", "DRAIN_SECONDS": "0.5"}
    settings = {f"GIFTCARD_{name}": value for name, value in few.items()}
    with (
        ServerProcess(tmp_path, settings=settings) as server,
        writing_elsewhere(DatabaseUrl.parse(server.database_url)),
        ExitStack() as opened,
    ):
        port = int(server.target.rpartition(":")[2])
        client = opened.enter_context(RudeClient(port)).shake_hands()
        client.send(*(client.headers(stream, "END_HEADERS") for stream in odd(36)))
        shop = opened.enter_context(shop_at(server.target))
        call: Any = shop.stub.Issue.future(sent.issue(), timeout=20)
        time.sleep(0.2)
        began = time.monotonic()
        assert server.terminate() == 0
        assert time.monotonic() - began < 0.5 + LAST_RESORT_SECONDS
        assert refusal(call.result).status.name in {"UNAVAILABLE", "RESOURCE_EXHAUSTED"}


# What a process does after it has said that threads may not fail; its exit code is 70.
BROKEN: Final = {
    "a thread cannot be made": (
        "import resource, threading\n"
        "def make():\n"
        "    now = int(open('/proc/self/statm').read().split()[0]) * 4096\n"
        "    resource.setrlimit(resource.RLIMIT_AS, (now, now))\n"
        "    threading.Thread(target=print).start()\n"
        "threading.Thread(target=make).start()\n"
        "threading.Event().wait()\n"
    ),
    "stopping hangs": (
        "import os, threading\n"
        "from giftcard_server.process.stop_signal import StopSignal\n"
        "StopSignal([signal.SIGTERM]).stop_by(print, 0.2)\n"
        "os.kill(os.getpid(), signal.SIGTERM)\n"
        "threading.Event().wait()\n"
    ),
    "threads that never end outlive an error": (
        "import threading\n"
        "from giftcard_server import service\n"
        "from giftcard_server.process.stop_signal import StopSignal\n"
        "threading.Thread(target=threading.Event().wait).start()\n"
        "class Broken:\n"
        "    stops_within_seconds = 60\n"
        "    def start(self): raise RuntimeError('no')\n"
        "service.run(Broken(), StopSignal([]), print)\n"
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_process_that_cannot_go_on_ends_at_once(what: str) -> None:
    block = "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])\n"
    ready = "from giftcard_server.process import last_resort; import sys\n"
    begin = "last_resort.end_when_a_thread_fails(); print('go', flush=True)\n"
    imports = "import giftcard_server.service\n"
    process = subprocess.Popen(
        [sys.executable, "-c", block + ready + imports + begin + BROKEN[what]],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "go\n"
        began = time.monotonic()
        assert process.wait(20) == EXIT_BROKEN
        assert time.monotonic() - began < 10  # A thread that hangs would take for ever.
    finally:
        process.kill()
        process.communicate()


def test_a_second_signal_changes_nothing(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, settings={"GIFTCARD_DRAIN_PAUSE_SECONDS": "0.5"}) as server:
        os.kill(server.pid, signal.SIGTERM)
        wait_until(lambda: '"draining"' in server.log_text())
        os.kill(server.pid, signal.SIGTERM)
        assert server.wait() == 0
