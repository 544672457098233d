"""What keeps a command about people from being decided keeps no other command (R32)."""

from collections.abc import Callable
from pathlib import Path

import pytest

from giftcard_rules.acts import ActedBy, Ground
from giftcard_rules.commands import BlockCard, Command
from giftcard_rules.decisions import PersonRole
from giftcard_rules.person_acts import ActOnPeople, ErasePerson, PersonAct, RectifyPerson
from giftcard_server.deciding.submission import Answer
from giftcard_server.edge.privacy.messages import encode
from giftcard_storage.errors import JournalError, PeopleUnindexedError, PersonOutOfReachError
from giftcard_storage.personal.changing import PersonChanges
from giftcard_storage.personal.journal import ErasureJournal
from giftcard_storage.schema import DataKey
from giftcard_storage.store import Store
from given.databases.books_on_disk import BooksOnDisk, audited, authorize_of, reasons
from given.databases.books_on_people import of_card, of_email
from given.databases.kinds import Place
from given.desk_calls import act_on, act_on_people
from given.made_facts import BUYER, RING, issue, request_key


def no_journal(_books: BooksOnDisk, card_id: str) -> PersonAct:
    return ErasePerson(of_card(card_id))


def no_ring_key(books: BooksOnDisk, card_id: str) -> PersonAct:
    DataKey.update(wrapped=bytes(60)).where(DataKey.card_id == card_id).execute(books.connection)
    return RectifyPerson(of_card(card_id, PersonRole.PURCHASER), BUYER)


def not_indexed(books: BooksOnDisk, card_id: str) -> PersonAct:
    DataKey.update(role="").where(DataKey.card_id == card_id).execute(books.connection)
    return ErasePerson(of_email(BUYER.email))


@pytest.mark.parametrize(
    ("in_the_way", "error"),
    [
        (no_journal, JournalError),
        (no_ring_key, PersonOutOfReachError),
        (not_indexed, PeopleUnindexedError),
    ],
)
def test_what_is_in_the_way_of_people_fails_their_command_alone(
    place: Place,
    tmp_path: Path,
    in_the_way: Callable[[BooksOnDisk, str], PersonAct],
    error: type[Exception],
) -> None:
    changing = PersonChanges(RING, ErasureJournal(tmp_path / "no folder" / "erasures.jsonl"))
    with audited(
        place,
        store=lambda database, sealing, notes: Store(database, sealing, notes, changing),
        encode=encode,
    ) as books:
        card = issue()
        books.submit(card)
        act = in_the_way(books, card.new_card.card_id)
        key = request_key()
        culprit = ActOnPeople(
            key=key, act=act, by=ActedBy("anna", Ground.LEGAL), act_id=key.request_id
        )
        commands: list[Command] = [issue(), culprit, authorize_of(card)]
        answers = books.together(commands)
        failed = answers.pop(1)
        assert isinstance(failed, error)
        assert reasons(answers) == [None, None]
        assert all(isinstance(answer, Answer) for answer in answers)
        with pytest.raises(error):
            books.submit(culprit)
        assert books.committer.failure is None  # The server goes on and says that it is ready.


def test_a_note_of_the_batch_in_which_its_people_are_erased_goes_with_them(place: Place) -> None:
    with audited(place) as books:
        card = issue()
        books.submit(card)
        card_id = card.new_card.card_id
        erasing = act_on_people(ErasePerson(of_card(card_id)))
        commands: list[Command] = [act_on(BlockCard(card_id), note="Amélie called"), erasing]
        assert reasons(books.together(commands)) == [None, None]
        assert books.rows(DataKey) == []
