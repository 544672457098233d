"""A real database for every test that uses one: of each kind in turn, unless it names one."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from peewee import Database

from giftcard_storage.database import DatabaseUrl, connect
from giftcard_storage.sequencing import Sequencing
from given.databases.kinds import Databases, Kind
from given.databases.migrated_file import make_migrated
from given.databases.postgresql_process import PostgresqlProcess
from given.databases.stored_books import StoredBooks, books_on, play_everything


@pytest.fixture
def url(tmp_path: Path) -> DatabaseUrl:
    """The URL of a database file that is not there yet."""
    return DatabaseUrl.of_file(tmp_path / "giftcard.db")


@pytest.fixture
def server_url(databases: Databases, tmp_path: Path) -> Iterator[DatabaseUrl]:
    """An empty database of PostgreSQL with our tables, for tests that do not change the tables."""
    with databases.empty(Kind.POSTGRESQL, tmp_path) as place:
        yield place.database_url


@pytest.fixture(params=["sqlite", "postgresql"])
def any_url(request: pytest.FixtureRequest) -> DatabaseUrl:
    """A new database of each kind, in turn."""
    if request.param == "postgresql":
        made: DatabaseUrl = request.getfixturevalue("server_url")
        return made
    made = request.getfixturevalue("url")
    make_migrated(made.path)
    return made


@pytest.fixture
def database(any_url: DatabaseUrl) -> Iterator[Database]:
    """A connection to a new database of each kind, in turn."""
    with closing(connect(any_url)) as connection:
        yield connection


@pytest.fixture
def embedded(url: DatabaseUrl) -> Iterator[Database]:
    """A connection to a new database file, for tests of files alone."""
    make_migrated(url.path)
    with closing(connect(url)) as connection:
        yield connection


@pytest.fixture
def served(server_url: DatabaseUrl) -> Iterator[Database]:
    """A connection to a new database of PostgreSQL, for tests of servers alone."""
    with closing(connect(server_url)) as connection:
        yield connection


@pytest.fixture
def books(database: Database) -> StoredBooks:
    """Books on that connection."""
    return books_on(database)


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def played_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> DatabaseUrl:
    """A database of each kind in which everything happened, for tests that do not change it."""
    if request.param == "postgresql":
        postgresql: PostgresqlProcess = request.getfixturevalue("postgresql")
        url = DatabaseUrl.parse(postgresql.new_database())
    else:
        url = DatabaseUrl.of_file(tmp_path_factory.mktemp("played") / "giftcard.db")
        make_migrated(url.path)
    with closing(connect(url)) as connection:
        play_everything(books_on(connection))
        Sequencing(connection, "a test").number(100_000)
    return url


@pytest.fixture
def played(played_url: DatabaseUrl) -> Iterator[Database]:
    """A connection to that database, in a transaction that is rolled back."""
    with closing(connect(played_url)) as connection, connection.atomic() as transaction:
        yield connection
        transaction.rollback()
