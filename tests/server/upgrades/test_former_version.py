"""The version before this one and this one: on one database, one after the other, over the wire.

Migration 0007 fences off: from its commit on, a running server of the former version writes
nothing more, and its callers go to this one.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Event
from typing import Any, Final

import grpc
import pytest

from giftcard_storage.database import migrate
from given.calls import sent
from given.calls.answered import refusal, refusal_of
from given.calls.shop import Shop, shop_at
from given.databases.kinds import Databases, Kind, Place
from given.former_version import FormerVersion
from given.servers.giftcard_command import giftcard
from given.servers.server_process import ServerNotReady, ServerProcess

pytestmark = pytest.mark.xdist_group("former version")

CARDS: Final = 3
AGAIN: Final = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.ABORTED}
BUYERS: Final = 3
BUSY_SECONDS: Final = 0.5


@pytest.fixture(scope="module")
def former(tmp_path_factory: pytest.TempPathFactory) -> FormerVersion:
    """The version of the first edition of the contract."""
    return FormerVersion(tmp_path_factory.mktemp("former"))


@pytest.fixture
def own(kind: Kind, databases: Databases, tmp_path: Path) -> Iterator[Place]:
    """A database without a schema."""
    with databases.own(kind, tmp_path) as place:
        yield place


class Sent:
    """Requests with the answers that they got, in the order of their time."""

    def __init__(self) -> None:
        self.answered: list[tuple[Any, bytes]] = []

    def send(self, shop: Shop, request: Any) -> Any:
        """Send a request that is granted, and keep its answer."""
        response = shop.call(request)
        self.answered.append((request, response.SerializeToString(deterministic=True)))
        return response

    def life(self, shop: Shop) -> None:
        """Play every kind of call that keeps a record, declined ones too."""
        issued = self.send(shop, sent.issue())
        held = self.send(shop, sent.authorize(issued.code, sent.order(40_00, 30_00)))
        paid = self.send(shop, sent.capture(held.authorization.authorization_id, 45_00))
        self.send(shop, sent.reverse(paid.authorization.authorization_id, 10_00))
        order_id = (unused := sent.issue()).purchase.order_id
        self.send(shop, sent.cancel(self.send(shop, unused).code, order_id))
        declined = sent.authorize(issued.code, sent.order(10_00))
        self.answered.append((declined, shop.answered(declined)[0]))

    def is_answered_again(self, shop: Shop) -> bool:
        """Send everything again; return whether each answer is a replay of the first one."""
        return all(shop.answered(request) == (first, True) for request, first in self.answered)


def returned(shop: Shop, authorization_id: str, amount_minor: int) -> int:
    """Send a part of an order back; return what was refunded of it so far."""
    answer = shop.call(sent.reverse(authorization_id, amount_minor))
    return int(answer.authorization.refunded_amount.amount_minor)


class StoppedError(Exception):
    """A request was not decided, and nobody needs an answer any more."""


def pay_until(stop: Event, target: str) -> int:
    """Buy and pay without a pause, sending again what was not decided; return how often."""
    paid = 0
    with shop_at(target) as shop, suppress(StoppedError):
        while not stop.is_set():
            code = answered(shop, sent.issue(), stop).code
            held = answered(shop, sent.authorize(code, sent.order(50_00)), stop).authorization
            answered(shop, sent.capture(held.authorization_id), stop)
            paid += 1
    return paid


def answered(shop: Shop, request: Any, stop: Event) -> Any:
    """Send a request until it is decided. Raises `StoppedError`."""
    while True:
        try:
            return shop.call(request)
        except grpc.RpcError as error:
            if refusal_of(error).status not in AGAIN:
                raise
            if stop.is_set():
                raise StoppedError from error


def migrate_while_busy(place: Place, server: ServerProcess) -> None:
    """Migrate a database while a server on it is busy, which is refused from then on."""
    stop = Event()
    with ThreadPoolExecutor(BUYERS) as threads:
        buyers = [threads.submit(pay_until, stop, server.target) for _ in range(BUYERS)]
        time.sleep(BUSY_SECONDS)
        try:
            migrate(place.database_url)
            time.sleep(BUSY_SECONDS)
        finally:
            stop.set()
        assert all(buyer.result() for buyer in buyers)


def made_due(theirs: Shop) -> list[tuple[int, dict[str, str]]]:
    """Refund and cancel at a server of the former version; return what is due by that."""
    paid = theirs.paid(theirs.bought(50_00).code, sent.order(80_00))
    theirs.call(sent.reverse(paid.authorization_id))
    order_id = (unused := sent.issue(25_00)).purchase.order_id
    cancelled = theirs.call(sent.cancel(theirs.call(unused).code, order_id))
    return [
        (30_00, {"authorization_id": paid.authorization_id}),
        (25_00, {"card_id": cancelled.card.card_id}),
    ]


def assert_sound(place: Place) -> None:
    audited = giftcard("audit", settings=place.environment)
    assert audited.returncode == 0, audited.stdout + audited.stderr


def test_the_former_version_is_not_this_one(former: FormerVersion) -> None:
    for module in ("giftcard.v1.order_pb2", "giftcard_rules", "giftcard_server", "giftcard_client"):
        assert former.imported_from(module).startswith(str(former.folder))


def test_the_same_request_gets_the_same_answer_across_the_upgrade(
    former: FormerVersion, own: Place, tmp_path: Path
) -> None:
    before = Sent()
    with former.server(own, tmp_path / "former") as server, shop_at(server.target) as shop:
        before.life(shop)
        opened = [shop.held(shop.bought().code) for _ in range(CARDS)]
        captured = [shop.paid(shop.bought().code) for _ in range(CARDS)]
        assert before.is_answered_again(shop)
        assert server.terminate() == 0
    migrate(own.database_url)
    with (
        ServerProcess(tmp_path / "this", settings=own.environment) as server,
        shop_at(server.target) as shop,
    ):
        assert before.is_answered_again(shop)
        for each in opened:
            shop.call(sent.capture(each.authorization_id))
        for each in (*opened, *captured):
            assert returned(shop, each.authorization_id, 20_00) == 20_00
        assert server.terminate() == 0
    assert_sound(own)


def test_a_client_of_the_former_version_works_with_this_server(
    former: FormerVersion, live_server: ServerProcess
) -> None:
    assert former.plays_a_life(live_server.target) == ""


@pytest.mark.parametrize("kind", [Kind.POSTGRESQL], indirect=True)
def test_a_running_server_of_the_former_version_writes_nothing_without_events(
    former: FormerVersion, own: Place, tmp_path: Path
) -> None:
    with ExitStack() as running:
        old = running.enter_context(former.server(own, tmp_path / "former"))
        theirs = running.enter_context(shop_at(old.target))
        before = Sent()
        before.life(theirs)
        held_before = theirs.held(theirs.bought().code)
        due = made_due(theirs)

        migrate_while_busy(own, old)
        for request in (sent.issue(), sent.capture(held_before.authorization_id)):
            refused = refusal(lambda: theirs.call(request))  # noqa: B023 - called at once
            assert refused.status is grpc.StatusCode.UNAVAILABLE
            assert refused.retry_after is not None

        new = running.enter_context(ServerProcess(tmp_path / "this", settings=own.environment))
        ours = running.enter_context(shop_at(new.target))
        assert before.is_answered_again(ours)
        # What one version has begun, the other one ends.
        assert ours.call(sent.capture(held_before.authorization_id))
        assert returned(ours, held_before.authorization_id, 50_00) == 50_00
        for amount_minor, target in due:
            confirmed = ours.call(sent.confirm_refund(amount_minor, **target)).refund_due
            assert confirmed.amount.amount_minor == 0
        assert former.plays_a_life(new.target) == ""
        assert old.terminate() == new.terminate() == 0
        assert "defect" not in old.log_text() + new.log_text()
    assert_sound(own)


def test_a_server_of_the_former_version_does_not_start_again_after_the_migration(
    former: FormerVersion, own: Place, tmp_path: Path
) -> None:
    migrate(own.database_url)
    with pytest.raises(ServerNotReady, match="newer version of giftcard \\(0003_second_edition"):
        former.server(own, tmp_path / "former").start()
