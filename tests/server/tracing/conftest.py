"""The lines of the calls of a service in this process."""

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from giftcard_server.logs import CALLS
from given.waiting import wait_until

Lines = Callable[[int], list[dict[str, Any]]]


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Lines:
    """Return so many lines of calls, once they are written, and all that were written."""
    caplog.set_level(logging.INFO, logger=CALLS)

    def written() -> list[dict[str, Any]]:
        texts = [str(each.msg) for each in caplog.records if each.name == CALLS]
        return [json.loads(line) for text in texts for line in text.splitlines()]

    def wanted(number: int) -> list[dict[str, Any]]:
        wait_until(lambda: len(written()) >= number)
        return written()

    return wanted
