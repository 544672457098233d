"""People are stored in one table, sealed; codes are stored nowhere."""

from typing import Any

from peewee import Database

from giftcard_rules.decisions import Person
from giftcard_storage.database import DatabaseUrl
from giftcard_storage.people import ActingFor, people_of
from giftcard_storage.schema import TABLES
from given.databases.at_rest import everything_at_rest, ways_to_write
from given.databases.postgresql_process import PostgresqlProcess
from given.databases.stored_books import StoredBooks, play_everything
from given.made_facts import RING, code_of

TRACES = ("Amélie", "Bruno", "Chloé", "example.com", "fr-FR", "fr-BE", "anniversaire")


def every_value(database: Database, table: str) -> list[Any]:
    found = database.execute_sql(f'SELECT * FROM "{table}"').fetchall()  # noqa: S608
    return [value for row in found for value in row]


def test_r30_no_column_holds_a_person_in_clear_text(books: StoredBooks, database: Database) -> None:
    play_everything(books)
    for model in TABLES:
        for value in every_value(database, model._meta.table_name):
            content = value if isinstance(value, bytes) else str(value).encode()
            assert [trace for trace in TRACES if trace.encode() in content] == []


def test_r30_files_and_dumps_hold_no_clear_text_of_people_whom_the_ring_can_read(
    books: StoredBooks, database: Database, any_url: DatabaseUrl, postgresql: PostgresqlProcess
) -> None:
    play_everything(books)
    content = everything_at_rest(any_url, postgresql)
    for trace in TRACES:
        assert [way for way in ways_to_write(trace) if way in content] == []
    found = [
        each
        for card_id in books.facts.cards
        for each in people_of(database, RING, card_id, ActingFor.SUPPORT)
    ]
    assert {each.contact for each in found if isinstance(each, Person)} == {
        person.contact for person in books.people
    }


def test_no_code_is_stored(
    books: StoredBooks, any_url: DatabaseUrl, postgresql: PostgresqlProcess
) -> None:
    play_everything(books)
    content = everything_at_rest(any_url, postgresql)
    for card in books.facts.cards.values():
        code = code_of(card)
        assert card.card_id.encode() in content
        for written in (code.shown, code.characters, code.shown.lower(), code.characters[:15]):
            assert [way for way in ways_to_write(written) if way in content] == []
