"""Callers that want the same card at the same moment: one wins, the others are declined."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import grpc
import pytest

from conftest import StartServer
from giftcard.v1 import gift_card_service_pb2 as pb
from giftcard_client.histories.recording.history import History
from giftcard_storage import database
from giftcard_storage.audit import audit, totals
from given.calls import sent
from given.calls.journal import assert_consistent
from given.calls.recording_shop import RecordingShop
from given.calls.shop import Shop

THREADS = 32
FEW_ROUNDS, MANY_ROUNDS = 4, 100
CHANNELS = 8
CARD_MINOR = 50_00
TIMEOUT_SECONDS = 20.0


class Crowd:
    """A caller for each thread, over several connections, released together."""

    def __init__(self, shops: list[RecordingShop], threads: ThreadPoolExecutor) -> None:
        self.shop = shops[0]
        self._shops = shops
        self._threads = threads
        self._barrier = threading.Barrier(THREADS, timeout=TIMEOUT_SECONDS)

    def send(self, requests: list[Any]) -> Counter[str]:
        """Send a request from each thread at once, and count what came of them."""
        return Counter(self._threads.map(self._send, range(THREADS), requests))

    def _send(self, number: int, request: Any) -> str:
        shop = self._shops[number % CHANNELS]
        self._barrier.wait()
        answer = shop.send(request)
        if answer.response is None:
            return answer.reason or answer.status.name
        if isinstance(answer.response, pb.ReverseResponse):
            outcome = pb.ReverseOutcome.Name(answer.response.outcome)
            return outcome.removeprefix("REVERSE_OUTCOME_")
        return type(answer.response).__name__


@contextmanager
def crowd_at(target: str, history: History) -> Iterator[Crowd]:
    with ExitStack() as opened:
        # Channels to the same target share a connection without this option.
        options = [("grpc.use_local_subchannel_pool", 1)]
        channels = [
            opened.enter_context(grpc.insecure_channel(target, options=options))
            for _ in range(CHANNELS)
        ]
        threads = opened.enter_context(ThreadPoolExecutor(THREADS))
        yield Crowd([RecordingShop(channel, history) for channel in channels], threads)


def authorize_for_many_orders(shop: Shop, _round: int) -> list[Any]:
    code = shop.bought(CARD_MINOR).code
    return [sent.authorize(code) for _ in range(THREADS)]


def capture_or_reverse(shop: Shop, number: int) -> list[Any]:
    held = shop.held(shop.bought(CARD_MINOR).code).authorization_id
    return alternating(number, lambda: sent.capture(held), lambda: sent.reverse(held))


def cancel_or_authorize(shop: Shop, number: int) -> list[Any]:
    bought = sent.issue(CARD_MINOR)
    code = shop.call(bought).code
    return alternating(
        number,
        lambda: sent.cancel(code, bought.purchase.order_id),
        lambda: sent.authorize(code),
    )


def alternating(number: int, one: Callable[[], Any], other: Callable[[], Any]) -> list[Any]:
    """Return requests of two kinds in turn; the kind that goes first changes with the round."""
    kinds = (one, other) if number % 2 else (other, one)
    return [kinds[thread % 2]() for thread in range(THREADS)]


LOSERS, HALF = THREADS - 1, THREADS // 2

HELD = {"AuthorizeResponse": 1, "CARD_HELD": LOSERS}
CAPTURED_AND_REFUNDED = {
    "CaptureResponse": 1,
    "AUTHORIZATION_CAPTURED": HALF - 1,
    "REFUNDED": 1,
    "AMOUNT_EXCEEDS_REFUNDABLE": HALF - 1,
}
RELEASED = {"RELEASED": 1, "AUTHORIZATION_RELEASED": LOSERS}
CANCELLED = {"CancelResponse": 1, "CARD_CANCELLED": LOSERS}


@pytest.mark.parametrize("rounds", [FEW_ROUNDS, pytest.param(MANY_ROUNDS, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("requests", "outcomes"),
    [
        (authorize_for_many_orders, [(HELD, CARD_MINOR)]),
        (capture_or_reverse, [(CAPTURED_AND_REFUNDED, CARD_MINOR), (RELEASED, CARD_MINOR)]),
        (cancel_or_authorize, [(CANCELLED, 0), (HELD, CARD_MINOR)]),
    ],
)
def test_of_many_who_race_for_a_card_one_wins_every_time(
    start_server: StartServer,
    requests: Callable[[Shop, int], list[Any]],
    outcomes: list[tuple[dict[str, int], int]],
    rounds: int,
) -> None:
    """`outcomes` are what may come of a round, with what is outstanding after each."""
    server = start_server()
    history, outstanding_minor = History(), 0
    with crowd_at(server.target, history) as crowd:
        for number in range(rounds):
            came = crowd.send(requests(crowd.shop, number))
            possible = [left_minor for outcome, left_minor in outcomes if came == outcome]
            assert len(possible) == 1, came
            outstanding_minor += possible[0]
    connection = database.connect(database.DatabaseUrl.parse(server.database_url))
    assert audit(connection) == []
    assert [each.outstanding_minor for each in totals(connection)] == [outstanding_minor]
    connection.close()
    assert_consistent(history, server.place)
