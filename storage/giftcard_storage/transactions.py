"""Transactions: all or nothing, on one state of the database."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from giftcard_storage.engines import engine_of
from giftcard_storage.errors import CommitLostError, StorageAwayError, translated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from peewee import Database


@contextmanager
def writing(database: Database, *, is_patient: bool = True) -> Iterator[None]:
    """Commit everything done inside, durably, or roll all of it back.

    If it is not patient, it hardly waits for a row that another session has locked. Raises
    `FencedOffError` where a newer version has fenced this one off, and `CommitLostError` where
    the database does not say whether it has committed.
    """
    engine = engine_of(database)
    with engine.in_turn(database):
        with _rolling_back(database), translated():
            engine.begin_writing(database, is_patient=is_patient)
        with _marked(database), _rolling_back(database):
            yield
            try:
                with translated():
                    database.commit()
            except StorageAwayError as error:
                raise CommitLostError(*error.args) from error


@contextmanager
def reading(database: Database, *, durably: bool = False) -> Iterator[None]:
    """See one state of the database inside, and block no writer.

    Inside of another transaction it is a part of that one. If durably, what was read outlives the
    loss of a server once the block is over.
    """
    if database.in_transaction():
        yield
        return
    with translated():
        engine_of(database).begin_reading(database, durably=durably)
    with _marked(database), _rolling_back(database):
        yield
        with translated():
            database.commit()


@contextmanager
def reading_durably(database: Database) -> Iterator[None]:
    """See one state of the database inside, which is as durable as any commit once this ends.

    Inside of another transaction it is a part of that one.
    """
    engine = engine_of(database)
    if engine.has_one_writer or database.in_transaction():  # There, only what is durable is seen.
        with reading(database):
            yield
        return
    with writing(database):
        yield
        with translated():
            engine.wait_like_a_write(database)


@contextmanager
def _marked(database: Database) -> Iterator[None]:
    """Mark the connection as in a transaction, so that a nested `reading` joins it."""
    database.push_transaction(_marked)
    try:
        yield
    finally:
        database.pop_transaction()


@contextmanager
def _rolling_back(database: Database) -> Iterator[None]:
    try:
        yield
    except BaseException:
        # A transaction that cannot be rolled back ends with its connection.
        with suppress(Exception):
            database.rollback()
        raise
