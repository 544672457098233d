"""Which calls have a line, and how many of those that are refused."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from giftcard_server.logs import CALLS
from giftcard_server.tracing import call_log
from giftcard_server.tracing.call_log import REFUSED_AT_ONCE, REFUSED_PER_SECOND, CallLog

METHOD = "giftcard.v1.GiftCardService/Issue"


class Told(logging.Handler):
    """What a log was told."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the text."""
        self.texts.append(str(record.msg))

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The lines, as they are read."""
        return [json.loads(line) for text in self.texts for line in text.splitlines()]


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Iterator[Told]:
    caplog.set_level(logging.INFO, logger=CALLS)  # As it was, when the test is over.
    handler, logger = Told(), logging.getLogger(CALLS)
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)


@pytest.mark.parametrize(
    ("part", "good", "refused"), [(1.0, 1000, 1000), (0.0, 0, 1000), (0.25, 250, 1000)]
)
def test_of_good_calls_a_part_has_lines_and_of_refused_ones_each(
    told: Told, part: float, good: int, refused: int
) -> None:
    log = CallLog(part)
    assert told.texts == []
    sampled = sum(log.wants(METHOD, "OK", is_good=True) for _ in range(1000))
    assert abs(sampled - good) <= (80 if 0 < part < 1 else 0)
    assert sum(log.wants(METHOD, "ABORTED", is_good=False) for _ in range(1000)) == refused


@pytest.mark.usefixtures("told")
def test_a_storm_of_refusals_is_counted_beyond_what_has_lines(
    capsys: pytest.CaptureFixture[str],
) -> None:
    seconds = 0.0
    log = CallLog(1.0, now=lambda: seconds)

    def lines_of(calls: int) -> int:
        return sum(log.wants(METHOD, "UNAVAILABLE", is_good=False) for _ in range(calls))

    assert lines_of(REFUSED_AT_ONCE + 5000) == REFUSED_AT_ONCE
    seconds = 2.0
    assert lines_of(5000) == 2 * REFUSED_PER_SECOND
    assert log.wants(METHOD, "OK", is_good=True)
    assert "calls not logged" in capsys.readouterr().out  # The first at once, the others counted.


def test_no_call_has_a_line_where_the_log_is_not_at_info(told: Told) -> None:
    logging.getLogger(CALLS).setLevel(logging.WARNING)
    assert not CallLog(1.0).wants(METHOD, "UNAVAILABLE", is_good=False)
    assert told.texts == []


def test_lines_wait_for_the_log_together_and_in_a_bounded_number(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call_log, "LINES_LIMIT", 3)
    log = CallLog(1.0, worker=2)
    for number in range(5):
        log.add(METHOD, "OK", 'a "caller"', {"reason": "", "card_id": str(number)}, 0, 0.0015)
    assert told.texts == []
    log.write()
    assert len(told.texts) == 1
    assert [(line["card_id"], line["caller"]) for line in told.lines] == [
        (str(number), 'a "caller"') for number in range(3)
    ]
    line = told.lines[0]
    assert (line["worker"], line["duration_ms"], line["level"]) == (2, 1.5, "info")
    assert "reason" not in line
    assert "batch_size" not in line
