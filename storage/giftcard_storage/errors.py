"""What can go wrong with storage, in words of this project.

StorageError
├── DatabaseRefusedError   the server must not start on this database
├── StorageAwayError       the database does not answer now; nothing was changed
└── StaleError             another writer was faster; load and decide again
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import peewee
from peewee import __exception_wrapper__  # type: ignore[attr-defined] # Its stubs leave it out.

if TYPE_CHECKING:
    from collections.abc import Iterator


class StorageError(Exception):
    """Storage could not do what it was asked."""


class DatabaseRefusedError(StorageError):
    """The database is not ours, is newer than this code, or is damaged. Names the file."""


class StorageAwayError(StorageError):
    """The database is away, busy or full. The transaction was rolled back."""


class StaleError(StorageError):
    """A card has changed since it was loaded. The transaction has to be rolled back."""


# Peewee's families of errors that say something about the database and not about us:
# away, locked, full, damaged. Constraint, data and programming errors are defects.
_AWAY = (peewee.OperationalError, peewee.InterfaceError)


@contextmanager
def translated() -> Iterator[None]:
    """Raise the database's own errors in words of this project, without their texts' values."""
    try:
        with __exception_wrapper__:  # Peewee wraps what it runs itself, but no fetching.
            yield
    except _AWAY as error:
        raise StorageAwayError(type(error).__name__) from error
    except peewee.DatabaseError as error:
        if type(error) is not peewee.DatabaseError:
            raise
        raise StorageAwayError(type(error).__name__) from error  # SQLITE_CORRUPT and its kind.
