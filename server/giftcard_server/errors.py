"""All errors of the server as one tree; storage has a tree of its own.

ServerError
├── StartRefusedError        the server must not start in this situation
├── SettingsError            the settings cannot be used
├── KeysRefusedError         a key ring cannot be used
├── CallerRefusedError       the caller is unknown, or lacks the role
├── InvalidRequestError      the request is malformed
├── EventsRefusedError       the log of events cannot go on from where a consumer is
└── UndecidedError           the command was not decided; the same request may be sent again
    ├── OverloadedError      too many callers wait
    ├── GoneError            the caller stopped waiting
    ├── LateError            the database takes too long; the command may be decided yet
    ├── ContendedError       other writers were faster each time
    ├── KeyLostError         the ring lacks the key that a recorded answer needs
    ├── FormUnknownError     a newer version has recorded the request, in a form of its own
    └── ClockWrongError      the clock of this machine cannot be right
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

import grpc

from giftcard_rules.terms import UnknownTermsError
from giftcard_storage.errors import (
    CommitLostError,
    FencedOffError,
    JournalError,
    LockedError,
    PeopleUnindexedError,
    PersonOutOfReachError,
    StaleError,
    StorageAwayError,
    UnfitSessionError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

# The exit code of a command or of a worker that could not start.
EXIT_REFUSED: Final = 2


class ServerError(Exception):
    """The server could not do what it was asked."""


class StartRefusedError(ServerError):
    """The server must not start in this situation; the text says why, and what to do."""


class SettingsError(ServerError):
    """The settings cannot be used; one line for each mistake."""


class KeysRefusedError(ServerError, ValueError):
    """A key ring cannot be used. The text names the line and the file, never a secret.

    It is a ValueError, so that pydantic reports a ring in a setting like any other mistake.
    """


class CallerRefusedError(ServerError):
    """The caller may not call this RPC. The text is for the caller and for the log."""

    def __init__(self, status: grpc.StatusCode, text: str) -> None:
        super().__init__(text)
        self.status = status


class InvalidRequestError(ServerError):
    """A request is malformed; `violations` pairs each field with what is wrong with it."""

    def __init__(self, violations: Sequence[tuple[str, str]]) -> None:
        super().__init__("the request is malformed")
        self.violations = violations


class EventsRefusedError(ServerError):
    """The log of events cannot go on from where a consumer is.

    `reason` and `details` say why, and from where it can; they are the consumer's to act on.
    """

    def __init__(
        self, status: grpc.StatusCode, reason: str, text: str, **details: str | int
    ) -> None:
        super().__init__(text)
        self.status = status
        self.reason = reason
        self.details = {name: str(value) for name, value in details.items()}

    @classmethod
    def changed(cls, generation: str, last_common_position: int) -> Self:
        """Return the refusal of a consumer of a former generation."""
        return cls(
            grpc.StatusCode.FAILED_PRECONDITION,
            "GENERATION_CHANGED",
            "the database was restored from a backup since",
            generation=generation,
            last_common_position=last_common_position,
        )

    @classmethod
    def gone(cls, oldest_position: int) -> Self:
        """Return the refusal of a consumer whose next events were removed."""
        return cls(
            grpc.StatusCode.OUT_OF_RANGE,
            "POSITION_GONE",
            "events after this position were removed",
            oldest_position=oldest_position,
        )

    @classmethod
    def ahead(cls, last_position: int) -> Self:
        """Return the refusal of a consumer that is ahead of the log."""
        return cls(
            grpc.StatusCode.OUT_OF_RANGE,
            "POSITION_AHEAD",
            "no event has this position yet",
            last_position=last_position,
        )


class UndecidedError(ServerError):
    """A command was not decided, and changed nothing. The same request may be sent again."""


class OverloadedError(UndecidedError):
    """The queue of waiting commands is full."""


class GoneError(UndecidedError):
    """The caller stopped waiting before the command was picked up."""


class LateError(UndecidedError):
    """The batch of a command, or the one before, takes too long.

    The command may be decided yet, as after a lost commit: its request record will tell.
    """


class ContendedError(UndecidedError):
    """Other writers were faster each time."""


class KeyLostError(UndecidedError):
    """The ring does not have the key that a recorded answer needs."""


class FormUnknownError(UndecidedError):
    """The record of a request names a form that only a newer version can compare."""


class ClockWrongError(UndecidedError):
    """The clock of this machine cannot be right; the text says why."""


# The status and text of a call whose command was not decided. The same request may be sent
# again: nothing was done, or its record will answer it, after a lost or late commit.
ANSWERED: Final[dict[type[Exception], tuple[grpc.StatusCode, str]]] = {
    OverloadedError: (grpc.StatusCode.UNAVAILABLE, "overloaded"),
    LateError: (grpc.StatusCode.UNAVAILABLE, "storage is late"),
    StorageAwayError: (grpc.StatusCode.UNAVAILABLE, "storage is away"),
    CommitLostError: (grpc.StatusCode.UNAVAILABLE, "storage is away"),
    FencedOffError: (grpc.StatusCode.UNAVAILABLE, "a newer version has fenced this server off"),
    LockedError: (grpc.StatusCode.UNAVAILABLE, "another program has locked what this changes"),
    PersonOutOfReachError: (grpc.StatusCode.UNAVAILABLE, "a key is missing from the ring"),
    JournalError: (grpc.StatusCode.UNAVAILABLE, "the erasure journal cannot be written"),
    PeopleUnindexedError: (grpc.StatusCode.UNAVAILABLE, "people are still to be indexed"),
    UnfitSessionError: (grpc.StatusCode.UNAVAILABLE, "storage is away"),
    KeyLostError: (grpc.StatusCode.UNAVAILABLE, "a key is missing from the ring"),
    FormUnknownError: (grpc.StatusCode.UNAVAILABLE, "a newer version has recorded the request"),
    UnknownTermsError: (grpc.StatusCode.UNAVAILABLE, "this server has other terms"),
    ClockWrongError: (grpc.StatusCode.UNAVAILABLE, "the server's clock is wrong"),
    ContendedError: (grpc.StatusCode.ABORTED, "contention"),
    StaleError: (grpc.StatusCode.ABORTED, "contention"),
    GoneError: (grpc.StatusCode.CANCELLED, "the caller was gone"),
}
