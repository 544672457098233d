"""A server erases people who are kept no longer, by the periods of their market (R31)."""

import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from giftcard_server.privacy.retention import SHARE, PersonRetention, kept_by_market
from giftcard_storage.database import DatabaseUrl, connect, migrate
from giftcard_storage.people import ActingFor, people_of
from giftcard_storage.personal.retention import LOOKED_AT
from given.databases.books_on_people import BooksOnPeople
from given.made_facts import RING, order
from given.servers.running import Clock, settings

DAY = timedelta(days=1)


def test_r31_each_market_has_periods_of_its_own(tmp_path: Path) -> None:
    france = {"retention": {"closed_hold_contacts_days": 2}}
    kept = kept_by_market(settings(tmp_path, markets={"fr": france}))
    assert kept["fr"].closed_holds == 2 * DAY
    assert kept["fr"].people == 1096 * DAY
    assert kept["fr"].actors == 365 * DAY
    assert kept_by_market(settings(tmp_path))["fr"].closed_holds == 30 * DAY


@pytest.mark.one_database
def test_r31_what_is_past_its_period_is_erased_and_counted(tmp_path: Path) -> None:
    url = DatabaseUrl.of_file(tmp_path / "giftcard.db")
    migrate(url)
    registry = CollectorRegistry()
    with closing(connect(url)) as database:
        books = BooksOnPeople(database)
        card = books.bought()
        books.reversed(books.authorized(card, order()))
        kept = kept_by_market(settings(tmp_path))
        clock = Clock()
        retention = PersonRetention(database, RING, kept, clock, registry)
        for days, erased in ((29, 0), (31, 1), (31, 0)):
            clock.now = books.now + days * DAY
            assert retention.erase() == erased
        counted = registry.get_sample_value("giftcard_people_retired_total", {"what": "people"})
        assert counted == 1
        assert len(people_of(database, RING, card.card_id, ActingFor.PRIVACY)) == 2


@pytest.mark.one_database
def test_r31_a_server_with_many_people_has_most_of_its_time_for_calls(tmp_path: Path) -> None:
    url = DatabaseUrl.of_file(tmp_path / "giftcard.db")
    migrate(url)
    with closing(connect(url)) as database:
        books = BooksOnPeople(database)
        for _ in range(LOOKED_AT + 1):  # So that it reads twice.
            books.bought()
        retention = PersonRetention(
            database, RING, kept_by_market(settings(tmp_path)), Clock(), CollectorRegistry()
        )
        began, used = time.monotonic(), time.thread_time()
        assert retention.erase() == 0
        used = time.thread_time() - used
        assert used < 4 * SHARE * (time.monotonic() - began)
