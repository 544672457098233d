"""People who cannot be read: forgotten, without their key, altered. Their cards still work."""

from collections.abc import Callable
from contextlib import closing
from typing import Any, Final

import pytest
from peewee import Database

from giftcard_rules.cards import Card, CardState
from giftcard_rules.codes import Key, KeyRing
from giftcard_rules.decide import decide
from giftcard_rules.decisions import Person
from giftcard_storage.audit import audit
from giftcard_storage.database import DatabaseUrl, connect
from giftcard_storage.engines import POSTGRESQL
from giftcard_storage.people import ActingFor, Forgotten, Loss, Lost, forget, people_of
from giftcard_storage.schema import DataKey
from giftcard_storage.schema import Person as PersonRow
from giftcard_storage.sealing import Sealing
from giftcard_storage.store import Store
from given.databases.at_rest import everything_at_rest, ways_to_write
from given.databases.postgresql_process import PostgresqlProcess
from given.databases.stored_books import StoredBooks, books_on
from given.made_facts import BUYER, FRIEND, KEY, MARKETS, RING, SHOPPER, authorize, order

NEXT: Final = Key("2027", b"the next secret of all tests 32B")
OTHER: Final = Key(KEY.key_id, b"another secret by the same name.")
FORGOTTEN: Final = Loss.FORGOTTEN.value
ALTERED: Final = Loss.ALTERED.value
LACKING: Final = Loss.RING_LACKS_KEY.value


def read(database: Database, card: Card, ring: KeyRing = RING) -> list[str]:
    """Return, sorted by role, the name of each person, or why the person cannot be read."""
    found = people_of(database, ring, card.card_id, ActingFor.SUPPORT)
    return [each.contact.name if isinstance(each, Person) else each.why.value for each in found]


def with_ring(database: Database, *keys: Key) -> StoredBooks:
    """Return books of a server with another ring."""
    return StoredBooks(Store(database, Sealing(KeyRing(keys))))


def count(database: Database, table: str) -> int:
    found: int = database.execute_sql(f"SELECT COUNT(*) FROM {table}").fetchone()[0]  # noqa: S608
    return found


def test_r32_forgetting_a_card_forgets_its_people_and_no_others(
    books: StoredBooks, database: Database
) -> None:
    card, other = books.bought(recipient=FRIEND), books.bought()
    books.authorized(card, order())
    assert forget(database, card.card_id).data_keys == 3
    assert read(database, card) == [FORGOTTEN] * 3
    assert read(database, other) == [BUYER.name]
    assert forget(database, card.card_id).data_keys == 0


def test_r32_a_card_whose_people_are_forgotten_keeps_its_value_and_works(
    books: StoredBooks, database: Database
) -> None:
    card = books.bought(50_00)
    forget(database, card.card_id)
    paid = books.captured(books.authorized(card, order(60_00)), 40_00)
    assert paid.replacement is not None
    assert paid.replacement.balance_minor == 10_00
    back = books.reversed(paid.authorization, beneficiary=FRIEND).replacement
    assert back is not None
    assert read(database, back) == [FRIEND.name]
    assert books.card(card).state is CardState.REDEEMED
    assert audit(database) == []


def test_a_customer_who_pays_after_the_forgetting_is_sealed_under_a_new_data_key(
    books: StoredBooks, database: Database
) -> None:
    card = books.bought()
    books.reversed(books.authorized(card, order()))
    forget(database, card.card_id)
    books.authorized(card, order())
    assert sorted(read(database, card)) == sorted([SHOPPER.name, FORGOTTEN, FORGOTTEN])
    assert count(database, "data_key") == 1
    forget(database, card.card_id)
    assert read(database, card) == [FORGOTTEN] * 3


