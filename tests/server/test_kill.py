"""`kill -9` under load, again and again: what was acknowledged is there, and done once."""

import random
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from conftest import StartServer
from giftcard.v1 import gift_card_service_pb2 as pb
from giftcard_command import giftcard
from giftcard_storage import database
from giftcard_storage.audit import audit
from giftcard_storage.schema import Purchase
from server.journal import Journal
from server.shop import Shop, shop_at
from server.together import until
from server_process import ServerProcess

KILLS = 10
CALLERS = 8
LONGEST_SECONDS = 0.8  # Of load, from its first answer on.
SEED = 20_261_122


@pytest.mark.timeout(300)  # Eleven starts of the server, on a machine that may be busy.
def test_what_was_acknowledged_survives_ten_kills_in_a_row(start_server: StartServer) -> None:
    chance = random.Random(SEED)  # noqa: S311 - when to pull the plug
    server = start_server()
    everybody: list[Journal] = []
    lost = done_already = 0
    for _ in range(KILLS):
        journals = [Journal(random.Random(chance.random())) for _ in range(CALLERS)]  # noqa: S311 - likewise
        everybody += journals
        kill_under_load(server, journals, chance.uniform(0, LONGEST_SECONDS))
        lost += sum(len(journal.lost) for journal in journals)
        server.restart()
        with shop_at(server.target) as shop, ThreadPoolExecutor(CALLERS) as threads:
            done_already += sum(threads.map(check, journals, [shop] * CALLERS))
        assert_audited(server)
    assert lost == KILLS * CALLERS  # Everybody was waiting for an answer each time,
    assert done_already > 0  # and some of what they waited for had been committed.

    with shop_at(server.target) as shop, ThreadPoolExecutor(CALLERS) as threads:
        list(threads.map(Journal.find_all_again, everybody, [shop] * len(everybody)))
    assert_bought_once(server, everybody)
    audited = giftcard("audit", settings={"GIFTCARD_DATABASE_URL": server.database_url})
    assert audited.returncode == 0, audited.stdout + audited.stderr


def kill_under_load(server: ServerProcess, journals: list[Journal], seconds: float) -> None:
    with shop_at(server.target) as shop, ThreadPoolExecutor(CALLERS) as threads:
        living = [threads.submit(journal.live, shop) for journal in journals]
        until(lambda: any(journal.acknowledged for journal in journals))
        time.sleep(seconds)
        server.kill()
        for life in living:
            life.result()


def check(journal: Journal, shop: Shop) -> int:
    """Hold the server to what it said, and count what it had done without saying so."""
    journal.find_all_again(shop)
    done_already = journal.retry_what_was_lost(shop)
    journal.find_all_again(shop)
    return done_already


def assert_audited(server: ServerProcess) -> None:
    connection = database.connect(database.DatabaseUrl(server.database_path))
    assert audit(connection) == []
    connection.close()


def assert_bought_once(server: ServerProcess, journals: list[Journal]) -> None:
    """Every Issue was answered in the end, and each made one card."""
    wanted = [
        request.purchase.order_id
        for journal in journals
        for request, _ in journal.acknowledged
        if isinstance(request, pb.IssueRequest)
    ]
    connection = database.connect(database.DatabaseUrl(server.database_path))
    bought = [each for (each,) in Purchase.select(Purchase.order_id).tuples().execute(connection)]
    connection.close()
    assert sorted(bought) == sorted(wanted)
