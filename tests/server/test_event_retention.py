"""A server removes events that are kept no longer, and keeps all where nobody says otherwise."""

from collections.abc import Callable
from contextlib import ExitStack, closing
from datetime import timedelta

import pytest
from pydantic import ValidationError

from giftcard_server.events.background import retention_on
from giftcard_server.events.retention import EVENTS_AT_ONCE, EventRetention
from giftcard_storage.audit import audit
from giftcard_storage.database import connect, migrate
from giftcard_storage.events import EventLog
from giftcard_storage.sequencing import Sequencing
from given.databases.kinds import Place
from given.databases.stored_books import StoredBooks, books_on, play_everything
from given.made_facts import NOW
from given.servers.running import settings

DAYS = 30


def old_and_new(books: StoredBooks) -> None:
    """Play everything, and something a year later."""
    play_everything(books)
    books.now += timedelta(days=365)
    books.bought(order_id="a year later", payment_reference="a year later")


def one_by_one(books: StoredBooks) -> None:
    """Buy more cards than are removed in one transaction."""
    for _ in range(EVENTS_AT_ONCE + 10):
        books.bought()


@pytest.mark.parametrize(
    ("play", "after", "kept"),
    [
        (old_and_new, timedelta(0), 1),
        (old_and_new, timedelta(days=-3650), None),
        (one_by_one, timedelta(days=DAYS + 1), 1),
        (one_by_one, timedelta(days=DAYS), None),
    ],
)
def test_what_is_older_than_the_retention_goes(
    place: Place, play: Callable[[StoredBooks], None], after: timedelta, kept: int | None
) -> None:
    migrate(place.database_url)
    with closing(connect(place.database_url)) as connection:
        books, log = books_on(connection), EventLog(connection)
        play(books)
        Sequencing(connection, "a test").number(100_000)
        events = log.last_position()
        removed = EventRetention(log, lambda: books.now + after, DAYS).remove()
        assert removed == events - (kept or events)
        assert log.oldest_position() == removed + 1
        assert log.last_position() == events
        assert audit(connection) == []


@pytest.mark.one_database
def test_all_events_are_kept_where_nobody_says_otherwise(place: Place) -> None:
    assert settings(place).event_retention_days is None
    with ExitStack() as opened:
        assert retention_on(place.database_url, None, lambda: NOW, opened) == []


@pytest.mark.one_database
@pytest.mark.parametrize("days", [0, 6, -1])
def test_events_are_kept_for_a_week_at_least(place: Place, days: int) -> None:
    with pytest.raises(ValidationError, match="event_retention_days"):
        settings(place, event_retention_days=days)
