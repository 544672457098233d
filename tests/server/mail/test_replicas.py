"""Two replicas share the mail of one database, and one of them is killed in the middle of it."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from given.calls import sent
from given.calls.shop import Shop, shop_at
from given.databases.kinds import Databases, Kind
from given.servers.mailbox import mailbox
from given.servers.server_process import ServerProcess
from given.waiting import wait_until

CARDS = 2000
CALLERS = 8
MARKET = '[markets.fr]\nsender_address = "cards@shop.example"\n'


def buy(shop: Shop, number: int) -> None:
    request = sent.issue()
    request.recipient.email = f"recipient-{number}@example.com"
    request.purchaser.email = f"buyer-{number}@example.com"
    shop.call(request)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_replicas_and_one_killed_reach_2000_recipients_with_one_message_each(
    databases: Databases, tmp_path: Path
) -> None:
    with ExitStack() as running:
        place = running.enter_context(databases.empty(Kind.POSTGRESQL, tmp_path))
        box = running.enter_context(mailbox())
        # Short, so that what the killed one has claimed is soon free again.
        short = {"GIFTCARD_SMTP_SECONDS": "5", "GIFTCARD_SMTP_STEP_SECONDS": "5"}
        environment = {**place.environment, **box.environment, **short}
        killed, other = (
            running.enter_context(
                ServerProcess(tmp_path / name, config=MARKET, settings=environment)
            )
            for name in ("killed", "other")
        )
        shop = running.enter_context(shop_at(other.target))
        with ThreadPoolExecutor(CALLERS) as callers:
            bought = callers.map(lambda number: buy(shop, number), range(CARDS))
            wait_until(lambda: len(box.arrived) > CARDS // 4)
            killed.kill()
            list(bought)
        for _ in range(10):  # Each of them waits for a minute.
            if len({each.message_id for each in box.arrived}) == 2 * CARDS:
                break
            before = len(box.arrived)
            wait_until(lambda before=before: len(box.arrived) >= min(before + 500, 2 * CARDS))
        messages = Counter(each.recipient for each in box.arrived)
    expected = {
        f"{who}-{number}@example.com" for who in ("recipient", "buyer") for number in range(CARDS)
    }
    assert messages.keys() == expected
    # The one that was killed may have been between sending a message and noting it.
    repeated = [each for each, times in messages.items() if times > 1]
    assert len(repeated) <= 1
    assert len({each.message_id for each in box.arrived}) == 2 * CARDS
