"""The log: a JSON object on each line, with the place of errors. Secrets: test_canaries.py."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, Final

import pytest

from giftcard_server.logs import SUMMARY_SECONDS, Summarized
from giftcard_storage.database import DatabaseUrl
from given.calls.shop import shop_at
from given.calls.story import Story
from given.servers.server_process import ServerProcess


def test_of_like_events_the_first_is_logged_and_the_others_are_counted() -> None:
    lines: list[tuple[str, dict[str, object]]] = []

    class Log:
        def error(self, event: str, **fields: object) -> None:
            lines.append((event, fields))

    seconds = 0.0
    summarized = Summarized(Log(), "error", lambda: seconds)
    for _ in range(5):
        summarized.add("undecided", why="full")
    summarized.add("undecided", why="away")
    assert lines == [("undecided", {"why": "full"}), ("undecided", {"why": "away"})]
    lines.clear()
    seconds = SUMMARY_SECONDS / 2
    summarized.flush()
    assert lines == []
    seconds = SUMMARY_SECONDS
    summarized.flush()
    assert lines == [("undecided", {"why": "full", "times": 4, "seconds": SUMMARY_SECONDS})]
    # The next one of what was counted is counted still; of what is over it is the first again.
    lines.clear()
    summarized.add("undecided", why="full")
    summarized.add("undecided", why="away")
    assert lines == [("undecided", {"why": "away"})]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    settings = {"GIFTCARD_LOG_LEVEL": "DEBUG", "GIFTCARD_LOG_LEVLE": "a typing error"}
    with ServerProcess(tmp_path_factory.mktemp("logs"), settings=settings) as started:
        yield started


@pytest.fixture(scope="module")
def lines(server: ServerProcess) -> list[dict[str, Any]]:
    """The log of a server after all kinds of calls."""
    with shop_at(server.target) as shop:
        Story(shop, DatabaseUrl.parse(server.database_url))
    return [json.loads(line) for line in server.log_text().splitlines()]


def test_every_line_of_the_log_is_json_with_an_event(lines: list[dict[str, Any]]) -> None:
    assert all({"event", "level", "logger", "timestamp"} <= line.keys() for line in lines)
    events = {(line["level"], line["event"]) for line in lines}
    assert {("info", "ready"), ("warning", "no such setting"), ("error", "defect")} <= events


def test_a_defect_is_logged_with_its_place_and_without_its_text(
    lines: list[dict[str, Any]],
) -> None:
    (defect,) = [line for line in lines if line["event"] == "defect"]
    assert "KeyError" in defect["error"]
    assert any("decide.py" in place for place in defect["error"])
    assert "none" not in defect["error"]


A_LIBRARY_THAT_TELLS: Final = """
import logging
from giftcard_server import logs
logs.configure("INFO")
try:
    raise ValueError("7C58-CVNA-W2XT-9952 of me@example.com")
except ValueError:
    library = logging.getLogger("library")
    library.exception("no luck with %s", "7C58 CVNA W2XT 9952", stack_info=True)
"""


def test_an_error_that_a_library_logs_is_reduced_to_its_place() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", A_LIBRARY_THAT_TELLS], capture_output=True, text=True, check=True
    )
    (line,) = ran.stderr.splitlines()
    event = json.loads(line)
    assert event["event"] == "no luck with [redacted]"
    assert event["error"][0] == "ValueError"
    assert "CVNA" not in line
    assert "example.com" not in line
