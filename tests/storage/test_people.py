"""People come back as they were: for who may read them, from their own row, until forgotten."""

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


def known(database: Database, card: Card, ring: KeyRing = RING) -> list[Person | Lost]:
    return people_of(database, ring, card.card_id, ActingFor.SUPPORT)


def read(people: list[Person | Lost]) -> list[str]:
    """Return the name of who can be read, and why who cannot."""
    return [each.contact.name if isinstance(each, Person) else each.why.value for each in people]


def test_r30_everybody_comes_back_as_they_were_saved(
    books: StoredBooks, database: Database
) -> None:
    play_everything(books)
    for card in books.facts.cards.values():
        saved = [person for person in books.people if person.card_id == card.card_id]
        found = known(database, card)
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
def test_any_text_comes_back(books: StoredBooks, database: Database, text: str) -> None:
    card = books.bought(message=text, recipient=Contact(text, text, text))
    bought, got = known(database, card)
    assert isinstance(bought, Person)
    assert isinstance(got, Person)
    assert {bought.message, got.message, *texts_of(got.contact)} == {text, ""}
    assert bought.contact == BUYER


def texts_of(contact: Contact) -> tuple[str, str, str]:
    return contact.name, contact.email, contact.locale


@pytest.mark.parametrize(
    ("asks", "may_read"),
    [
        *((role, role is Role.SUPPORT) for role in Role),
        ("e-mail delivery", True),
        ("", False),
        ("nobody", False),
    ],
)
def test_r30_only_support_and_email_delivery_may_read(
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


def test_a_card_that_is_not_there_has_nobody_to_read_or_forget(database: Database) -> None:
    with pytest.raises(CardUnknownError):
        people_of(database, RING, "no card", ActingFor.EMAIL_DELIVERY)
    with pytest.raises(CardUnknownError):
        forget(database, "no card")


def test_lengths_and_bytes_tell_nothing(books: StoredBooks, database: Database) -> None:
    for name in ("Al", "Maximiliane von Unterschleissheim"):
        books.bought(purchaser=replace(BUYER, name=name), recipient=FRIEND)
        books.bought(purchaser=replace(BUYER, name=name))
    sealed = [row[0] for row in database.execute_sql("SELECT sealed FROM person").fetchall()]
    assert len({bytes(each) for each in sealed}) == len(sealed) == 6
    assert {len(each) for each in sealed} == {12 + 128 + 16}


def test_cards_have_a_data_key_each_and_people_share_it(
    books: StoredBooks, database: Database
) -> None:
    first, _ = books.bought(recipient=FRIEND), books.bought()
    books.reversed(books.authorized(first, order()))
    books.authorized(first, order())
    count = "SELECT COUNT(DISTINCT card_id), COUNT(DISTINCT data_key_id) FROM {}"
    for table in ("person", "data_key"):
        assert database.execute_sql(count.format(table)).fetchone() == (2, 2)
    assert read(known(database, first)) == [SHOPPER.name] * 2 + [BUYER.name, FRIEND.name]


def test_a_card_that_is_bought_and_used_in_one_batch_has_one_data_key(
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
    assert read(known(database, loaded.facts.cards[card_id])) == [SHOPPER.name, BUYER.name]
    assert database.execute_sql("SELECT COUNT(*) FROM data_key").fetchone() == (1,)


def test_a_store_without_sealing_loads_and_saves_nobody(
    books: StoredBooks, database: Database
) -> None:
    card = books.bought()
    bare = StoredBooks(Store(database))
    assert bare.store.load([validate(card.card_id, order())]).facts.cards.keys() == {card.card_id}
    with pytest.raises(TypeError, match="no sealing"):
        bare.authorized(card, order())
    assert books.card(card) == card
