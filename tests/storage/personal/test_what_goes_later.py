"""Erasures are repeated after a restore, and what is past its period goes by itself (R31, R32)."""

import shutil
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from peewee import Database

from giftcard_rules.acts import ActKind
from giftcard_rules.commands import CatchUp
from giftcard_rules.decisions import Person, PersonRole
from giftcard_rules.person_acts import ErasePerson, Slot
from giftcard_storage.acts.entries import acts_of
from giftcard_storage.audit import audit
from giftcard_storage.database import DatabaseUrl, connect, migrate
from giftcard_storage.people import ActingFor, people_of
from giftcard_storage.people_search import card_ids_of_email
from giftcard_storage.personal.journal import (
    Erasure,
    ErasureJournal,
    TornJournalError,
    erasures_in,
)
from giftcard_storage.personal.reapplying import Reapplied, reapply
from giftcard_storage.personal.retention import BY_RETENTION, Kept, erase_past, hide_actors
from giftcard_storage.schema import DataKey
from giftcard_storage.schema import Person as Slots
from given.databases.books_on_people import ANNA, BooksOnPeople, of_card, of_email
from given.made_facts import BUYER, FRIEND, RING, SHOPPER, order

DAYS: Final = timedelta(days=1)
YEAR: Final = 365 * DAYS
KEPT: Final = {"fr": Kept(closed_holds=30 * DAYS, people=3 * YEAR, actors=YEAR)}


def seen(database: Database, card_id: str) -> list[str]:
    found = people_of(database, RING, card_id, ActingFor.PRIVACY)
    return [each.contact.name if isinstance(each, Person) else each.why.value for each in found]


def test_r32_erasures_are_repeated_on_a_backup_that_is_older_than_they(
    tmp_path: Path, url: DatabaseUrl
) -> None:
    migrate(url)
    journal = ErasureJournal(tmp_path / "journal" / "erasures.jsonl")
    journal.path.parent.mkdir()
    with closing(connect(url)) as database:
        books = BooksOnPeople(database, journal)
        card = books.bought(recipient=FRIEND)
        hold = books.authorized(card, order())
        backup = DatabaseUrl.of_file(tmp_path / "backup.db")
        database.execute_sql("VACUUM INTO ?", (str(backup.path),))
        later = books.bought(order_id="purchase-later")
        books.act(ErasePerson(of_email(BUYER.email)))
        books.act(ErasePerson(of_card(card.card_id, PersonRole.CUSTOMER)))
        assert later.card_id in journal.path.read_text()
    with closing(connect(backup)) as database:
        assert seen(database, card.card_id) == [SHOPPER.name, BUYER.name, FRIEND.name]
        for people in ([1, 1], [0, 0]):  # The second time there is nothing left to do.
            done = reapply(database, RING, erasures_in(journal.path), books.now)
            assert list(done) == [Reapplied(each) for each in people]
        assert seen(database, card.card_id) == ["FORGOTTEN", "FORGOTTEN", FRIEND.name]
        assert card_ids_of_email(database, RING, BUYER.email) == []
        told = [entry.act for entry in acts_of(database, RING, card.card_id)]
        assert [(each.kind.value, each.by.actor) for each in told] == [
            ("PERSON_ERASED", "erasure journal")
        ] * 2
        restored = BooksOnPeople(database)
        restored.facts = books.facts
        assert restored.captured(hold).authorization.captured_minor == hold.authorized_minor
        assert audit(database) == []


def test_r32_erasures_are_repeated_on_a_backup_of_a_former_version(tmp_path: Path) -> None:
    former, restored = (DatabaseUrl.of_file(tmp_path / name) for name in ("now.db", "restored.db"))
    for url in (former, restored):
        shutil.copy(Path(__file__).parents[1] / "database_0007.db", url.path)
    journal = ErasureJournal(tmp_path / "erasures.jsonl")
    migrate(former, RING)
    with closing(connect(former)) as database:
        BooksOnPeople(database, journal).act(ErasePerson(of_email(BUYER.email)))
        card_ids = {slot.card_id for each in erasures_in(journal.path) for slot, _ in each.erased}
        after = {card_id: seen(database, card_id) for card_id in card_ids}
    migrate(restored)  # Without a ring: people share the data keys of their cards.
    with closing(connect(restored)) as database:
        assert [each.people for each in reapply(database, RING, erasures_in(journal.path), NOW)]
        assert {card_id: seen(database, card_id) for card_id in card_ids} == after


def test_who_is_out_of_reach_keeps_nobody_else_from_being_erased_again(tmp_path: Path) -> None:
    url = DatabaseUrl.of_file(tmp_path / "restored.db")
    shutil.copy(Path(__file__).parents[1] / "database_0007.db", url.path)
    migrate(url)  # Without a ring: people share the data keys of their cards.
    with closing(connect(url)) as database:
        query = Slots.select(Slots.card_id).distinct().order_by(Slots.card_id).limit(2)
        first, second = (card_id for (card_id,) in query.tuples().execute(database))
        DataKey.update(key_id="lost").where(DataKey.card_id == first).execute(database)
        slots = [Slot(card_id, PersonRole.PURCHASER) for card_id in (first, second)]
        line = Erasure("receipt", NOW.isoformat(), "digest", tuple((each, "") for each in slots))
        assert list(reapply(database, RING, [line], NOW)) == [Reapplied(1, out_of_reach=1)]
        assert "FORGOTTEN" not in seen(database, first)
        assert "FORGOTTEN" in seen(database, second)


NOW: Final = datetime.fromisoformat("2026-11-30T08:00:00+00:00")


