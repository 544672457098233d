"""Figures that take long to read make nobody wait, and cost no more than their share."""

import threading

import pytest

from giftcard_server import kept
from giftcard_server.kept import Kept
from giftcard_storage.errors import StorageAwayError
from given.waiting import wait_until


def test_what_is_read_quickly_is_read_again_and_kept_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kept, "SHARE", 1.0)
    figures = iter(range(9))
    figure = Kept("figure", lambda: next(figures))
    assert [figure.value(seconds) for seconds in (0, 60, 60, 0, 60)] == [0, 0, 0, 1, 1]


def test_nobody_waits_for_a_slow_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "SHARE", 1.0)
    monkeypatch.setattr(kept, "QUICK_SECONDS", -1)
    may_go_on = threading.Event()
    figures = iter(range(9))

    def read() -> int:
        figure = next(figures)
        if figure:
            assert may_go_on.wait(60)
        return figure

    figure = Kept("figure", read)
    assert [figure.value(0) for _ in range(3)] == [0, 0, 0]  # A thread reads meanwhile.
    may_go_on.set()
    wait_until(lambda: figure.value(60) == 1)


def test_a_database_that_is_away_has_no_figure() -> None:
    answers = iter((StorageAwayError("away"), 7))

    def read() -> int:
        answer = next(answers)
        if isinstance(answer, StorageAwayError):
            raise answer
        return answer

    figure = Kept("figure", read)
    with pytest.raises(StorageAwayError):
        figure.value(0)
    wait_until(lambda: figure.value(0) == 7)
