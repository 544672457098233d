"""A row that another session has locked: commands for other cards are answered all the same."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any, Final

import grpc
import pytest

from giftcard_server.deciding import committer
from giftcard_storage import database
from giftcard_storage.database import DatabaseUrl
from giftcard_storage.errors import LockedError
from given.calls import sent
from given.calls.answered import Refusal, refusal_of
from given.calls.shop import Shop, shop_at
from given.databases.books_on_disk import audited, authorize_of, reasons
from given.databases.kinds import Kind, Place
from given.made_facts import issue
from given.servers.running import Clock, running, settings, target_of
from given.waiting import SOON_SECONDS, wait_until

pytestmark = pytest.mark.parametrize("kind", [Kind.POSTGRESQL], indirect=True, ids=str)

NEIGHBOURS: Final = 12
# More than an impatient batch waits for a lock, and less than a round trip may take.
PATIENT_SECONDS: Final = 4.0
# A batch that is split for so long is tried, and then a few of its commands, which wait 0.1 s each.
SPLIT_SECONDS: Final = 0.2
FEW_TRIES: Final = 5
CALLERS: Final = 20


@contextmanager
def locked(url: DatabaseUrl, card_id: str) -> Iterator[None]:
    """Hold a card's row in a transaction of another session."""
    with closing(database.connect(url)) as other, other.atomic():
        other.execute_sql("SELECT 1 FROM card WHERE card_id = %s FOR UPDATE", (card_id,))
        yield


@pytest.mark.parametrize("at", [0, 5, NEIGHBOURS])
def test_a_locked_card_fails_its_own_command_alone(
    place: Place, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(committer, "IMPATIENT_SECONDS", SOON_SECONDS)
    with audited(place) as books:
        hot, *others = cards = [issue() for _ in range(NEIGHBOURS + 1)]
        books.together(cards)
        commands = [authorize_of(card, f"order-{n}") for n, card in enumerate(others)]
        hot_command = authorize_of(hot, "order of the hot card")
        commands.insert(at, hot_command)
        with locked(place.database_url, hot.new_card.card_id):
            answers = reasons(books.together(commands))
            assert answers.pop(at) == LockedError.__name__
            assert answers == [None] * NEIGHBOURS
            books.connection.execute_sql(f"SET lock_timeout = '{PATIENT_SECONDS:.0f}s'")
            again_at = time.monotonic()
            assert reasons(books.together([hot_command, issue()])) == [LockedError.__name__, None]
            # The lock is known by now, and is not waited for as long as the first time.
            assert time.monotonic() - again_at < PATIENT_SECONDS
        assert books.submit(hot_command).reason is None


def test_a_table_that_is_locked_is_given_up_soon(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(committer, "SPLIT_SECONDS", SPLIT_SECONDS)
    tries = []
    with audited(place) as books:
        try_commit = books.committer._try_commit

        def counted(*entries: Any, **patience: Any) -> None:
            tries.append(entries)
            try_commit(*entries, **patience)

        monkeypatch.setattr(books.committer, "_try_commit", counted)
        before = books.dump()
        with closing(database.connect(place.database_url)) as other, other.atomic():
            other.execute_sql("LOCK TABLE card IN EXCLUSIVE MODE")
            answers = reasons(books.together([issue() for _ in range(40)]))
        assert answers == [LockedError.__name__] * 40
        assert 1 < len(tries) <= FEW_TRIES
        assert books.dump() == before


def paid(shop: Shop, code: str) -> Refusal | float:
    """Return how long an Authorize took, or how it was refused."""
    began = time.monotonic()
    try:
        shop.call(sent.authorize(code))
    except grpc.RpcError as error:
        return refusal_of(error)
    return time.monotonic() - began


@pytest.mark.slow
def test_callers_for_other_cards_are_answered_while_one_card_is_wanted_and_locked(
    place: Place,
) -> None:
    with (
        running(settings(place), Clock()) as service,
        shop_at(target_of(service)) as shop,
        ThreadPoolExecutor(2 * CALLERS) as callers,
    ):
        hot = shop.bought()
        with locked(place.database_url, hot.card.card_id):
            for _ in range(5):
                codes = [shop.bought().code for _ in range(CALLERS)]
                wanted = [callers.submit(paid, shop, hot.code) for _ in range(4)]
                answers = list(callers.map(lambda code: paid(shop, code), codes))
                assert [answer for answer in answers if isinstance(answer, Refusal)] == []
                refused = [each.result() for each in wanted]
                assert {each.status for each in refused if isinstance(each, Refusal)} == {
                    grpc.StatusCode.UNAVAILABLE
                }
        assert isinstance(paid(shop, hot.code), float)


def test_readiness_says_that_a_table_is_locked_and_not_that_a_card_is(place: Place) -> None:
    url = place.database_url
    with (
        running(settings(place), Clock()) as service,
        shop_at(target_of(service)) as shop,
        closing(database.connect(url)) as other,
    ):
        hot = shop.bought()
        with locked(url, hot.card.card_id):
            assert isinstance(paid(shop, hot.code), Refusal)
            assert database.why_not_writable(url) == ""
        with other.atomic():
            other.execute_sql("LOCK TABLE card IN EXCLUSIVE MODE")
            assert isinstance(paid(shop, hot.code), Refusal)
            wait_until(lambda: "another program has locked a table" in service._why_not_ready())
        wait_until(lambda: not service._why_not_ready())
