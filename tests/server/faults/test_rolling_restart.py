"""Three replicas are restarted one after the other under load; the real client sees none of it."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Final
from uuid import uuid4

import pytest

from giftcard_client import GiftCardError, GiftCards, Money, Purchase
from given.checkout.shopping import BUYER, CARD_MINOR, SHOPPER, order, session
from given.databases.kinds import Databases, Kind
from given.servers.giftcard_command import giftcard
from given.servers.server_process import ServerProcess

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("drains")]

REPLICAS: Final = 3
ROLLS: Final = 1
# The first half of the shoppers share a client, as in one process, and the others another one.
SHOPPERS: Final = 12
CLIENTS: Final = 2
# Of load before the first restart and after the last one.
LOAD_SECONDS: Final = 1.0


class Shoppers:
    """Shoppers who buy, look and pay all the time; counts their calls, and those that failed."""

    def __init__(self, target: str) -> None:
        self.calls: Counter[str] = Counter()
        self.failed: list[GiftCardError] = []
        self._target = target
        self._over = threading.Event()
        self._lock = threading.Lock()

    @contextmanager
    def shopping(self) -> Iterator[None]:
        """Shop until the block is over."""
        with ExitStack() as opened, ThreadPoolExecutor(SHOPPERS) as threads:
            clients = [opened.enter_context(GiftCards(self._target)) for _ in range(CLIENTS)]
            shopping = [
                threads.submit(self._shop, clients[number % CLIENTS]) for number in range(SHOPPERS)
            ]
            try:
                yield
            finally:
                self._over.set()
                for each in shopping:
                    each.result()

    def _shop(self, cards: GiftCards) -> None:
        while not self._over.is_set():
            try:
                self._buy_and_pay(cards)
            except GiftCardError as error:
                self.failed.append(error)

    def _buy_and_pay(self, cards: GiftCards) -> None:
        basket, key = order(CARD_MINOR), session()
        purchase = Purchase(f"purchase-{uuid4()}", str(uuid4()))
        code = cards.issue(
            market="fr", amount=Money(CARD_MINOR), purchase=purchase, purchaser=BUYER
        ).code
        self._answered("issue")
        assert cards.validate(code, market="fr", order=basket, attempt_key=key).usable
        self._answered("validate")
        held = cards.authorize(
            code, market="fr", order=basket, customer=SHOPPER, attempt_key=key
        ).authorization
        self._answered("authorize")
        cards.capture(held.authorization_id)
        self._answered("capture")

    def _answered(self, call: str) -> None:
        with self._lock:
            self.calls[call] += 1


@pytest.mark.timeout(300)
def test_no_call_fails_while_three_replicas_are_restarted(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with ExitStack() as opened:
        folders = [tmp_path_factory.mktemp("replica") for _ in range(REPLICAS)]
        place = opened.enter_context(databases.empty(Kind.POSTGRESQL, folders[0]))
        replicas = [
            opened.enter_context(ServerProcess(folder, settings=place.environment))
            for folder in folders
        ]
        shoppers = Shoppers("ipv4:" + ",".join(each.target for each in replicas))
        during: list[int] = []
        with shoppers.shopping():
            time.sleep(LOAD_SECONDS)
            for replica in replicas * ROLLS:
                before = shoppers.calls.total()
                assert replica.terminate() == 0
                replica.restart()
                during.append(shoppers.calls.total() - before)
            time.sleep(LOAD_SECONDS)
        assert shoppers.failed == []
        assert min(during) > 0, during  # There was load during each restart.
        assert len(set(shoppers.calls)) == 4
        audited = giftcard("audit", settings=place.environment)
        assert audited.returncode == 0, audited.stdout + audited.stderr
