"""A short run of several callers against a running server, and the verdict on it."""

import random
from collections.abc import Sequence

from giftcard_client.histories import sums
from giftcard_client.histories.calling.run import (
    ask_again,
    call_for,
    recorders_at,
    shared_cards,
)
from giftcard_client.histories.calling.workload import Caller
from giftcard_client.histories.check import Verdict, check, compare
from giftcard_client.histories.recording.history import History
from giftcard_client.histories.recording.recorder import Recorder

CALLERS = 4
SHARED_CARDS = 3
CALLS = 400
MOST_SECONDS = 30.0  # On a machine that is busy.
PATIENCE_SECONDS = 2.0


def checked_run(*targets: str, metrics: str = "", seed: int = 20_261_125) -> Verdict:
    """Call from several threads, send every request once more, and check all of it."""
    before = sums.by_metrics(metrics) if metrics else {}
    chance = random.Random(seed)  # noqa: S311 - what callers do
    with History() as history, recorders_at(targets, history) as recorders:
        shared = shared_cards(recorders, SHARED_CARDS, chance)
        call_for(
            MOST_SECONDS,
            _callers(recorders, chance, shared),
            is_over=lambda: len(history.calls) >= CALLS,
        )
        ask_again(history, recorders, CALLERS, PATIENCE_SECONDS)
    verdict = check(history.calls)
    if metrics:
        found = sums.settled(metrics, before, verdict.liability, PATIENCE_SECONDS)
        compare(verdict, found)
    return verdict


def _callers(
    recorders: Sequence[Recorder], chance: random.Random, shared: Sequence[str]
) -> list[Caller]:
    return [
        Caller(recorders, random.Random(chance.random()), shared)  # noqa: S311 - likewise
        for _ in range(CALLERS)
    ]
