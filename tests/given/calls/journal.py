"""Callers that record what they send and each answer, through every fault of the server."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import grpc

from giftcard.v1 import gift_card_service_pb2 as pb
from giftcard_storage import database
from giftcard_storage.database import DatabaseUrl
from giftcard_storage.schema import Purchase
from given.calls import sent
from given.calls.answered import Refusal, is_replay, refusal_of
from given.calls.shop import TIMEOUT_SECONDS, Shop
from given.servers.server_process import ServerProcess

CARD_MINOR = 50_00
PATIENCE_SECONDS = 0.02  # Of a caller without an answer, before its next request.


class LostError(Exception):
    """No answer came: the server was gone, or could not decide for now."""


@dataclass(frozen=True)
class Answered:
    """An answer as bytes: of a response, or of the status of a refusal."""

    serialized: bytes
    replayed: bool
    response: Any = None


Undecided = Callable[[Refusal], bool]


def no_server_answered(refused: Refusal) -> bool:
    """Return whether gRPC found no server, or lost it."""
    return refused.status is grpc.StatusCode.UNAVAILABLE and refused.retry_after is None


def not_decided(refused: Refusal) -> bool:
    """Return whether the server could not decide, so that the same request may be sent again."""
    undecided = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.ABORTED}
    return refused.status in undecided and refused.reason is None


def ask(shop: Shop, request: Any, is_lost: Undecided = no_server_answered) -> Answered:
    """Send a request once. Raises `LostError`; fails on a refusal without a reason."""
    rpc = getattr(shop.stub, type(request).__name__.removesuffix("Request"))
    try:
        response, call = rpc.with_call(request, timeout=TIMEOUT_SECONDS)
    except grpc.RpcError as error:
        refused = refusal_of(error)
        if is_lost(refused):
            raise LostError from None
        assert refused.reason is not None, refused
        return Answered(refused.serialized, refused.replayed)
    return Answered(response.SerializeToString(deterministic=True), is_replay(call), response)


@dataclass
class Journal:
    """The requests of one caller, in order, with the bytes of each answer."""

    chance: random.Random
    acknowledged: list[tuple[Any, bytes]] = field(default_factory=list)
    lost: list[Any] = field(default_factory=list)
    is_lost: Undecided = no_server_answered

    def live(self, shop: Shop) -> None:
        """Buy cards and pay with them, until an answer is lost."""
        try:
            while True:
                self._life_of_a_card(shop)
        except LostError:
            return

    def live_on(self, shop: Shop, is_over: threading.Event) -> None:
        """Buy cards and pay with them, and go on with the next card when an answer is lost."""
        while not is_over.is_set():
            try:
                self._life_of_a_card(shop)
            except LostError:
                time.sleep(PATIENCE_SECONDS)

    def _send(self, shop: Shop, request: Any) -> Any:
        try:
            answered = ask(shop, request, self.is_lost)
        except LostError:
            self.lost.append(request)
            raise
        # Where PostgreSQL did not answer, the server itself decides again and may find a record.
        assert not answered.replayed or self.is_lost is not no_server_answered
        self.acknowledged.append((request, answered.serialized))
        return answered.response

    def _life_of_a_card(self, shop: Shop) -> None:
        bought = sent.issue(CARD_MINOR)
        code = self._send(shop, bought).code
        authorize = sent.authorize(code, sent.order(30_00, 40_00))
        held = self._send(shop, authorize).authorization.authorization_id
        for request in self._story(code, bought, authorize, held):
            self._send(shop, request)

    def _story(
        self, code: str, bought: pb.IssueRequest, authorize: pb.AuthorizeRequest, held: str
    ) -> Iterator[Any]:
        """Yield requests that follow a hold; some are declined, which is an answer as well."""
        match self.chance.randrange(4):
            case 0:
                yield sent.capture(held)
                yield sent.reverse(held, 20_00)
                yield sent.reverse(held)
            case 1:
                yield sent.capture(held, 20_00)
                yield sent.capture(held)
            case 2:
                yield sent.reverse_request(authorize.request_id)
                yield sent.cancel(code, bought.purchase.order_id)
            case _:
                yield sent.cancel(code, bought.purchase.order_id)
                yield sent.reverse(held)

    def find_all_again(self, shop: Shop) -> None:
        """Replay everything that was acknowledged; the answers are the same, byte by byte."""
        for request, serialized in self.acknowledged:
            again = ask(shop, request)
            assert again.replayed, request
            assert again.serialized == serialized, request

    def retry_what_was_lost(self, shop: Shop) -> int:
        """Replay requests without an answer, and count those that had been done all the same."""
        done_already = 0
        for request in self.lost:
            retried = ask(shop, request)
            done_already += retried.replayed
            self.acknowledged.append((request, retried.serialized))
        self.lost.clear()
        return done_already


def check(journal: Journal, shop: Shop) -> int:
    """Hold the server to its answers, and count the requests that it did without an answer."""
    journal.find_all_again(shop)
    done_already = journal.retry_what_was_lost(shop)
    journal.find_all_again(shop)
    return done_already


def assert_bought_once(server: ServerProcess, journals: list[Journal]) -> None:
    """Assert that every Issue was answered in the end, and that each made one card."""
    wanted = [
        request.purchase.order_id
        for journal in journals
        for request, _ in journal.acknowledged
        if isinstance(request, pb.IssueRequest)
    ]
    with closing(database.connect(DatabaseUrl.parse(server.database_url))) as connection:
        found = Purchase.select(Purchase.order_id).tuples().execute(connection)
        bought = [order_id for (order_id,) in found]
    assert sorted(bought) == sorted(wanted)
