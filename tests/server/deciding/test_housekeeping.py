"""The housekeeping books many expiries with few commits, among callers' commands."""

import time
from collections.abc import Sequence
from contextlib import closing
from typing import Final

import pytest

from giftcard_rules.cards import CardState
from giftcard_server.deciding.batching import Entry
from giftcard_server.deciding.housekeeping import CARDS_TOGETHER, PAUSE_TIMES, Housekeeping
from giftcard_server.deciding.submission import Answer, Submission
from giftcard_storage import database, overview
from giftcard_storage.schema import Card
from given.calls.shop import shop_at
from given.databases.books_on_disk import BooksOnDisk
from given.databases.kinds import Place
from given.made_facts import issue
from given.servers.running import Clock, running, settings, target_of
from given.waiting import wait_until

CARDS: Final = 2 * CARDS_TOGETHER + 3


def test_many_expiries_share_a_commit(place: Place) -> None:
    with closing(BooksOnDisk(place)) as books:
        books.together([issue() for _ in range(CARDS)])
        books.now = books.now.replace(year=books.now.year + 1)
        before = books.committer.commits
        due = [row["card_id"] for row in books.rows(Card)]
        housekeeping = Housekeeping(lambda limit: due[:limit], books.committer, every_seconds=60)
        assert housekeeping.catch_up() == CARDS
        assert books.committer.commits - before == 3
        assert {row["state"] for row in books.rows(Card)} == {CardState.EXPIRED.value}
        books.assert_clean()


@pytest.mark.one_database
def test_the_housekeeping_leaves_half_of_the_time_to_callers(place: Place) -> None:
    with closing(BooksOnDisk(place)) as books:
        books.together([issue() for _ in range(CARDS)])
        books.now = books.now.replace(year=books.now.year + 1)
        due = [row["card_id"] for row in books.rows(Card)]
        housekeeping = Housekeeping(lambda limit: due[:limit], books.committer, every_seconds=60)
        run, busy_seconds = books.committer.batcher._run, 0.0

        def timed(entries: Sequence[Entry[Submission, Answer]]) -> None:
            nonlocal busy_seconds
            began = time.monotonic()
            run(entries)
            busy_seconds += time.monotonic() - began

        books.committer.batcher._run = timed
        began = time.monotonic()
        housekeeping.catch_up()
        assert time.monotonic() - began >= (1 + PAUSE_TIMES) * busy_seconds > 0


@pytest.mark.parametrize("waiting_limit", [1, CARDS_TOGETHER - 1])
def test_a_server_where_few_commands_may_wait_books_them_as_well(
    place: Place, waiting_limit: int
) -> None:
    with running(settings(place), Clock()) as service, shop_at(target_of(service)) as shop:
        for _ in range(CARDS):
            shop.bought()
    late = Clock()
    late.now = late.now.replace(year=late.now.year + 1)
    narrow = settings(place, waiting_limit=waiting_limit, housekeeping_seconds=1)
    with running(narrow, late), closing(database.connect(place.database_url)) as looking:
        wait_until(lambda: not overview.due(looking, late.now, CARDS))
