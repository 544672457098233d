"""People are read as they were saved, by those who may, until they are forgotten."""

from dataclasses import replace
from typing import Any, Final

import pytest
from peewee import Database

from giftcard_rules.cards import Card
from giftcard_rules.codes import Key, KeyRing
from giftcard_rules.commands import Contact
from giftcard_rules.decide import decide
from giftcard_rules.decisions import Person, PersonRole
from giftcard_server.callers.roles import Role
from giftcard_storage.errors import CardUnknownError
from giftcard_storage.people import ActingFor, Lost, forget, people_of
from giftcard_storage.store import Store
from given.databases.stored_books import StoredBooks, play_everything
from given.made_facts import (
    BUYER,
    FRIEND,
    KEY,
    MARKETS,
    NOW,
    RING,
    SHOPPER,
    authorize,
    issue,
    order,
    validate,
)

NEXT: Final = Key("2027", b"the next secret of all tests 32B")
OTHER: Final = Key(KEY.key_id, b"another secret by the same name.")
BOTH: Final = KeyRing((NEXT, KEY))


def people_beside(database: Database, card: Card, ring: KeyRing = RING) -> list[Person | Lost]:
    return people_of(database, ring, card.card_id, ActingFor.SUPPORT)


def read(people: list[Person | Lost]) -> list[str]:
    """Return the name of each person, or why the person cannot be read."""
    return [each.contact.name if isinstance(each, Person) else each.why.value for each in people]


def test_r30_every_person_is_read_as_saved(books: StoredBooks, database: Database) -> None:
    play_everything(books)
    for card in books.facts.cards.values():
        saved = [person for person in books.people if person.card_id == card.card_id]
        found = people_beside(database, card)
        assert set(found) == set(saved)
        assert len(found) == len(saved)
    assert {person.role for person in books.people} == set(PersonRole)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \t\n padded ",
        '"quoted\\" [", null]',
        "O'Neill; DROP TABLE person; --",
        "\u2028\ufeff\U0001f381\U0010ffff",
        "\u20ac" * 500,
        "x" * 4096,
    ],
)
def test_any_text_is_read_as_saved(books: StoredBooks, database: Database, text: str) -> None:
    card = books.bought(message=text, recipient=Contact(text, text, text))
    bought, got = people_beside(database, card)
    assert isinstance(bought, Person)
    assert isinstance(got, Person)
    assert {bought.message, got.message, *texts_of(got.contact)} == {text, ""}
    assert bought.contact == BUYER


def texts_of(contact: Contact) -> tuple[str, str, str]:
    return contact.name, contact.email, contact.locale


@pytest.mark.parametrize(
    ("asks", "may_read"),
    [
        *((role, role in {Role.SUPPORT, Role.PRIVACY}) for role in Role),
        ("e-mail delivery", True),
        ("", False),
        ("anyone", False),
    ],
)
def test_r30_only_support_privacy_and_email_delivery_may_read(
    books: StoredBooks, database: Database, asks: str, *, may_read: bool
) -> None:
    card = books.bought()
    if may_read:
        (buyer,) = people_of(database, RING, card.card_id, ActingFor(asks))
        assert isinstance(buyer, Person)
        return
    with pytest.raises(ValueError, match="ActingFor"):
        ActingFor(asks)
    untyped: Any = asks
    with pytest.raises(TypeError):
        people_of(database, RING, card.card_id, untyped)


def test_an_unknown_card_has_no_people_to_read_or_forget(database: Database) -> None:
    with pytest.raises(CardUnknownError):
        people_of(database, RING, "no card", ActingFor.EMAIL_DELIVERY)
    with pytest.raises(CardUnknownError):
        forget(database, "no card")


def test_the_length_and_the_bytes_of_a_sealed_person_tell_nothing(
    books: StoredBooks, database: Database
) -> None:
    for name in ("Al", "Maximiliane von Unterschleissheim"):
        books.bought(purchaser=replace(BUYER, name=name), recipient=FRIEND)
        books.bought(purchaser=replace(BUYER, name=name))
    sealed = [row[0] for row in database.execute_sql("SELECT sealed FROM person").fetchall()]
    assert len({bytes(each) for each in sealed}) == len(sealed) == 6
    assert {len(each) for each in sealed} == {12 + 128 + 16}


def test_r32_each_person_of_a_card_has_a_data_key_of_their_own(
    books: StoredBooks, database: Database
) -> None:
    first, _ = books.bought(recipient=FRIEND), books.bought()
    books.reversed(books.authorized(first, order()))
    books.authorized(first, order())
    named = "SELECT card_id, role, authorization_id, data_key_id FROM {} ORDER BY data_key_id"
    people, keys = (
        database.execute_sql(named.format(table)).fetchall() for table in ("person", "data_key")
    )
    assert people == keys
    assert len({data_key_id for *_, data_key_id in keys}) == 5
    assert read(people_beside(database, first)) == [SHOPPER.name] * 2 + [BUYER.name, FRIEND.name]


def test_a_card_that_is_bought_and_used_in_one_batch_has_two_people(
    books: StoredBooks, database: Database
) -> None:
    bought = issue()
    card_id = bought.new_card.card_id
    with books.store.transaction():
        loaded = books.store.load([bought, authorize(card_id, order())])
        decisions = []
        for command in (bought, authorize(card_id, order())):
            decisions.append(decide(command, loaded.facts, MARKETS, NOW))
            loaded.facts.apply(decisions[-1])
        books.store.save(loaded, decisions, [], NOW)
    assert read(people_beside(database, loaded.facts.cards[card_id])) == [SHOPPER.name, BUYER.name]
    assert database.execute_sql("SELECT COUNT(*) FROM data_key").fetchone() == (2,)


def test_a_store_without_a_sealing_loads_facts_and_saves_no_people(
    books: StoredBooks, database: Database
) -> None:
    card = books.bought()
    bare = StoredBooks(Store(database))
    assert bare.store.load([validate(card.card_id, order())]).facts.cards.keys() == {card.card_id}
    with pytest.raises(TypeError, match="without a sealing"):
        bare.authorized(card, order())
    assert books.card(card) == card