def test_a_customer_who_pays_during_the_forgetting_is_saved_like_one_who_pays_after_it(
    served: Database, server_url: DatabaseUrl
) -> None:
    # This takes two writers at once, and a file has one.
    books = books_on(served)
    card = books.bought()
    with books.store.transaction():
        command = authorize(card.card_id, order())
        loaded = books.store.load([command])
        with closing(connect(server_url)) as support:
            forget(support, card.card_id)
        decision = decide(command, loaded.facts, MARKETS, books.now)
        books.store.save(loaded, [decision], books.records(command, decision), books.now)
    assert read(served, card) == [SHOPPER.name, FORGOTTEN]
    assert audit(served) == []


@pytest.mark.parametrize(
    ("ring", "bought_before", "bought_after_rotating"),
    [
        ((KEY,), BUYER.name, LACKING),
        ((NEXT, KEY), BUYER.name, BUYER.name),
        ((KEY, NEXT), BUYER.name, BUYER.name),
        ((NEXT,), LACKING, BUYER.name),
        ((OTHER, NEXT), ALTERED, BUYER.name),
    ],
    ids=lambda value: "-".join(key.key_id for key in value) if isinstance(value, tuple) else value,
)
def test_each_key_of_the_ring_opens_the_people_that_it_sealed(
    books: StoredBooks,
    database: Database,
    ring: tuple[Key, ...],
    bought_before: str,
    bought_after_rotating: str,
) -> None:
    before = books.bought()
    after = with_ring(database, NEXT, KEY).bought()
    assert read(database, before, KeyRing(ring)) == [bought_before]
    assert read(database, after, KeyRing(ring)) == [bought_after_rotating]


@pytest.mark.parametrize("left", [NEXT, OTHER], ids=["without the key", "with another one"])
def test_a_payment_without_the_rings_key_makes_a_data_key_and_loses_no_person(
    books: StoredBooks, database: Database, left: Key
) -> None:
    card = books.bought()
    without = with_ring(database, left)
    without.now = books.now
    without.reversed(without.authorized(card, order()))
    without.authorized(card, order())
    assert count(database, "data_key") == 3
    assert read(database, card, KeyRing((left,)))[:2] == [SHOPPER.name] * 2
    assert read(database, card)[2] == BUYER.name


def test_a_lost_person_names_the_key_that_is_needed(books: StoredBooks, database: Database) -> None:
    hold = books.authorized(books.bought(), order())
    (paid, _) = people_of(database, KeyRing((NEXT,)), hold.card_id, ActingFor.EMAIL_DELIVERY)
    assert paid == Lost(
        hold.card_id,
        books.people[-1].role,
        hold.authorization_id,
        Loss.RING_LACKS_KEY,
        KEY.key_id,
    )


Tampering = Callable[[Database, str, str], object]


def _purchaser_of(card_id: str) -> Any:
    return (PersonRow.card_id == card_id) & (PersonRow.role == "PURCHASER")


def _values(database: Database, card_id: str) -> dict[str, Any]:
    found = PersonRow.select(PersonRow.data_key_id, PersonRow.sealed).where(_purchaser_of(card_id))
    (values,) = found.dicts().execute(database)
    return dict(values)


def another_card_s_person(database: Database, card_id: str, other_id: str) -> None:
    sealed = _values(database, other_id)["sealed"]
    PersonRow.update(sealed=sealed).where(_purchaser_of(card_id)).execute(database)


def another_card_s_person_and_data_key(database: Database, card_id: str, other_id: str) -> None:
    PersonRow.update(_values(database, other_id)).where(_purchaser_of(card_id)).execute(database)
    DataKey.update(card_id=card_id).where(DataKey.card_id == other_id).execute(database)


def another_role(database: Database, card_id: str, _other_id: str) -> None:
    PersonRow.update(role="RECIPIENT").where(_purchaser_of(card_id)).execute(database)


def another_authorization(database: Database, card_id: str, _other_id: str) -> None:
    PersonRow.update(authorization_id="of old").where(_purchaser_of(card_id)).execute(database)


