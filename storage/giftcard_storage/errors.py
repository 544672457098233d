"""What can go wrong with storage, in words of this project.

StorageError
├── DatabaseRefusedError   the server must not start on this database
├── CardUnknownError       somebody asks for a card that is not there
├── StorageAwayError       the database does not answer now; nothing was changed
│   └── CommitLostError    it was asked to commit and did not say whether it has
└── StaleError             another writer was faster; load and decide again
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import peewee
from peewee import __exception_wrapper__  # type: ignore[attr-defined] # Its stubs leave it out.

if TYPE_CHECKING:
    from collections.abc import Iterator


class StorageError(Exception):
    """Storage could not do what it was asked."""


class DatabaseRefusedError(StorageError):
    """The database is not ours, is of another version, or is damaged. Names the database."""


class CardUnknownError(StorageError):
    """There is no card with that id. What was asked for is not told: it may be a code."""


class StorageAwayError(StorageError):
    """The database is away, busy or full. The transaction was rolled back."""


class CommitLostError(StorageAwayError):
    """The database did not answer a commit: the request records know whether it was done."""


class StaleError(StorageError):
    """A card has changed since it was loaded. The transaction has to be rolled back."""


# PostgreSQL's codes for "another transaction was faster".
_STALE: Final = frozenset({
    "40001",  # serialization_failure: a row has changed since this transaction began.
    "40P01",  # deadlock_detected.
    "23505",  # unique_violation: what was not there yet when it was looked for.
})  # fmt: skip
# And for "not now", of those that Peewee would count among our own mistakes.
_NOT_NOW: Final = frozenset({
    "25006",  # read_only_sql_transaction: a standby, in the middle of a switch-over.
    "25P03",  # idle_in_transaction_session_timeout.
    "25P04",  # transaction_timeout.
})  # fmt: skip
# Peewee's families of errors that say something about the database and not about us:
# away, locked, full, damaged. Constraint, data and programming errors are defects.
_AWAY: Final = (peewee.OperationalError, peewee.InterfaceError)


@contextmanager
def translated() -> Iterator[None]:
    """Raise the database's own errors in words of this project, without their texts' values."""
    try:
        with __exception_wrapper__:  # Peewee wraps what it runs itself, but no fetching.
            yield
    except peewee.DatabaseError as error:
        code = _code(error)
        if code in _STALE:
            raise StaleError(code) from error
        # SQLITE_CORRUPT and its kind are of no family.
        if isinstance(error, _AWAY) or code in _NOT_NOW or type(error) is peewee.DatabaseError:
            raise StorageAwayError(code or type(error).__name__) from error
        raise
    except peewee.InterfaceError as error:
        raise StorageAwayError(type(error).__name__) from error


def _code(error: peewee.DatabaseError) -> str | None:
    """Return PostgreSQL's code, under the wrapping: what Peewee runs itself is in two of them."""
    own: object = error
    while isinstance(own, peewee.PeeweeException):
        own = getattr(own, "orig", None)
    return getattr(own, "sqlstate", None)
