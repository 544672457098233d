"""Where people and codes stand at rest: people in one table, sealed; codes nowhere."""

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


def test_r30_a_person_stands_nowhere_in_clear(books: StoredBooks, database: Database) -> None:
    play_everything(books)
    for model in TABLES:
        for value in every_value(database, model._meta.table_name):
            kept = value if isinstance(value, bytes) else str(value).encode()
            assert [trace for trace in TRACES if trace.encode() in kept] == []


def test_r30_files_and_dumps_hold_nobody_who_can_be_read_with_the_ring(
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


def test_a_code_is_kept_nowhere(
    books: StoredBooks, any_url: DatabaseUrl, postgresql: PostgresqlProcess
) -> None:
    play_everything(books)
    content = everything_at_rest(any_url, postgresql)
    for card in books.facts.cards.values():
        code = code_of(card)
        assert card.card_id.encode() in content
        for written in (code.shown, code.characters, code.shown.lower(), code.characters[:15]):
            assert [way for way in ways_to_write(written) if way in content] == []
