"""People are rectified, restricted and erased; the others on their cards, and money, stay (R32)."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest
from peewee import Database

from giftcard_rules.acts import ActKind
from giftcard_rules.cards import Card
from giftcard_rules.commands import Contact, Declined
from giftcard_rules.decisions import Person, PersonRole
from giftcard_rules.person_acts import (
    ActedOnPeople,
    ErasePerson,
    LiftRestriction,
    PersonAct,
    RectifyPerson,
    RestrictPerson,
    Subject,
)
from giftcard_rules.reasons import Reason
from giftcard_storage import versions
from giftcard_storage.acts.entries import acts_of
from giftcard_storage.audit import audit
from giftcard_storage.database import DatabaseUrl, connect
from giftcard_storage.engines import engine_of
from giftcard_storage.errors import JournalError, PeopleUnindexedError, PersonOutOfReachError
from giftcard_storage.people import ActingFor, people_of
from giftcard_storage.people_search import card_ids_of_email
from giftcard_storage.personal.journal import ErasureJournal
from giftcard_storage.schema import DataKey
from given.databases.at_rest import everything_at_rest, ways_to_write
from given.databases.books_on_people import ANNA, BooksOnPeople, of_card, of_email
from given.databases.former import former_database
from given.databases.kinds import Kind
from given.databases.postgresql_process import PostgresqlProcess
from given.made_facts import BUYER, FRIEND, RING, SHOPPER, order

NEW: Final = Contact("Dora", "dora@example.com", "fr-FR")
WISHES: Final = "Bon anniversaire"
PURCHASER: Final = PersonRole.PURCHASER


@pytest.fixture
def books(database: Database) -> BooksOnPeople:
    return BooksOnPeople(database)


@pytest.fixture
def card(books: BooksOnPeople) -> Card:
    """A card that was bought for a friend, and is set aside for an order."""
    card = books.bought(recipient=FRIEND, message=WISHES)
    books.authorized(card, order())
    return card


def seen(database: Database, card: Card, acting_for: ActingFor = ActingFor.SUPPORT) -> list[str]:
    """Return, by role, the name of each person, or why the person cannot be read."""
    found = people_of(database, RING, card.card_id, acting_for)
    return [each.contact.name if isinstance(each, Person) else each.why.value for each in found]


ALL: Final = [SHOPPER.name, BUYER.name, FRIEND.name]


@pytest.mark.parametrize(
    ("subject", "left"),
    [
        (lambda _card: of_email(BUYER.email.upper()), [SHOPPER.name, "FORGOTTEN", FRIEND.name]),
        (lambda card: of_card(card.card_id, PURCHASER), [SHOPPER.name, "FORGOTTEN", FRIEND.name]),
        (
            lambda card: of_card(card.card_id, PersonRole.CUSTOMER),
            ["FORGOTTEN", BUYER.name, FRIEND.name],
        ),
        (lambda card: of_card(card.card_id), ["FORGOTTEN"] * 3),
    ],
)
def test_r32_erasing_somebody_leaves_the_others_and_the_card(
    books: BooksOnPeople,
    database: Database,
    card: Card,
    subject: Callable[[Card], Subject],
    left: list[str],
) -> None:
    before = books.facts.cards[card.card_id]
    other = books.bought(purchaser=NEW, order_id="purchase-other")
    outcome = books.act(ErasePerson(subject(card))).outcome
    assert isinstance(outcome, ActedOnPeople)
    assert outcome.card_ids == (card.card_id,)
    assert outcome.receipt is not None
    assert outcome.receipt.card_ids == (card.card_id,)
    assert seen(database, card) == left
    assert seen(database, other) == [NEW.name]
    gone = {name for name in ALL if name not in left}
    for person in (SHOPPER, BUYER, FRIEND):
        found = card_ids_of_email(database, RING, person.email)
        assert found == ([] if person.name in gone else [card.card_id])
    assert books.card(card) == before
    hold = next(iter(books.facts.authorizations.values()))
    assert books.captured(hold).authorization.captured_minor == hold.authorized_minor
    assert audit(database) == []


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (ErasePerson(of_email("nobody@example.com")), Reason.CARD_NOT_FOUND),
        (RestrictPerson(of_card("no card")), Reason.CARD_NOT_FOUND),
        (ErasePerson(of_email(BUYER.email)), Reason.CARD_NOT_FOUND),
        (None, Reason.PERSON_ERASED),
    ],
)
def test_nobody_is_changed_who_is_not_there_or_was_erased(
    books: BooksOnPeople, card: Card, act: PersonAct | None, reason: Reason
) -> None:
    erased = of_card(card.card_id, PURCHASER)
    books.act(ErasePerson(erased))
    acts: list[PersonAct] = [act] if act else [ErasePerson(erased), RectifyPerson(erased, NEW)]
    for each in acts:
        outcome = books.act(each).outcome
        assert isinstance(outcome, Declined)
        assert outcome.reason is reason


def test_r32_a_rectified_person_is_found_by_the_new_address_alone_and_keeps_the_message(
    books: BooksOnPeople, database: Database, card: Card
) -> None:
    before = data_keys(database)
    books.act(RectifyPerson(of_email(BUYER.email), NEW))
    assert seen(database, card) == [SHOPPER.name, NEW.name, FRIEND.name]
    people = people_of(database, RING, card.card_id, ActingFor.SUPPORT)
    assert WISHES in {each.message for each in people if isinstance(each, Person)}
    assert card_ids_of_email(database, RING, NEW.email) == [card.card_id]
    assert card_ids_of_email(database, RING, BUYER.email) == []
    assert len(before - data_keys(database)) == 1  # The former contact is gone for good.


def data_keys(database: Database) -> set[str]:
    found = DataKey.select(DataKey.data_key_id).where(DataKey.role != "note")
    return {data_key_id for (data_key_id,) in found.tuples().execute(database)}


def test_r32_restricted_people_are_kept_and_opened_for_privacy_alone_until_it_is_lifted(
    books: BooksOnPeople, database: Database, card: Card
) -> None:
    subject = of_card(card.card_id, PersonRole.RECIPIENT)
    for card_ids in ((card.card_id,), ()):  # The second time there is nothing left to do.
        outcome = books.act(RestrictPerson(subject)).outcome
        assert isinstance(outcome, ActedOnPeople)
        assert outcome.card_ids == card_ids
    for acting_for in (ActingFor.SUPPORT, ActingFor.EMAIL_DELIVERY):
        assert seen(database, card, acting_for) == [SHOPPER.name, BUYER.name, "RESTRICTED"]
    assert seen(database, card, ActingFor.PRIVACY) == ALL
    books.act(RectifyPerson(subject, NEW))  # Which lifts nothing.
    assert seen(database, card)[-1] == "RESTRICTED"
    books.act(LiftRestriction(subject))
    assert seen(database, card) == [SHOPPER.name, BUYER.name, NEW.name]


def test_each_act_is_an_entry_of_the_timeline_and_an_erasure_takes_earlier_notes_along(
    books: BooksOnPeople, database: Database, card: Card
) -> None:
    everybody, purchaser = of_card(card.card_id), of_card(card.card_id, PURCHASER)
    acts: tuple[PersonAct, ...] = (
        RestrictPerson(everybody),
        LiftRestriction(purchaser),
        ErasePerson(purchaser),
    )
    for act in acts:
        books.act(act)
    entries = {entry.act.kind: entry.act for entry in acts_of(database, RING, card.card_id)}
    assert {kind: (each.role, each.by.note) for kind, each in entries.items()} == {
        ActKind.PERSON_RESTRICTED: (None, ""),
        ActKind.RESTRICTION_LIFTED: (PURCHASER, ""),
        ActKind.PERSON_ERASED: (PURCHASER, ANNA.note),
    }
    assert {each.by.actor for each in entries.values()} == {ANNA.actor}


def test_nothing_of_an_erased_person_that_the_ring_could_open_is_left_in_files_or_dumps(
    books: BooksOnPeople, database: Database, any_url: DatabaseUrl, postgresql: PostgresqlProcess
) -> None:
    cards = [books.bought(purchaser=BUYER, recipient=FRIEND) for _ in range(40)]
    wrapped = {
        (card_id, role): bytes(kept)
        for card_id, role, kept in DataKey.select(DataKey.card_id, DataKey.role, DataKey.wrapped)
        .tuples()
        .execute(database)
    }
    hashes = {
        value for (value,) in database.execute_sql("SELECT search_hash FROM person").fetchall()
    }
    books.act(ErasePerson(of_email(BUYER.email)))
    engine_of(database).clear_log(database)
    left = everything_at_rest(any_url, postgresql)
    for (_, role), secret in wrapped.items():
        parts = (secret[:20], secret[20:40], secret[40:])
        is_left = any(way in left for part in parts for way in ways_to_write(part))
        assert is_left == (role == "RECIPIENT")
    assert sum(value.encode() in left for value in hashes) == 1
    assert len(cards) == 40


def test_the_journal_has_each_erasure_before_it_is_committed_and_none_without_it(
    database: Database, tmp_path: Path
) -> None:
    journal = ErasureJournal(tmp_path / "erasures.jsonl")
    books = BooksOnPeople(database, journal)
    card = books.bought(recipient=FRIEND)
    query = DataKey.select(DataKey.role, DataKey.data_key_id)
    held = dict(query.tuples().execute(database))
    books.act(ErasePerson(of_email(BUYER.email)))
    (line,) = journal.path.read_text().splitlines()
    told = json.loads(line)
    assert told["erased"] == [[card.card_id, "PURCHASER", "", held["PURCHASER"]]]
    assert told["erased_at"] == books.now.isoformat()
    assert ANNA.actor.casefold() not in line.casefold()
    assert journal.path.stat().st_mode & 0o777 == 0o600
    broken = BooksOnPeople(database, ErasureJournal(tmp_path / "no folder" / "erasures.jsonl"))
    with pytest.raises(JournalError):
        broken.act(ErasePerson(of_email(FRIEND.email)))
    assert seen(database, card) == ["FORGOTTEN", FRIEND.name]


@pytest.fixture
def former(kind: Kind, tmp_path: Path, postgresql: PostgresqlProcess) -> Iterator[Database]:
    """A database whose people share the data keys of their cards, with this version's schema."""
    with closing(connect(former_database(kind, tmp_path, postgresql))) as connection:
        versions.up(connection, RING)
        yield connection


def test_of_former_people_who_share_a_data_key_one_alone_is_erased(former: Database) -> None:
    query = "SELECT card_id FROM person GROUP BY card_id HAVING COUNT(*) > 2 ORDER BY 1"
    ((card_id,), *_) = former.execute_sql(query).fetchall()
    books = BooksOnPeople(former)
    with pytest.raises(PeopleUnindexedError):
        books.act(ErasePerson(of_email(BUYER.email)))
    books.act(ErasePerson(of_card(card_id, PURCHASER)))
    found = people_of(former, RING, card_id, ActingFor.SUPPORT)
    assert {each.role for each in found if not isinstance(each, Person)} == {PURCHASER}
    assert len(found) > 2


def test_a_person_whom_the_ring_cannot_open_is_erased_and_not_rectified(
    books: BooksOnPeople, database: Database, card: Card
) -> None:
    DataKey.update(wrapped=bytes(60)).execute(database)
    subject = of_card(card.card_id, PURCHASER)
    with pytest.raises(PersonOutOfReachError):
        books.act(RectifyPerson(subject, NEW))
    books.act(ErasePerson(subject))
    assert seen(database, card) == ["ALTERED", "FORGOTTEN", "ALTERED"]