def flipped_bit_of_a_person(database: Database, card_id: str, _other_id: str) -> None:
    sealed = bytearray(_values(database, card_id)["sealed"])
    sealed[40] ^= 1
    PersonRow.update(sealed=bytes(sealed)).where(_purchaser_of(card_id)).execute(database)


def flipped_bit_of_a_data_key(database: Database, card_id: str, _other_id: str) -> None:
    ((wrapped,),) = (
        DataKey.select(DataKey.wrapped).where(DataKey.card_id == card_id).tuples().execute(database)
    )
    flipped = bytes([wrapped[0] ^ 1]) + bytes(wrapped[1:])
    DataKey.update(wrapped=flipped).where(DataKey.card_id == card_id).execute(database)


def another_name_of_a_data_key(database: Database, card_id: str, _other_id: str) -> None:
    DataKey.update(data_key_id="00").where(DataKey.card_id == card_id).execute(database)
    PersonRow.update(data_key_id="00").where(PersonRow.card_id == card_id).execute(database)


TAMPERINGS: Final[tuple[Tampering, ...]] = (
    another_card_s_person,
    another_card_s_person_and_data_key,
    another_role,
    another_authorization,
    flipped_bit_of_a_person,
    flipped_bit_of_a_data_key,
    another_name_of_a_data_key,
)


@pytest.mark.parametrize("tamper", TAMPERINGS)
def test_an_altered_person_is_not_read_and_reported_as_such(
    books: StoredBooks, database: Database, tamper: Tampering
) -> None:
    card, other = books.bought(), books.bought()
    with database.atomic():
        tamper(database, card.card_id, other.card_id)
    assert read(database, card) == [ALTERED]
    # It prevents no payment.
    books.authorized(card, order())
    assert sorted(read(database, card)) == [ALTERED, SHOPPER.name]


def wrapped_of(database: Database, card: Card) -> list[bytes]:
    found = DataKey.select(DataKey.wrapped).where(DataKey.card_id == card.card_id)
    return [bytes(wrapped) for (wrapped,) in found.tuples().execute(database)]


def test_nothing_of_a_forgotten_data_key_is_left_in_files_or_dumps(
    books: StoredBooks, database: Database, any_url: DatabaseUrl, postgresql: PostgresqlProcess
) -> None:
    cards = [books.bought() for _ in range(150)]  # So many that pages of the table were split.
    left, *gone = cards
    wrapped = {card.card_id: wrapped_of(database, card)[0] for card in cards}
    before = everything_at_rest(any_url, postgresql)
    assert all(is_in(before, wrapped[card.card_id]) for card in cards)
    for card in gone:
        assert forget(database, card.card_id) == Forgotten(
            1, traces_may_remain=any_url.engine is POSTGRESQL
        )
    after = everything_at_rest(any_url, postgresql)
    assert [card for card in gone if is_in(after, wrapped[card.card_id])] == []
    assert is_in(after, wrapped[left.card_id])


def is_in(content: bytes, secret: bytes) -> bool:
    """Return whether a part of a secret is in the content, however it is written."""
    parts = (secret[:20], secret[20:40], secret[40:])
    return any(way in content for part in parts for way in ways_to_write(part))


def test_a_reader_of_the_log_delays_clearing_the_traces_and_not_the_forgetting(
    embedded: Database, url: DatabaseUrl
) -> None:
    books = books_on(embedded)
    card = books.bought()
    embedded.execute_sql("PRAGMA busy_timeout = 10")
    with closing(connect(url)) as other:
        reader = Store(other)
        with reader.snapshot():
            assert reader.load([authorize(card.card_id, order())]).facts.cards
            assert forget(embedded, card.card_id) == Forgotten(1, traces_may_remain=True)
            assert read(embedded, card) == [FORGOTTEN]
        assert forget(embedded, card.card_id) == Forgotten(0, traces_may_remain=False)
