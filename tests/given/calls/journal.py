"""Callers that record what they send and each answer, through every fault of the server."""

import json
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import Any

import grpc

from giftcard.v1 import gift_card_service_pb2 as pb
from giftcard_client.histories import sums
from giftcard_client.histories.calling.workload import PATIENCE_SECONDS, Caller, LostError
from giftcard_client.histories.check import Liability, compare
from giftcard_client.histories.check import check as check_history
from giftcard_client.histories.model import LEAVES_NO_TRACE
from giftcard_client.histories.recording.history import DECIDED, History
from giftcard_client.histories.recording.recorder import Answer, Recorder
from giftcard_storage import database
from giftcard_storage.database import DatabaseUrl
from giftcard_storage.schema import Purchase
from given.calls.shop import Shop
from given.servers.giftcard_command import giftcard
from given.servers.server_process import ServerProcess

Undecided = Callable[[Answer], bool]


def no_server_answered(answer: Answer) -> bool:
    """Return whether gRPC found no server, or lost it."""
    return answer.status is grpc.StatusCode.UNAVAILABLE and not answer.retry_info


def not_decided(answer: Answer) -> bool:
    """Return whether the server could not decide, so that the same request may be sent again."""
    return answer.status in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.ABORTED}


class Journal(Caller):
    """A caller of the recorded workload that sends each request once, and knows what was lost.

    `is_lost` says which undecided answers there may be; any other fails the test.
    """

    def __init__(
        self,
        chance: random.Random,
        history: History,
        *,
        is_lost: Undecided = no_server_answered,
        shared: Sequence[str] = (),
    ) -> None:
        super().__init__([], chance, shared)
        self.acknowledged: list[tuple[Any, Answer]] = []
        self.lost: list[Any] = []
        self.undecided: Answer | None = None  # The last answer that was none.
        self._history = history
        self._is_lost = is_lost

    def live(self, shop: Shop) -> None:
        """Buy cards and pay with them, until an answer is lost."""
        self._call_at(shop)
        try:
            while True:
                self.live_once()
        except LostError:
            return

    def live_on_at(self, shop: Shop, is_over: threading.Event) -> None:
        """Buy cards and pay with them, and go on with the next card when an answer is lost."""
        self._call_at(shop)
        while not is_over.is_set():
            try:
                self.live_once()
            except LostError:
                time.sleep(PATIENCE_SECONDS)

    def send(self, request: Any) -> Answer:
        """Send a request once. Raises `LostError`."""
        try:
            answer = self._ask(request, self._is_lost)
        except LostError:
            self.lost.append(request)
            raise
        # Where PostgreSQL did not answer, the server itself decides again and may find a record.
        assert not answer.replayed or self._is_lost is not no_server_answered
        if not isinstance(request, pb.ValidateRequest):  # It is asked anew each time.
            self.acknowledged.append((request, answer))
        return answer

    def find_all_again(self, shop: Shop) -> None:
        """Replay everything that was acknowledged; the answers are the same, byte by byte."""
        self._call_at(shop)
        for request, answer in self.acknowledged:
            again = self._ask(request)
            assert again.replayed or again.reason in LEAVES_NO_TRACE, request
            assert again.digest == answer.digest, request

    def retry_what_was_lost(self, shop: Shop) -> int:
        """Replay requests without an answer, and count those that had been done all the same."""
        self._call_at(shop)
        done_already = 0
        for request in self.lost:
            retried = self._ask(request)
            done_already += retried.replayed
            if not isinstance(request, pb.ValidateRequest):
                self.acknowledged.append((request, retried))
        self.lost.clear()
        return done_already

    def _call_at(self, shop: Shop) -> None:
        self._recorders = [Recorder(self._history, shop.channel)]

    def _ask(self, request: Any, is_lost: Undecided = no_server_answered) -> Answer:
        """Send a request. Raises `LostError`; fails if the answer is neither decided nor lost."""
        (recorder,) = self._recorders
        answer = recorder.send(request)
        if answer.outcome not in DECIDED:
            self.undecided = answer
            assert is_lost(answer), answer
            raise LostError
        return answer


def check(journal: Journal, shop: Shop) -> int:
    """Hold the server to its answers, and count the requests that it did without an answer."""
    journal.find_all_again(shop)
    done_already = journal.retry_what_was_lost(shop)
    journal.find_all_again(shop)
    return done_already


def assert_bought_once(server: ServerProcess, journals: list[Journal]) -> None:
    """Assert that every Issue was answered in the end, and that each grant made one card."""
    wanted = [
        request.purchase.order_id
        for journal in journals
        for request, answer in journal.acknowledged
        if isinstance(request, pb.IssueRequest) and not answer.reason
    ]
    with closing(database.connect(DatabaseUrl.parse(server.database_url))) as connection:
        found = Purchase.select(Purchase.order_id).tuples().execute(connection)
        bought = [order_id for (order_id,) in found]
    assert sorted(bought) == sorted(wanted)


def outstanding(environment: Mapping[str, str]) -> Liability:
    """Return what all cards of a database are worth; its audit must find no difference."""
    audited = giftcard("audit", "--output", "json", settings=environment)
    assert audited.returncode == 0, audited.stdout + audited.stderr
    return sums.by_audit(json.loads(audited.stdout))


def assert_consistent(
    history: History, environment: Mapping[str, str], before: Liability | None = None
) -> None:
    """Assert that some order of all calls fits the rules, and that the audit agrees with it.

    All calls to the database that `environment` names are in the history, but for those before
    which its cards were worth `before`.
    """
    verdict = check_history(history.calls)
    compare(verdict, sums.growth(before or {}, outstanding(environment)))
    assert verdict.is_consistent, str(verdict)
