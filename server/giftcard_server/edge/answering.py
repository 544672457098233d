"""What the servicers of all services share: how a call ends that has no granted answer."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import timedelta
from inspect import isgeneratorfunction
from typing import TYPE_CHECKING, Any, Final, NoReturn, Protocol, TypeVar

from google.rpc.status_pb2 import Status

from giftcard_rules.terms import UnknownTermsError
from giftcard_server.deciding.submission import Submission
from giftcard_server.edge import refusals
from giftcard_server.edge.interception import abort
from giftcard_server.edge.marks import marked
from giftcard_server.errors import (
    ANSWERED,
    CallerRefusedError,
    EventsRefusedError,
    InvalidRequestError,
    KeyLostError,
)
from giftcard_storage.errors import FencedOffError, StorageAwayError

if TYPE_CHECKING:
    import grpc

    from giftcard_rules.commands import Keyed
    from giftcard_server.callers.callers import Caller
    from giftcard_server.deciding.submission import Answer
    from giftcard_server.edge.canonical import Read
    from giftcard_server.logs import Summarized
    from giftcard_server.process.waits import Steps

RETRY_AFTER: Final = timedelta(milliseconds=200)
REPLAYED: Final = (("giftcard-replayed", "true"),)
# What ends a call with a status; any other error is a defect.
REFUSED: Final[tuple[type[Exception], ...]] = (
    InvalidRequestError,
    EventsRefusedError,
    CallerRefusedError,
    *ANSWERED,
)


class Answering(Protocol):
    """A servicer; `undecided` sums up for the log what could not be decided."""

    undecided: Summarized


Servicer = TypeVar("Servicer", bound=Answering)
Sent = TypeVar("Sent")


def refusing(
    answer: Callable[[Servicer, Sent, grpc.ServicerContext], object],
) -> Callable[[Servicer, Sent, grpc.ServicerContext], Any]:
    """End the RPC with the status of the error for which it was not decided.

    `answer` may be written in steps, see `waits`; what it becomes is so then as well. What it
    returns is Any, since the stubs know neither steps nor answers that are encoded already.
    """

    def answering(servicer: Servicer, request: Sent, context: grpc.ServicerContext) -> object:
        try:
            return answer(servicer, request, context)
        except REFUSED as error:
            _refuse(servicer, context, error)

    def in_steps(servicer: Servicer, request: Sent, context: grpc.ServicerContext) -> Steps[object]:
        try:
            steps: Any = answer(servicer, request, context)
            return (yield from steps)
        except REFUSED as error:
            _refuse(servicer, context, error)

    return functools.wraps(answer)(in_steps if isgeneratorfunction(answer) else answering)


def submission_of(read: Read[Keyed], caller: Caller, *, throttled: bool = False) -> Submission:
    """Return a request on its way to a decision; its record is looked up under all names."""
    return Submission(
        read.command,
        read.canonical,
        read.former,
        read.mistakes_today,
        caller.formerly,
        throttled=throttled,
    )


def granted(answer: Answer, context: grpc.ServicerContext) -> Answer:
    """Return an answer that was granted, and end the RPC with the status of one that was not."""
    metadata = REPLAYED if answer.replayed else ()
    if answer.reason is not None:
        abort(context, Status.FromString(answer.encoded), metadata)
    if metadata:
        context.set_trailing_metadata(marked(context, metadata))
    return answer


def gone(context: grpc.ServicerContext) -> Callable[[], bool]:
    """Return how to find out whether the caller has stopped waiting, or its deadline has passed."""
    return lambda: not context.is_active() or context.time_remaining() == 0


def _refuse(servicer: Answering, context: grpc.ServicerContext, error: Exception) -> NoReturn:
    if isinstance(error, InvalidRequestError):
        abort(context, refusals.malformed(error.violations))
    if isinstance(error, EventsRefusedError):
        abort(context, refusals.events_refused(error))
    if isinstance(error, CallerRefusedError):
        context.abort(error.status, str(error))
    _undecided(servicer.undecided, context, error)


def _undecided(undecided: Summarized, context: grpc.ServicerContext, error: Exception) -> NoReturn:
    code, message = ANSWERED[type(error)]
    logged = StorageAwayError | KeyLostError | UnknownTermsError
    # The committer has logged once that it was fenced off.
    if isinstance(error, logged) and not isinstance(error, FencedOffError):
        undecided.add("undecided", why=message, error=str(error))
    abort(context, refusals.try_again(code, message, RETRY_AFTER))
