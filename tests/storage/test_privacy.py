"""Where people and codes stand at rest: in one table, and nowhere."""

from typing import Any

from peewee import Database

from giftcard_storage.database import DatabaseUrl
from giftcard_storage.schema import TABLES
from made_facts import code_of
from postgresql_process import PostgresqlProcess
from stored_books import StoredBooks, play_everything


def every_value(database: Database, table: str) -> list[Any]:
    found = database.execute_sql(f'SELECT * FROM "{table}"').fetchall()  # noqa: S608
    return [value for row in found for value in row]


def test_r30_a_person_stands_in_one_table_only(books: StoredBooks, database: Database) -> None:
    play_everything(books)
    traces = ("Amélie", "Bruno", "Chloé", "example.com", "anniversaire")
    holding = {
        (trace, model._meta.table_name)
        for trace in traces
        for model in TABLES
        for value in every_value(database, model._meta.table_name)
        if trace in str(value)
    }
    assert holding == {(trace, "person") for trace in traces}


def everything_at_rest(url: DatabaseUrl, postgresql: PostgresqlProcess) -> bytes:
    if url.server_url:
        return postgresql.dump(url.server_url)
    files = [path for path in url.path.parent.iterdir() if path.name.startswith(url.path.name)]
    return b"".join(path.read_bytes() for path in files)


def test_a_code_is_kept_nowhere(
    books: StoredBooks, any_url: DatabaseUrl, postgresql: PostgresqlProcess
) -> None:
    play_everything(books)
    content = everything_at_rest(any_url, postgresql)
    for card in books.facts.cards.values():
        code = code_of(card)
        assert card.card_id.encode() in content
        for written in (code.shown, code.characters, code.shown.lower(), code.characters[:15]):
            assert written.encode() not in content
            assert written.encode().hex().encode() not in content  # As a dump shows bytes.
