"""Entries of timelines at rest: sealed notes, and entries that stay as they are."""

from datetime import timedelta

import pytest
from peewee import Database, PeeweeException

from giftcard_rules.acts import Act, ActedBy, ActKind, Ground
from giftcard_rules.decisions import PersonRole
from giftcard_storage.acts.entries import acts_of, record_act, record_acts
from giftcard_storage.people import forget
from giftcard_storage.transactions import writing
from given.databases.stored_books import books_on
from given.made_facts import NOW, RING

NOTE = "Amélie called from the office"
MINUTE = timedelta(minutes=1)


def read_by(card_id: str, act_id: str = "act-1", note: str = NOTE) -> Act:
    return Act(
        act_id=act_id,
        kind=ActKind.PERSON_READ,
        card_id=card_id,
        by=ActedBy("anna", Ground.CUSTOMER_REQUEST, note),
        role=PersonRole.PURCHASER,
    )


def test_an_entry_is_read_as_it_was_written_and_its_note_lies_sealed(database: Database) -> None:
    card_id = books_on(database).bought().card_id
    act, second = read_by(card_id), read_by(card_id, "act-0", note="")
    record_act(database, RING, act, NOW)
    with writing(database):  # Joined to a transaction of the caller's.
        record_acts(database, RING, [second], NOW + MINUTE)
    assert acts_of(database, RING, card_id) == [(act, NOW), (second, NOW + MINUTE)]
    ((kept,), (nothing,)) = database.execute_sql(
        "SELECT sealed FROM act ORDER BY acted_at"
    ).fetchall()
    assert NOTE.encode() not in bytes(kept)
    assert nothing is None


def test_a_note_goes_with_the_people_of_its_card_and_the_entry_stays(database: Database) -> None:
    card_id = books_on(database).bought().card_id
    record_act(database, RING, read_by(card_id), NOW)
    forget(database, card_id)
    ((left, _),) = acts_of(database, RING, card_id)
    assert left == read_by(card_id, note="")
    record_act(database, RING, read_by(card_id, "act-2"), NOW)  # Under a new data key.
    assert [entry.act.by.note for entry in acts_of(database, RING, card_id)] == ["", NOTE]


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        ("UPDATE act SET kind = 'CARD_BLOCKED'", True),
        ("UPDATE act SET ground = 'OTHER'", True),
        ("UPDATE act SET sealed = NULL, data_key_id = NULL", True),
        ("DELETE FROM act", True),
        ("UPDATE act SET actor = ''", False),  # Names go after a year (R31).
    ],
)
def test_an_entry_stays_as_it_is_but_for_the_name_of_its_actor(
    database: Database, change: str, *, refused: bool
) -> None:
    card_id = books_on(database).bought().card_id
    record_act(database, RING, read_by(card_id), NOW)
    try:
        with database.atomic():
            database.execute_sql(change)
    except PeeweeException:
        assert refused
    else:
        assert not refused
