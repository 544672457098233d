"""Two replicas on one database use the same cards at once, and no update is lost."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import Any, Final

import pytest
from prometheus_client.parser import text_string_to_metric_families

from giftcard.v1 import gift_card_service_pb2 as pb
from giftcard_client.histories.recording.history import History
from giftcard_client.histories.recording.recorder import Recorder
from giftcard_storage import database
from giftcard_storage.schema import Authorization, Card
from given.calls import sent
from given.calls.journal import assert_consistent, outstanding
from given.calls.shop import Shop, shop_at
from given.databases.kinds import Databases, Kind, Place
from given.servers.giftcard_command import giftcard
from given.servers.http_get import get
from given.servers.server_process import ServerProcess
from given.waiting import wait_until

pytestmark = pytest.mark.xdist_group("replicas")

CALLERS: Final = 64  # On each replica.
LIVES: Final = 4  # Of cards of a caller's own; and each caller goes for shared cards in between.
SHARED_CARDS: Final = 100
MOMENT_SECONDS: Final = 0.05
MOST_WAVES: Final = 5
ROUNDS: Final = 40
SEED: Final = 20_261_122


class Replicas:
    """Two servers on one database."""

    def __init__(self, place: Place, servers: list[ServerProcess], shops: list[Shop]) -> None:
        self.place = place
        self.servers = servers
        self.shops = shops

    def both(self, one: Any, other: Any) -> list[tuple[bytes, bool]]:
        """Send a request to each replica at the same moment, and return their answers."""
        together = threading.Barrier(2, timeout=20)

        def send(shop: Shop, request: Any) -> tuple[bytes, bool]:
            together.wait()
            return shop.answered(request)

        with ThreadPoolExecutor(2) as threads:
            return list(threads.map(send, self.shops, (one, other)))

    def rows(self, query: Any) -> list[Any]:
        """Return what a query finds."""
        with closing(database.connect(self.place.database_url)) as connection:
            return list(query.tuples().execute(connection))

    def batches_overtaken(self) -> float:
        """Count the batches that had to be decided again."""
        return sum(
            sample.value
            for server in self.servers
            for family in text_string_to_metric_families(get(f"{server.http_url}/metrics")[1])
            for sample in family.samples
            if sample.name == "giftcard_batches_again_total"
        )

    def assert_clean(self) -> None:
        """Hold the audit against the database, and the logs of both against defects."""
        audited = giftcard("audit", settings=self.place.environment)
        assert audited.returncode == 0, audited.stdout + audited.stderr
        for server in self.servers:
            assert '"event": "defect"' not in server.log_text()


@pytest.fixture(scope="module")
def replicas(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replicas]:
    with ExitStack() as running:
        folders = [tmp_path_factory.mktemp(f"replica_{number}") for number in (1, 2)]
        place = running.enter_context(databases.empty(Kind.POSTGRESQL, folders[0]))
        settings = {**place.environment, "GIFTCARD_HOUSEKEEPING_SECONDS": "1"}
        servers = [
            running.enter_context(ServerProcess(folder, settings=settings)) for folder in folders
        ]
        shops = [running.enter_context(shop_at(server.target)) for server in servers]
        yield Replicas(place, servers, shops)


class Fight:
    """Callers on both replicas, what they were answered, and which cards they share."""

    def __init__(self, shop: Shop) -> None:
        self.history = History()
        self.authorized: Counter[str] = Counter()  # By order, how often it got a card.
        self.captured_minor: Counter[str] = Counter()  # By authorization.
        self.declined: Counter[str] = Counter()
        self.neither: Counter[str] = Counter()
        bought = [self._send(shop, sent.issue(50_00)) for _ in range(SHARED_CARDS)]
        self.shared: list[str] = [each.code for each in bought]

    def of_caller(self, number: int, shop: Shop) -> None:
        """Buy cards and pay with them, and try for some that everybody wants."""
        chance = random.Random(SEED + number)  # noqa: S311 - which card, and what becomes of it
        for _ in range(LIVES):
            bought = self._send(shop, sent.issue(50_00))
            self._pay(shop, bought.code, capture=True)
            self._pay(shop, self._send(shop, sent.issue(20_00)).code, capture=False)
            for _ in range(chance.randrange(2)):
                self._pay(shop, self._wanted(), capture=chance.random() < 0.02)

    def _wanted(self) -> str:
        """Return the shared card that everybody wants at this moment, so that they do meet."""
        return self.shared[int(time.monotonic() / MOMENT_SECONDS) % SHARED_CARDS]

    def _pay(self, shop: Shop, code: str, *, capture: bool) -> None:
        authorize = sent.authorize(code)
        answer = self._send(shop, authorize)
        if answer is None:
            return
        self.authorized[authorize.order.order_id] += 1
        held = answer.authorization.authorization_id
        if not capture:
            assert self._send(shop, sent.reverse(held)).outcome == pb.REVERSE_OUTCOME_RELEASED
            return
        paid = self._send(shop, sent.capture(held)).authorization
        self.captured_minor[held] += paid.captured_amount.amount_minor

    def _send(self, shop: Shop, request: Any) -> Any:
        """Return the answer, None if it was declined; count refusals without a reason."""
        answer = Recorder(self.history, shop.channel).send(request)
        if answer.reason:
            self.declined[answer.reason] += 1
        elif answer.response is None:
            self.neither[answer.status.name] += 1
        return answer.response


@pytest.mark.slow
def test_two_replicas_that_fight_over_the_same_cards_lose_no_update(replicas: Replicas) -> None:
    before = outstanding(replicas.place.environment)
    fight = Fight(replicas.shops[0])
    errors: list[BaseException | None] = []
    with ThreadPoolExecutor(2 * CALLERS) as threads:
        for _ in range(MOST_WAVES):
            callers = [
                threads.submit(fight.of_caller, number, replicas.shops[number % 2])
                for number in range(2 * CALLERS)
            ]
            errors += [caller.exception() for caller in callers]
            if replicas.batches_overtaken():
                break  # Mostly in the first wave, but whether they meet is chance.
    assert fight.neither == Counter()
    assert replicas.batches_overtaken() > 0  # Else it was no fight.
    assert [error for error in errors if error is not None] == []
    assert set(fight.declined) <= {"CARD_HELD", "CARD_REDEEMED"}
    assert set(fight.authorized.values()) == {1}
    columns = (Authorization.order_id, Authorization.authorization_id, Authorization.captured_minor)
    kept = replicas.rows(Authorization.select(*columns))
    assert sorted(order_id for order_id, _, _ in kept) == sorted(fight.authorized)
    captured = {id_: captured for _, id_, captured in kept if captured}
    assert captured == dict(fight.captured_minor)
    assert_consistent(fight.history, replicas.place.environment, before)
    replicas.assert_clean()


def a_purchase(_shop: Shop) -> Any:
    return sent.issue()


def a_checkout(shop: Shop) -> Any:
    return sent.authorize(shop.bought().code)


def a_capture_of_less(shop: Shop) -> Any:
    return sent.capture(shop.held(shop.bought().code).authorization_id, 10_00)


def a_capture_of_too_much(shop: Shop) -> Any:
    return sent.capture(shop.held(shop.bought().code).authorization_id, 50_01)


def a_prevention(_shop: Shop) -> Any:
    return sent.reverse_request(sent.new_id())


@pytest.mark.parametrize(
    "prepare", [a_purchase, a_checkout, a_capture_of_less, a_capture_of_too_much, a_prevention]
)
def test_the_same_request_at_both_replicas_is_decided_once_and_answered_alike(
    replicas: Replicas, prepare: Callable[[Shop], Any]
) -> None:
    for _ in range(ROUNDS // 4):
        request = prepare(replicas.shops[0])
        (one, one_replayed), (other, other_replayed) = replicas.both(request, request)
        assert one == other
        assert {one_replayed, other_replayed} == {True, False}
    replicas.assert_clean()


def test_one_card_at_two_replicas_goes_to_one_order(replicas: Replicas) -> None:
    for _ in range(ROUNDS):
        code = replicas.shops[0].bought().code
        wanted = [sent.authorize(code), sent.authorize(code)]
        answers = [answer for answer, _ in replicas.both(*wanted)]
        assert sum(b"CARD_HELD" in answer for answer in answers) == 1
    replicas.assert_clean()


def test_one_order_at_two_replicas_gets_one_card(replicas: Replicas) -> None:
    for _ in range(ROUNDS):
        wanted = sent.order(50_00)
        both = [sent.authorize(replicas.shops[0].bought().code, wanted) for _ in range(2)]
        answers = [answer for answer, _ in replicas.both(*both)]
        assert sum(b"ORDER_HAS_ANOTHER_CARD" in answer for answer in answers) == 1
    replicas.assert_clean()


def test_r36_a_reverse_that_races_its_authorize_at_the_other_replica_leaves_no_hold(
    replicas: Replicas,
) -> None:
    came: Counter[str] = Counter()
    for number in range(ROUNDS):
        late = sent.authorize(replicas.shops[0].bought().code)
        undo = sent.reverse_request(late.request_id)
        pair = (late, undo) if number % 2 else (undo, late)
        answers = dict(zip(map(type, pair), replicas.both(*pair), strict=True))
        undone = pb.ReverseResponse.FromString(answers[pb.ReverseRequest][0])
        prevented = b"REQUEST_PREVENTED" in answers[pb.AuthorizeRequest][0]
        came[pb.ReverseOutcome.Name(undone.outcome)] += 1
        assert prevented == (undone.outcome == pb.REVERSE_OUTCOME_PREVENTED)
        for shop in replicas.shops:
            assert shop.call(sent.validate(late.code)).usable
    assert set(came) <= {"REVERSE_OUTCOME_PREVENTED", "REVERSE_OUTCOME_RELEASED"}
    replicas.assert_clean()


def test_the_housekeeping_of_both_replicas_does_no_harm(replicas: Replicas) -> None:
    held = []
    for number in range(ROUNDS):
        shop = replicas.shops[number % 2]
        request = sent.authorize(shop.bought().code)
        request.hold_for.FromMilliseconds(500)
        held.append(shop.call(request).authorization)
    ids = [each.authorization_id for each in held]
    mine = Authorization.select(Authorization.state).where(Authorization.authorization_id << ids)
    wait_until(lambda: set(replicas.rows(mine)) == {("LAPSED",)})
    cards = Card.select(Card.state).where(Card.card_id << [each.card_id for each in held])
    assert replicas.rows(cards) == [("ACTIVE",)] * ROUNDS
    replicas.assert_clean()
