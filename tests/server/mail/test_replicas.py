"""Two replicas share the mail of one database; one of them is killed amid it, and comes back."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from email.parser import BytesHeaderParser
from pathlib import Path

import pytest

from giftcard_storage.database import connect
from giftcard_storage.deliveries.waiting import Waiting, waiting
from given.calls import sent
from given.calls.shop import Shop, shop_at
from given.databases.kinds import Databases, Kind, Place
from given.servers.mailbox import Mailbox, mailbox
from given.servers.server_process import ServerProcess
from given.waiting import wait_until

CARDS = 2000
CALLERS = 8
WITHIN_SECONDS = 900
HEADERS = BytesHeaderParser()
MARKET = '[markets.fr]\nsender_address = "cards@shop.example"\n'


def buy(shop: Shop, number: int) -> None:
    request = sent.issue()
    request.recipient.email = f"recipient-{number}@example.com"
    request.purchaser.email = f"buyer-{number}@example.com"
    shop.call(request)


def still_waiting(place: Place) -> list[Waiting]:
    """Return what is not sent yet, so that a test that fails says why."""
    with closing(connect(place.database_url)) as connection:
        return waiting(connection, datetime.now(UTC))


def message_ids(box: Mailbox) -> Counter[str]:
    """Return the ids of all that has arrived. Reading whole messages would slow the relay down."""
    return Counter(HEADERS.parsebytes(each.content)["Message-ID"] for each in box.relay.received)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_two_replicas_and_one_killed_reach_2000_recipients_with_one_message_each(
    databases: Databases, tmp_path: Path
) -> None:
    with ExitStack() as running:
        place = running.enter_context(databases.empty(Kind.POSTGRESQL, tmp_path))
        box = running.enter_context(mailbox(tmp_path))
        # Short, so that what the killed one has claimed is soon free again.
        short = {"GIFTCARD_SMTP_SECONDS": "30", "GIFTCARD_SMTP_STEP_SECONDS": "30"}
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
            wait_until(lambda: len(box) > CARDS // 4)
            killed.kill()
            list(bought)
        killed.restart(same_ports=False)
        give_up_at = time.monotonic() + WITHIN_SECONDS
        while len(box) < 2 * CARDS or len(message_ids(box)) < 2 * CARDS:
            assert time.monotonic() < give_up_at, still_waiting(place)
            time.sleep(1)
        messages = Counter(box.relay.recipients())
    expected = {
        f"{who}-{number}@example.com" for who in ("recipient", "buyer") for number in range(CARDS)
    }
    assert messages.keys() == expected
    # The one that was killed may have been between sending a message and noting it.
    repeated = [each for each, times in messages.items() if times > 1]
    assert len(repeated) <= 1
    assert len(message_ids(box)) == 2 * CARDS
