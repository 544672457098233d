"""Cards are found by the addresses of their people, also of those whom former versions saved."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from peewee import Database

from giftcard_rules.codes import Key, KeyRing
from giftcard_rules.decisions import Person
from giftcard_storage import versions
from giftcard_storage.database import DatabaseUrl, connect, migrate
from giftcard_storage.engines import POSTGRESQL
from giftcard_storage.errors import PeopleUnindexedError
from giftcard_storage.people import ActingFor, people_of
from giftcard_storage.people_search import card_ids_of_email, comparable
from giftcard_storage.personal.resealing import rehash, reseal
from giftcard_storage.sealing import Sealing
from giftcard_storage.store import Store
from given.databases.former import former_database
from given.databases.kinds import Kind
from given.databases.postgresql_process import PostgresqlProcess
from given.databases.stored_books import StoredBooks
from given.made_facts import BUYER, FRIEND, KEY, RING, SHOPPER, order

NEXT: Final = Key("2027", b"the next secret of all tests 32B")
BOTH: Final = KeyRing((NEXT, KEY))
FILES: Final = [Path(__file__).parents[1] / f"database_{number}.db" for number in ("0002", "0007")]


@pytest.mark.parametrize(
    ("written", "compared"),
    [
        ("amelie@example.com", "amelie@example.com"),
        ("  Amelie@Example.COM\n", "amelie@example.com"),
        ("ame\u0301lie@example.com", "am\u00e9lie@example.com"),
        ("STRASSE@example.com", "strasse@example.com"),
        ("stra\u00dfe@example.com", "strasse@example.com"),
        ("b@b\u00fccher.example", "b@xn--bcher-kva.example"),
        ("b@BU\u0308CHER.example", "b@xn--bcher-kva.example"),
        ("b@xn--bcher-kva.example", "b@xn--bcher-kva.example"),
        ("b@\u3002\u2603.", "b@\u3002\u2603."),
        ("no address", "no address"),
    ],
)
def test_addresses_are_compared_in_one_form(written: str, compared: str) -> None:
    assert comparable(written) == compared


def test_cards_are_found_by_the_address_of_anybody_a_page_at_a_time(
    books: StoredBooks, database: Database
) -> None:
    paid = books.authorized(books.bought(recipient=FRIEND), order())
    others = [books.bought(purchaser=replace(BUYER, email=" NEW@example.com")) for _ in range(5)]
    assert card_ids_of_email(database, RING, SHOPPER.email.upper()) == [paid.card_id]
    assert card_ids_of_email(database, RING, FRIEND.email) == [paid.card_id]
    assert card_ids_of_email(database, RING, BUYER.email[1:]) == []
    ids = sorted(card.card_id for card in others)
    found = card_ids_of_email(database, RING, "new@example.com", limit=3)
    assert found == ids[:3]
    assert card_ids_of_email(database, RING, "new@example.com", found[-1], 3) == ids[3:]


def test_addresses_of_former_keys_are_found_until_they_are_hashed_anew(
    books: StoredBooks, database: Database
) -> None:
    before = books.bought()
    after = StoredBooks(Store(database, Sealing(BOTH))).bought(order_id="purchase-2027")
    both = sorted((before.card_id, after.card_id))
    assert card_ids_of_email(database, BOTH, BUYER.email) == both
    assert card_ids_of_email(database, KeyRing((NEXT,)), BUYER.email) == [after.card_id]
    assert [each.people for each in rehash(database, BOTH)] == [1]
    assert card_ids_of_email(database, KeyRing((NEXT,)), BUYER.email) == both
    assert list(rehash(database, BOTH)) == []


@pytest.fixture(params=[*FILES, "postgresql"], ids=lambda each: getattr(each, "stem", each))
def former(
    request: pytest.FixtureRequest, tmp_path: Path, postgresql: PostgresqlProcess
) -> Iterator[Database]:
    """A database of a former version, with the schema of this one; its people are as they were."""
    url = DatabaseUrl.of_file(tmp_path / "former.db")
    if request.param == "postgresql":
        url = former_database(Kind.POSTGRESQL, tmp_path, postgresql)
    else:
        shutil.copy(request.param, url.path)
    with closing(connect(url)) as connection:
        versions.up(connection, RING)
    with closing(connect(url)) as connection:
        yield connection


def test_people_of_former_versions_are_sealed_apart_in_small_transactions_and_found(
    former: Database,
) -> None:
    cards = "SELECT DISTINCT card_id FROM person ORDER BY card_id"
    before = {card_id: readable(former, card_id) for (card_id,) in rows(former, cards)}
    with pytest.raises(PeopleUnindexedError):
        card_ids_of_email(former, RING, BUYER.email)

    steps = reseal(former, RING, cards_at_once=1)
    next(steps)
    steps.close()  # As if it was killed here.
    assert len(rows(former, "SELECT 1 FROM data_key WHERE role = ''")) == len(before) - 1
    assert len(list(reseal(former, RING, cards_at_once=1))) == len(before) - 1

    assert {card_id: readable(former, card_id) for card_id in before} == before
    for people in before.values():
        for person in people:
            assert person.card_id in card_ids_of_email(former, RING, person.contact.email)
    apart = "SELECT card_id, role, authorization_id, data_key_id FROM {} ORDER BY 4"
    assert rows(former, apart.format("person")) == rows(former, apart.format("data_key"))
    assert list(reseal(former, RING)) == []


def readable(database: Database, card_id: str) -> list[Person]:
    found = people_of(database, RING, card_id, ActingFor.SUPPORT)
    assert all(isinstance(each, Person) for each in found)
    return [each for each in found if isinstance(each, Person)]


def rows(database: Database, query: str) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = database.execute_sql(query).fetchall()
    return found


def test_people_whom_the_ring_cannot_open_stay_and_keep_nobody_from_being_found(
    former: Database, postgresql: PostgresqlProcess
) -> None:
    other = KeyRing((NEXT,))
    assert list(reseal(former, other)) == []
    assert card_ids_of_email(former, other, BUYER.email) == []  # Nobody whom this ring can open.
    former.execute_sql("UPDATE data_key SET key_id = '2027'")  # As if they had been altered.
    assert {each.people for each in reseal(former, other)} == {0}
    assert rows(former, "SELECT DISTINCT role FROM data_key") == [("SHARED",)]
    assert card_ids_of_email(former, other, BUYER.email) == []


def test_a_database_is_migrated_with_its_people_found_at_once(
    kind: Kind, tmp_path: Path, postgresql: PostgresqlProcess
) -> None:
    url = former_database(kind, tmp_path, postgresql)
    assert migrate(url, RING)
    with closing(connect(url)) as connection:
        assert card_ids_of_email(connection, RING, BUYER.email)
    assert (url.engine is POSTGRESQL) == (kind is Kind.POSTGRESQL)
