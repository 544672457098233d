"""Keys in use are noted with their first use, and a rewrap moves people to the first key."""

from contextlib import closing, suppress
from pathlib import Path
from typing import Final

import pytest
from peewee import Database

from giftcard_rules.codes import Key, KeyRing
from giftcard_rules.commands import Issue
from giftcard_rules.decide import decide
from giftcard_storage import people
from giftcard_storage.database import connect, migrate
from giftcard_storage.people import ActingFor, Lost, people_of
from giftcard_storage.rewrapping import Rewrapped, left, rewrap
from giftcard_storage.ring_keys import in_use
from giftcard_storage.schema import RingKeyInUse
from given.databases.former import former_database
from given.databases.kinds import Kind
from given.databases.postgresql_process import PostgresqlProcess
from given.databases.stored_books import StoredBooks, play_everything
from given.made_facts import KEY, MARKETS, NOW, RING, issue

NEXT: Final = Key("2027", b"the next secret of all tests 32B")
BOTH: Final = KeyRing((NEXT, KEY))


def test_a_key_is_noted_by_the_transaction_that_uses_it_first(
    books: StoredBooks, database: Database
) -> None:
    assert in_use(database) == []
    play_everything(books)
    assert in_use(database) == [KEY.key_id]


def test_a_key_is_noted_again_after_the_transaction_that_noted_it_was_rolled_back(
    books: StoredBooks, database: Database
) -> None:
    command = issue()
    with suppress(InterruptedError):
        save_and_fail(books, command)
    assert in_use(database) == []
    books.decide(command)
    assert in_use(database) == [KEY.key_id]


def save_and_fail(books: StoredBooks, command: Issue) -> None:
    with books.store.transaction():
        loaded = books.store.load([command])
        decision = decide(command, loaded.facts, MARKETS, NOW)
        books.store.save(loaded, [decision], books.records(command, decision), NOW)
        raise InterruptedError


def test_a_key_that_another_server_has_noted_is_no_conflict(
    books: StoredBooks, database: Database
) -> None:
    RingKeyInUse.insert(key_id=KEY.key_id).execute(database)
    books.bought()
    assert in_use(database) == [KEY.key_id]


@pytest.mark.parametrize("kind", Kind)
def test_a_former_database_has_its_keys_noted(
    kind: Kind, tmp_path: Path, postgresql: PostgresqlProcess
) -> None:
    url = former_database(kind, tmp_path, postgresql)
    migrate(url, RING)
    with closing(connect(url)) as former:
        assert in_use(former) == [KEY.key_id]


def readable(database: Database, ring: KeyRing, books: StoredBooks) -> list[bool]:
    """Return of every person whether it can be read."""
    found = [people_of(database, ring, card_id, ActingFor.SUPPORT) for card_id in books.facts.cards]
    return [not isinstance(person, Lost) for each in found for person in each]


def test_a_rewrap_goes_on_where_it_was_stopped(books: StoredBooks, database: Database) -> None:
    play_everything(books)
    everybody = readable(database, RING, books)
    total = left(database, BOTH)
    assert total > 3
    begun = rewrap(database, BOTH, batch=2)
    assert next(begun) == Rewrapped(2, 0)
    begun.close()
    assert left(database, BOTH) == total - 2
    assert readable(database, BOTH, books) == everybody
    assert sum(each.done for each in rewrap(database, BOTH, batch=2)) == total - 2
    assert left(database, BOTH) == 0
    assert readable(database, KeyRing((NEXT,)), books) == everybody
    assert not any(readable(database, RING, books))
    assert in_use(database) == [KEY.key_id, NEXT.key_id]


def test_a_rewrap_passes_over_people_who_are_forgotten_meanwhile(
    books: StoredBooks, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    play_everything(books)
    total = left(database, BOTH)
    begun = rewrap(database, BOTH, batch=1)
    next(begun)
    # A card has a data key for each of its people.
    ((card_id, forgotten),) = database.execute_sql(
        "SELECT card_id, COUNT(*) FROM data_key WHERE key_id <> '2027'"
        " GROUP BY card_id ORDER BY card_id LIMIT 1"
    ).fetchall()
    people.forget(database, card_id)
    assert sum(each.done for each in begun) == total - 1 - forgotten


def test_data_keys_under_a_key_that_the_ring_lacks_stay_as_they_are(
    books: StoredBooks, database: Database
) -> None:
    play_everything(books)
    total = left(database, BOTH)
    assert sum(each.out_of_reach for each in rewrap(database, KeyRing((NEXT,)), batch=3)) == total
    assert left(database, BOTH) == total
    assert all(readable(database, RING, books))