@pytest.mark.parametrize(
    ("text", "erasures"),
    [
        ("", 0),
        ('{"receipt_id": "1", "erased_at": "", "actor": "", "erased": []}\n', 1),
        ('{"receipt_id": "1", "erased_at": "", "actor": "", "erased": []}\n{"receipt', 1),
        ('{"receipt_id": "1"}\n', None),
        ("[]\n", None),
        ('{"receipt_id": "1", "erased_at": "", "actor": "", "erased": [["x"]]}\n', None),
    ],
)
def test_only_the_end_of_a_journal_may_be_torn(
    tmp_path: Path, text: str, erasures: int | None
) -> None:
    path = tmp_path / "erasures.jsonl"
    path.write_text(text)
    if erasures is None:
        with pytest.raises(TornJournalError, match="line 1 is no erasure"):
            list(erasures_in(path))
    else:
        assert len(list(erasures_in(path))) == erasures


ERASED: Final = Erasure("receipt", "2026-11-30T08:00:00+00:00", "digest", ())


@pytest.mark.parametrize(
    ("torn", "lines"),
    [("", 1), (f"{ERASED.line}\n", 2), (f"{ERASED.line}\n{ERASED.line[:20]}", 2), ("{" * 9000, 1)],
)
def test_a_line_that_was_torn_goes_before_the_next_one_is_written(
    tmp_path: Path, torn: str, lines: int
) -> None:
    journal = ErasureJournal(tmp_path / "erasures.jsonl")
    journal.path.write_text(torn)
    journal.append([ERASED])
    assert list(erasures_in(journal.path)) == [ERASED] * lines


def test_r31_contacts_of_closed_holds_go_first_and_everybody_else_after_the_end_of_the_card(
    database: Database,
) -> None:
    books = BooksOnPeople(database)
    live, used, belgian = books.bought(), books.bought(), books.bought(market="be")
    for card in (live, used):
        books.reversed(books.authorized(card, order(order_id=f"order-{card.card_id}")))
    books.authorized(belgian, order(10_00, order_id="order-be"), market="be")
    books.paid(used, order(50_00, order_id="order-paid"))
    start = books.now
    left = {}
    for days in (29, 31, 3 * 365 - 1, 3 * 365 + 1):
        looked = list(erase_past(database, RING, KEPT, start + days * DAYS))
        left[days] = sum(each.erased for each in looked)
    assert left == {29: 0, 31: 2, 3 * 365 - 1: 0, 3 * 365 + 1: 2}
    assert seen(database, live.card_id) == ["FORGOTTEN", BUYER.name]  # It never ended.
    assert seen(database, used.card_id) == ["FORGOTTEN"] * 3
    assert seen(database, belgian.card_id) == [SHOPPER.name, BUYER.name]  # Another market's.
    books.decide(CatchUp(live.card_id))
    assert audit(database) == []


def erased_after(database: Database, start: datetime, days: int) -> int:
    return sum(each.erased for each in erase_past(database, RING, KEPT, start + days * DAYS))


def test_r31_what_retention_erased_is_told_and_nothing_keeps_it_from_going(
    database: Database,
) -> None:
    books = BooksOnPeople(database)
    cards = [books.bought() for _ in range(3)]
    for card in cards:
        books.paid(card, order(50_00, order_id=f"order-{card.card_id}"))
    shared, noted, plain = (card.card_id for card in cards)
    # As a former version left it, with a key that the ring lacks: nobody can be told apart.
    DataKey.update(role="", key_id="lost").where(DataKey.card_id == shared).execute(database)
    books.act(ErasePerson(of_card(noted)))  # Its own note outlives the people of the card.
    assert [entry.act.by.note for entry in acts_of(database, RING, noted)] == [ANNA.note]
    assert erased_after(database, books.now, 3 * 365 + 1) == 4
    for card_id in (shared, noted, plain):
        assert seen(database, card_id) == ["FORGOTTEN"] * 2
    assert [entry.act.by.note for entry in acts_of(database, RING, noted)] == [""]
    ((entry, _),) = acts_of(database, RING, plain)
    assert (entry.kind, entry.by) == (ActKind.PERSON_ERASED, BY_RETENTION)
    assert DataKey.select().count(database) == 0
    assert erased_after(database, books.now, 3 * 365 + 1) == 0


def test_r31_a_card_keeps_its_people_while_a_replacement_lives(database: Database) -> None:
    books = BooksOnPeople(database)
    card = books.bought()
    paid = books.paid(card, order(50_00))
    books.now += 3 * YEAR
    books.reversed(paid)  # A refund, which is a movement of the used card.
    used_up = books.now
    # Nobody has caught up with the new card yet, so that it lives.
    assert erased_after(database, used_up, 3 * 365 + 1) == 0
    assert seen(database, card.card_id) == [SHOPPER.name, BUYER.name]
    (replacement,) = (each for each in books.facts.cards.values() if each.replaces_card_id)
    books.now = used_up + 3 * YEAR
    books.decide(CatchUp(replacement.card_id))
    assert erased_after(database, used_up, 3 * 365 + 1) == 2


def test_r31_names_of_actors_are_replaced_by_digests_that_tell_them_apart(
    database: Database,
) -> None:
    books = BooksOnPeople(database)
    cards = [books.bought(), books.bought()]
    for card in cards:
        books.act(ErasePerson(of_card(card.card_id)), is_proposed=True)
    for days, hidden in ((365, 0), (366, 4), (366, 0)):
        assert sum(hide_actors(database, RING, KEPT, books.now + days * DAYS)) == hidden
    names = {
        entry.act.by.actor for card in cards for entry in acts_of(database, RING, card.card_id)
    }
    (name,) = names
    assert name.startswith("actor:")
    assert ANNA.actor.casefold() not in name
