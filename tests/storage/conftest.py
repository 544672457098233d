"""A real database file for every test that asks for one."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from peewee import Database

from giftcard_storage.database import DatabaseUrl, connect, migrate
from giftcard_storage.store import Store
from postgresql_process import PostgresqlProcess
from stored_books import StoredBooks


@pytest.fixture
def url(tmp_path: Path) -> DatabaseUrl:
    """Where a database can be made; there is none yet."""
    return DatabaseUrl(tmp_path / "giftcard.db")


@pytest.fixture
def server_url(postgresql: PostgresqlProcess) -> Iterator[DatabaseUrl]:
    """A new database of PostgreSQL."""
    url = postgresql.new_database()
    yield DatabaseUrl.parse(url)
    postgresql.drop(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def any_url(request: pytest.FixtureRequest) -> DatabaseUrl:
    """A new database of each kind, in turn."""
    if request.param == "postgresql":
        made: DatabaseUrl = request.getfixturevalue("server_url")
        return made
    made = request.getfixturevalue("url")
    migrate(made)
    return made


@pytest.fixture
def database(url: DatabaseUrl) -> Iterator[Database]:
    """A connection to a new database."""
    migrate(url)
    connection = connect(url)
    yield connection
    connection.close()


@pytest.fixture
def books(database: Database) -> StoredBooks:
    """Books kept in that database."""
    return StoredBooks(Store(database))
