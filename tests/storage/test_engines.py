"""Questions to a database before it is opened, on each engine."""

from peewee import Database

from giftcard_storage.database import DatabaseUrl, has_cards, is_to_be_made, migrate
from giftcard_storage.engines import BY_SCHEME, POSTGRESQL, SQLITE, engine_of
from given.databases.postgresql_process import PostgresqlProcess
from given.databases.stored_books import StoredBooks


def test_every_engine_has_a_scheme() -> None:
    assert set(BY_SCHEME.values()) == {SQLITE, POSTGRESQL}


def test_a_connection_is_on_the_engine_of_its_url(database: Database, any_url: DatabaseUrl) -> None:
    assert engine_of(database) is any_url.engine


def test_a_database_has_cards_once_one_was_bought(books: StoredBooks, any_url: DatabaseUrl) -> None:
    assert not has_cards(any_url)
    books.bought()
    assert has_cards(any_url)


def test_a_database_without_tables_has_no_cards(
    url: DatabaseUrl, postgresql: PostgresqlProcess
) -> None:
    assert not has_cards(url)
    assert not has_cards(DatabaseUrl.parse(postgresql.new_database(migrated=False)))


def test_a_database_is_to_be_made_where_there_is_no_file(url: DatabaseUrl) -> None:
    assert is_to_be_made(url)
    migrate(url)
    assert not is_to_be_made(url)


def test_a_database_on_a_server_is_made_by_its_operator(server_url: DatabaseUrl) -> None:
    assert not is_to_be_made(server_url)
