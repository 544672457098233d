"""Transactions: all or nothing, and one state of the database inside."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from giftcard_storage.engines import engine_of
from giftcard_storage.errors import CommitLostError, StorageAwayError, translated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from peewee import Database


@contextmanager
def writing(database: Database) -> Iterator[None]:
    """Commit what is done inside, durably, or roll all of it back.

    Raises `CommitLostError` where the database does not say whether it has committed.
    """
    with translated():
        engine_of(database).begin_writing(database)
    with _known(database), _rolling_back(database):
        yield
        try:
            with translated():
                database.commit()
        except StorageAwayError as error:
            raise CommitLostError(*error.args) from error


@contextmanager
def reading(database: Database) -> Iterator[None]:
    """See one state of the database inside, without keeping writers waiting.

    Inside of another one it is a part of that.
    """
    if database.in_transaction():
        yield
        return
    with translated():
        engine_of(database).begin_reading(database)
    with _known(database), _rolling_back(database):
        yield
        with translated():
            database.commit()


@contextmanager
def _known(database: Database) -> Iterator[None]:
    """Let who looks inside know that it is inside: its end must not be the end of it all."""
    database.push_transaction(_known)
    try:
        yield
    finally:
        database.pop_transaction()


@contextmanager
def _rolling_back(database: Database) -> Iterator[None]:
    try:
        yield
    except BaseException:
        # What cannot be rolled back any more ends with its connection.
        with suppress(Exception):
            database.rollback()
        raise
