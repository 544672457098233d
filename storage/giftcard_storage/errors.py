"""Everything that can go wrong with storage, as errors of this project.

StorageError
├── DatabaseRefusedError   the server must not start on this database
├── CardUnknownError       the card that was asked for does not exist
├── StorageAwayError       the database does not answer now; nothing was changed
│   ├── LockedError        another session holds a row for longer than we wait
│   ├── UnfitSessionError  its sessions do not do: a pooler lends them to other clients as well
│   ├── CommitLostError    the connection was cut during a commit; its result is unknown
│   ├── PeopleAwayError    what a command about people needs is away; no other command needs it
│   │   ├── PeopleUnindexedError    people of a former version cannot be found yet
│   │   ├── PersonOutOfReachError   a person cannot be changed without the key of the ring
│   │   └── JournalError            the erasure journal cannot be written, so nothing was erased
│   └── FencedOffError     a newer version has fenced this one off; nothing was changed
└── StaleError             another writer was faster: load and decide again
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import peewee
from peewee import __exception_wrapper__  # type: ignore[attr-defined] # Its stubs leave it out.

if TYPE_CHECKING:
    from collections.abc import Iterator


class StorageError(Exception):
    """Storage could not do what was asked of it."""


class DatabaseRefusedError(StorageError):
    """The database is not ours, is of another version, or is damaged. Names the database."""


class CardUnknownError(StorageError):
    """There is no card with that id. The id is not repeated, as it may be a code."""


class StorageAwayError(StorageError):
    """The database is away, busy or full. The transaction was rolled back."""


class LockedError(StorageAwayError):
    """Another session holds a row that the transaction needs. It was rolled back."""


class UnfitSessionError(StorageAwayError):
    """A session of the database does not do. The text says why, and quotes nothing of its URL."""


class CommitLostError(StorageAwayError):
    """The database did not answer a commit; the request records show whether it was done."""


class PeopleAwayError(StorageAwayError):
    """What a command about people needs is away. Every other command can be decided."""


class PeopleUnindexedError(PeopleAwayError):
    """People of a former version are still to be indexed: `giftcard people reindex`."""

    def __init__(self) -> None:
        super().__init__("people are still to be indexed: run `giftcard people reindex`")


class PersonOutOfReachError(PeopleAwayError):
    """A person cannot be opened, or told from others, with this ring. Names the ring's key."""


class JournalError(PeopleAwayError):
    """The erasure journal cannot be written, so that nothing was erased."""


class FencedOffError(StorageAwayError):
    """A migration of a newer version lets no server write that lacks it. Names the migration."""


class StaleError(StorageError):
    """A card has changed since it was loaded. The transaction has to be rolled back."""


# PostgreSQL's codes for "another transaction was faster".
_STALE: Final = frozenset({
    "40001",  # serialization_failure: a row has changed since this transaction began.
    "40P01",  # deadlock_detected.
    "23505",  # unique_violation: what was not there yet when it was looked for.
})  # fmt: skip
_LOCKED: Final = "55P03"  # lock_not_available: not within the session's `lock_timeout`.
# And for "not now", where Peewee sees a mistake of ours.
_NOT_NOW: Final = frozenset({
    "25006",  # read_only_sql_transaction: a standby, in the middle of a switch-over.
    "25P03",  # idle_in_transaction_session_timeout.
    "25P04",  # transaction_timeout.
})  # fmt: skip
# Peewee's classes of errors that are about the state of the database: away, locked, full,
# damaged. Constraint, data and programming errors are defects of ours.
_AWAY: Final = (peewee.OperationalError, peewee.InterfaceError)


@contextmanager
def translated() -> Iterator[None]:
    """Turn the driver's errors into errors of this project, without the values in their texts."""
    try:
        with __exception_wrapper__:  # Peewee wraps executing itself, but not fetching.
            yield
    except peewee.DatabaseError as error:
        code = code_of(error)
        if code in _STALE:
            raise StaleError(code) from error
        if code == _LOCKED:
            raise LockedError(code) from error
        # SQLITE_CORRUPT and the like are of the bare class.
        if isinstance(error, _AWAY) or code in _NOT_NOW or type(error) is peewee.DatabaseError:
            raise StorageAwayError(code or type(_driver_error(error)).__name__) from error
        raise
    except peewee.InterfaceError as error:
        raise StorageAwayError(type(error).__name__) from error


def code_of(error: peewee.DatabaseError) -> str | None:
    """Return PostgreSQL's code, or None where there is none."""
    return getattr(_driver_error(error), "sqlstate", None)


def _driver_error(error: BaseException) -> BaseException:
    """Return what the driver raised: an error of a query that Peewee runs is wrapped twice."""
    wrapped: BaseException | None = getattr(error, "orig", None)
    return error if wrapped is None else _driver_error(wrapped)
