"""A real database file for every test that asks for one."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from peewee import Database

from giftcard_storage.database import DatabaseUrl, connect, prepare
from giftcard_storage.store import Store
from stored_books import StoredBooks


@pytest.fixture
def url(tmp_path: Path) -> DatabaseUrl:
    """Where a database can be made; there is none yet."""
    return DatabaseUrl(tmp_path / "giftcard.db")


@pytest.fixture
def database(url: DatabaseUrl) -> Iterator[Database]:
    """A connection to a new database."""
    prepare(url)
    connection = connect(url)
    yield connection
    connection.close()


@pytest.fixture
def books(database: Database) -> StoredBooks:
    """Books kept in that database."""
    return StoredBooks(Store(database))
