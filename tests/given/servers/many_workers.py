"""`giftcard serve --workers N` on PostgreSQL, with its callers, metrics and log."""

import json
import os
import random
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import grpc
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.parser import text_string_to_metric_families

from giftcard_client.histories.recording.history import History
from giftcard_client.histories.recording.recorder import Answer
from giftcard_server.keys import key_file
from given.calls.journal import (
    Journal,
    assert_bought_once,
    assert_consistent,
    check,
)
from given.calls.shop import Shop
from given.servers.server_process import ServerProcess
from given.waiting import wait_until

CALLERS: Final = 8
OPERATIONS: Final = "giftcard_operations_total"
WORKERS: Final = 2
MODULE: Final = (sys.executable, "-m", "giftcard_server")

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


class ManyWorkers:
    """A server with several workers."""

    def __init__(self, process: ServerProcess) -> None:
        self.process = process

    def status(self, path: str) -> int:
        """Return the HTTP status of a path."""
        try:
            with urllib.request.urlopen(self.process.http_url + path, timeout=20) as answer:  # noqa: S310 - our own server
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    def samples(self) -> Samples:
        """Return all samples of /metrics."""
        url = f"{self.process.http_url}/metrics"
        with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310 - our own server
            text = answer.read().decode()
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def value(self, name: str, **labels: str) -> float:
        """Return the sum of the series with these labels."""
        return total(self.samples(), name, **labels)

    def events(self, event: str) -> list[dict[str, Any]]:
        """Return the log's lines of an event."""
        return [line for line in self.log() if line["event"] == event]

    def log(self) -> list[dict[str, Any]]:
        """Return every complete line."""
        whole = self.process.log_text().rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    def pids(self) -> dict[int, int]:
        """Return the pid of the last process that was ready under each worker's number."""
        return {line["worker"]: line["pid"] for line in self.events("worker ready")}

    def all_are_ready(self) -> bool:
        """Whether all workers are ready."""
        return self.value("giftcard_workers", state="alive") == WORKERS

    def folder_of_counters(self) -> Path:
        """Return the folder with the files of the workers' counters."""
        environment = Path(f"/proc/{self.pids()[1]}/environ").read_bytes().split(b"\0")
        variables = dict(each.decode().partition("=")[::2] for each in environment)
        return Path(variables["PROMETHEUS_MULTIPROC_DIR"])

    def operations_of(self, worker: int) -> float:
        """Return how many commands one worker has answered."""
        path = str(self.folder_of_counters() / f"counter_{worker}.db")
        entries = MmapedDict.read_all_values_from_file(path)
        return float(sum(value for key, value, *_ in entries if json.loads(key)[1] == OPERATIONS))


def not_taken(answer: Answer) -> bool:
    """Return whether no server answered, or one that stops refused the call."""
    return answer.status is grpc.StatusCode.UNAVAILABLE and not answer.reason


class Callers:
    """Callers with one shop each, who buy and pay, and go on after a lost answer."""

    def __init__(self, server: ManyWorkers) -> None:
        self._history = History()
        self.journals = [
            Journal(random.Random(seed), self._history, is_lost=not_taken)  # noqa: S311 - what they do
            for seed in range(CALLERS)
        ]
        self._server = server

    @contextmanager
    def calling(self) -> Iterator[None]:
        """Call continuously until the block is over."""
        over = threading.Event()
        with ThreadPoolExecutor(CALLERS) as threads:
            living = [threads.submit(self._live, each, over) for each in self.journals]
            try:
                wait_until(lambda: all(journal.acknowledged for journal in self.journals))
                yield
            finally:
                over.set()
        for life in living:
            life.result()

    def acknowledged(self) -> int:
        """Count the answers that were received."""
        return sum(len(journal.acknowledged) for journal in self.journals)

    def lost(self) -> int:
        """Count the requests that were not answered."""
        return sum(len(journal.lost) for journal in self.journals)

    def _live(self, journal: Journal, over: threading.Event) -> None:
        with shop_of_its_own(self._server.process.target) as shop:
            journal.live_on_at(shop, over)

    def check(self) -> None:
        """Check that every request gets the same answer again, and audit the ledger."""
        process = self._server.process
        with ExitStack() as open_shops, ThreadPoolExecutor(CALLERS) as threads:
            shops = [
                open_shops.enter_context(shop_of_its_own(process.target)) for _ in self.journals
            ]
            list(threads.map(check, self.journals, shops))
        assert_bought_once(process, self.journals)
        assert_consistent(self._history, process.environment)


def total(samples: Samples, name: str, **labels: str) -> float:
    """Return the sum of the series with these labels."""
    wanted = set(labels.items())
    return sum(value for (own, has), value in samples.items() if own == name and wanted <= has)


def settings_on(url: str, folder: Path) -> dict[str, str]:
    """Return the settings for a database, with a key ring in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    ring = folder / "giftcard.keys"
    if not ring.exists():
        key_file.make(ring)
    return {"GIFTCARD_DATABASE_URL": url, "GIFTCARD_KEY_FILE": str(ring)}


@contextmanager
def many_workers(
    url: str, folder: Path, *, command: Sequence[str] = MODULE, **settings: str
) -> Iterator[ManyWorkers]:
    """Start a server with several workers; all of them have ended when the block is over."""
    # Core dumps are allowed because Linux else lets root alone read where workers count.
    own = {"GIFTCARD_WORKERS": str(WORKERS), "GIFTCARD_CORE_DUMPS": "true"}
    environment = settings_on(url, folder) | own | settings
    with ServerProcess(folder, settings=environment, command=command) as process:
        server = ManyWorkers(process)
        yield server
    # Where a test failed, the supervisor was killed, and this is what they end by.
    wait_until(lambda: all(is_gone(pid) for pid in server.pids().values()))


@contextmanager
def shop_of_its_own(target: str) -> Iterator[Shop]:
    """Open a shop that shares its connection with no other shop of this process."""
    options = (("grpc.use_local_subchannel_pool", 1),)
    with grpc.insecure_channel(target, options) as channel:
        yield Shop(channel)


def is_gone(pid: int) -> bool:
    """Whether a process has ended, also as a zombie, and with it the last of its threads.

    What it has open, a port for instance, is closed only then.
    """
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0]
        threads = sum(1 for _ in Path(f"/proc/{pid}/task").iterdir())
    except (ProcessLookupError, FileNotFoundError):
        return True
    return state == "Z" and threads <= 1
