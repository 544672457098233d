"""`kill -9` under load, again and again: what was acknowledged is there, and done once."""

import random
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from conftest import StartServer
from giftcard_client.histories.recording.history import History
from giftcard_storage import database
from giftcard_storage.audit import audit
from given.calls.journal import Journal, assert_bought_once, assert_consistent, check
from given.calls.shop import shop_at
from given.servers.server_process import ServerProcess
from given.waiting import wait_until

# PostgreSQL does not die with the server; its own kills are in test_postgresql_kills.py.
FEW, MANY = 1, 10
CALLERS = 8
LONGEST_SECONDS = 0.8  # Of load, from its first answer on.
SEED = 20_261_122


@pytest.mark.timeout(300)  # Eleven starts of the server, on a machine that may be busy.
@pytest.mark.parametrize("kills", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
def test_what_was_acknowledged_survives_kills_in_a_row(
    start_server: StartServer, kills: int
) -> None:
    chance = random.Random(SEED)  # noqa: S311 - when to pull the plug
    server = start_server()
    history, everybody = History(), list[Journal]()
    lost = done_already = 0
    for _ in range(kills):
        journals = [
            Journal(random.Random(chance.random()), history)  # noqa: S311 - likewise
            for _ in range(CALLERS)
        ]
        everybody += journals
        kill_under_load(server, journals, chance.uniform(0, LONGEST_SECONDS))
        lost += sum(len(journal.lost) for journal in journals)
        server.restart()
        with shop_at(server.target) as shop, ThreadPoolExecutor(CALLERS) as threads:
            done_already += sum(threads.map(check, journals, [shop] * CALLERS))
        assert_audited(server)
    assert lost == kills * CALLERS  # Every caller was waiting for an answer each time,
    # and some of these requests had been committed: with few kills, perhaps none.
    assert done_already > 0 or kills == FEW

    with shop_at(server.target) as shop, ThreadPoolExecutor(CALLERS) as threads:
        list(threads.map(Journal.find_all_again, everybody, [shop] * len(everybody)))
    assert_bought_once(server, everybody)
    assert_consistent(history, server.place)


def kill_under_load(server: ServerProcess, journals: list[Journal], seconds: float) -> None:
    with shop_at(server.target) as shop, ThreadPoolExecutor(CALLERS) as threads:
        living = [threads.submit(journal.live, shop) for journal in journals]
        wait_until(lambda: any(journal.acknowledged for journal in journals))
        time.sleep(seconds)
        server.kill()
        for life in living:
            life.result()


def assert_audited(server: ServerProcess) -> None:
    connection = database.connect(database.DatabaseUrl.parse(server.database_url))
    assert audit(connection) == []
    connection.close()
