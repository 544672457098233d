"""The numbers of the container agree: its Dockerfile, its documentation, and what the code does."""

import re
from pathlib import Path
from typing import Final

import pytest

from giftcard_server import liveness
from giftcard_server.edge.parking.parking_threads import PARKING_THREADS
from giftcard_server.process.limits import OTHER_THREADS
from giftcard_server.service import LAST_RESORT_SECONDS
from giftcard_server.settings import Settings

ROOT: Final = Path(__file__).parents[1]
DOCKERFILE: Final = (ROOT / "Dockerfile").read_text(encoding="utf-8")
DOCUMENT: Final = (ROOT / "docs/operator.md").read_text(encoding="utf-8")
# What a process takes to start and to end, on a machine that is busy.
START_SECONDS: Final = 1.0


def in_dockerfile(option: str) -> int:
    """Return the number that the Dockerfile gives for an option."""
    found = re.search(rf"--{option}[= ](\d+)", DOCKERFILE)
    assert found, option
    return int(found[1])


def in_document(what: str) -> int:
    """Return the number that the operators' page has in the row for it, under Containers."""
    section = DOCUMENT.partition("## Containers\n")[2].partition("\n## ")[0]
    found = re.search(rf"^\| {re.escape(what)} \| (\d+)", section, re.MULTILINE)
    assert found, what
    return int(found[1])


def default(setting: str) -> float:
    return float(Settings.model_fields[setting].default)


@pytest.mark.parametrize(
    ("option", "what"),
    [
        ("interval", "health check: every so many seconds"),
        ("timeout", "health check: time for an answer, in seconds"),
        ("start-period", "health check: time to start, in seconds"),
        ("pids-limit", "limit on processes and threads that suffices"),
        ("stop-timeout", "time to stop that suffices, in seconds"),
    ],
)
def test_the_dockerfile_says_what_the_document_says(option: str, what: str) -> None:
    assert in_dockerfile(option) == in_document(what)


def test_the_health_check_ends_within_its_time_whatever_it_meets() -> None:
    takes = len(liveness.SCHEMES) * liveness.TIMEOUT_SECONDS + START_SECONDS
    assert takes <= in_dockerfile("timeout") < in_dockerfile("interval")


def test_the_threads_of_a_server_fit_into_the_limit_with_its_health_check() -> None:
    settings = Settings()
    parked = settings.rpc_threads + PARKING_THREADS + OTHER_THREADS
    assert in_document("threads of a server with the default settings, at most") == parked
    waiting = settings.threads_if_none_is_parked + OTHER_THREADS
    assert in_document("the same where calls wait in threads") == waiting
    assert parked < waiting < in_dockerfile("pids-limit")


def test_a_server_has_stopped_by_itself_before_the_container_is_killed() -> None:
    drain = default("drain_pause_seconds") + default("drain_seconds")
    stops = drain + LAST_RESORT_SECONDS
    what = "time until a server has stopped with the default settings, at most, in seconds"
    assert in_document(what) == stops
    assert stops < in_dockerfile("stop-timeout")
