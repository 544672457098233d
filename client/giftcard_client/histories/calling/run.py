"""A run of callers against a server, with a final pass that sends every request once more."""

import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import grpc
from google.protobuf.message import Message

from giftcard_client.histories.calling import requests
from giftcard_client.histories.calling.workload import CARD_MINOR, Caller
from giftcard_client.histories.recording.history import DECIDED, History
from giftcard_client.histories.recording.recorder import Recorder, recorder_at

AGAIN_SECONDS = 0.1


@contextmanager
def recorders_at(
    targets: Iterable[str],
    history: History,
    credentials: grpc.ChannelCredentials | None = None,
) -> Iterator[list[Recorder]]:
    """Open a recorder for each target."""
    with ExitStack() as opened:
        yield [
            opened.enter_context(recorder_at(target, history, credentials)) for target in targets
        ]


def call_for(
    seconds: float,
    callers: Sequence[Caller],
    is_over: Callable[[], bool] = lambda: False,
) -> None:
    """Run callers at once, for some seconds or until `is_over`.

    Raises the first exception of a caller, after all callers have ended.
    """
    give_up_at = time.monotonic() + seconds
    fell_over = threading.Event()

    def is_enough() -> bool:
        return fell_over.is_set() or is_over() or time.monotonic() >= give_up_at

    def live(caller: Caller) -> None:
        try:
            caller.live_on(is_enough)
        except BaseException:
            fell_over.set()
            raise

    with ThreadPoolExecutor(len(callers)) as threads:
        lives = [threads.submit(live, caller) for caller in callers]
    for life in lives:
        life.result()


def shared_cards(recorders: Sequence[Recorder], count: int, chance: random.Random) -> list[str]:
    """Buy cards that all callers go for, and return their codes."""
    caller = Caller(recorders, chance)
    answers = [caller.send(requests.issue(CARD_MINOR)) for _ in range(count)]
    return [answer.response.code for answer in answers if answer.response is not None]


def ask_again(
    history: History, recorders: Sequence[Recorder], threads: int, patience_seconds: float
) -> int:
    """Send every request once more, and look at every card; return how many were not answered.

    A request without an answer is sent until it has one, or until patience ends. So the outcome
    of every lost call becomes known, and with it all sums.
    """
    give_up_at = time.monotonic() + patience_seconds

    def send(numbered: tuple[int, Message]) -> bool:
        number, request = numbered
        while True:
            recorder = recorders[number % len(recorders)]
            if recorder.send(request).outcome in DECIDED:
                return True
            if time.monotonic() >= give_up_at:
                return False
            number += 1
            time.sleep(AGAIN_SECONDS)

    with ThreadPoolExecutor(threads) as pool:
        known = list(history.requests.values())
        answered = list(pool.map(send, enumerate(known)))
        looks = [requests.validate(code, requests.order(600_00)) for code in history.codes()]
        answered += pool.map(send, enumerate(looks))
    return answered.count(False)
