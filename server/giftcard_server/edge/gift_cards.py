"""The six RPCs: a message becomes a command, and its decision a response or a status."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import grpc
import structlog

from giftcard.v1 import gift_card_pb2
from giftcard.v1 import gift_card_service_pb2 as pb
from giftcard.v1 import gift_card_service_pb2_grpc as pb_grpc
from giftcard_rules import codes
from giftcard_rules.questions import Validated
from giftcard_rules.reasons import Reason
from giftcard_rules.tender import unusable
from giftcard_server.deciding.batched import Batched
from giftcard_server.edge import refusals, responses
from giftcard_server.edge.answering import gone, granted, refusing, submission_of
from giftcard_server.edge.interception import abort
from giftcard_server.guesses.attempts import Attempt
from giftcard_server.keys.key_ring import required_key
from giftcard_server.logs import Summarized

if TYPE_CHECKING:
    from datetime import datetime

    from giftcard_rules.commands import Keyed, RequestKey
    from giftcard_server.callers.callers import Caller
    from giftcard_server.deciding.committer import Committer
    from giftcard_server.deciding.submission import Answer
    from giftcard_server.deciding.validate_reader import ValidateReader
    from giftcard_server.edge.canonical import Read
    from giftcard_server.edge.requests import RequestReader
    from giftcard_server.guesses.attempts import Attempts
    from giftcard_server.metrics import DomainMetrics
    from giftcard_server.process.waits import Steps

log = structlog.get_logger(__name__)

Sent = TypeVar("Sent")
Replacing = TypeVar("Replacing", pb.CaptureResponse, pb.ReverseResponse)


class GiftCardServicer(pb_grpc.GiftCardServiceServicer):
    """Answers `giftcard.v1.GiftCardService`.

    Each RPC is written in steps, so that its call may wait without a thread (ADR 100). An encoded
    answer without a code is returned as it is, and the interceptor sends its bytes.
    """

    def __init__(
        self,
        reader: RequestReader,
        committer: Committer,
        validating: ValidateReader,
        attempts: Attempts,
        metrics: DomainMetrics,
        now: Callable[[], datetime],
        caller_of: Callable[[grpc.ServicerContext], Caller],
    ) -> None:
        self._caller_of = caller_of
        self._reader = reader
        self._ring = reader.ring
        self._committer = committer
        self._validating = validating
        self._attempts = attempts
        self._metrics = metrics
        self._now = now
        self.undecided = Summarized(log, "error")

    @refusing
    def Issue(
        self, request: pb.IssueRequest, context: grpc.ServicerContext
    ) -> Steps[pb.IssueResponse]:
        """Make a card, and answer with its code, unless this caller gets none."""
        caller = self._caller_of(context)
        read = self._reader.issue(request, caller.name, self._now())
        answer = yield from self._decided(read, context)
        response = pb.IssueResponse.FromString(answer.encoded)
        self._add_code(response, answer, read.command.key, caller)
        return response

    @refusing
    def Validate(
        self, request: pb.ValidateRequest, context: grpc.ServicerContext
    ) -> Steps[pb.ValidateResponse]:
        """Tell what Authorize would answer; a refusal is part of the response."""
        arrived_at, caller = time.monotonic(), self._caller_of(context).name
        command = self._reader.validate(request)
        attempt = Attempt(
            "Validate", arrived_at, caller, request.attempt_key, bool(command.card_ids)
        )
        wait = self._attempts.wait(attempt)
        if wait is not None:
            outcome = unusable(Reason.TOO_MANY_ATTEMPTS, None, command)
        elif not attempt.is_looked_up:  # A look-up would find no card either.
            outcome = unusable(Reason.CARD_NOT_FOUND, None, command)
        else:
            found = yield Batched(self._validating.batcher, command, gone(context))
            assert isinstance(found, Validated)
            outcome = found
        self._metrics.answered("Validate", outcome.reason)
        response = responses.validated(outcome, wait)
        yield from self._attempts.answered(attempt, outcome.reason, context)
        return response

    @refusing
    def Authorize(
        self, request: pb.AuthorizeRequest, context: grpc.ServicerContext
    ) -> Steps[bytes]:
        """Set money aside on a card."""
        arrived_at, caller = time.monotonic(), self._caller_of(context).name
        read = self._reader.authorize(request, caller)
        attempt = Attempt(
            "Authorize", arrived_at, caller, request.attempt_key, bool(read.command.card_ids)
        )
        answer = yield from self._attempted(attempt, read, context)
        return answer.encoded

    @refusing
    def Capture(
        self, request: pb.CaptureRequest, context: grpc.ServicerContext
    ) -> Steps[pb.CaptureResponse | bytes]:
        """Take the money that was set aside."""
        caller = self._caller_of(context)
        read = self._reader.capture(request, caller.name)
        answer = yield from self._decided(read, context)
        return self._with_code(pb.CaptureResponse, answer, read.command.key, caller)

    @refusing
    def Reverse(
        self, request: pb.ReverseRequest, context: grpc.ServicerContext
    ) -> Steps[pb.ReverseResponse | bytes]:
        """Undo an Authorize: release it, refund it, or prevent it (R36)."""
        caller = self._caller_of(context)
        if request.HasField("authorize_request_id"):
            caller.require_may_name_authorizes()
        read = self._reader.reverse(request, caller.name, self._now(), caller.formerly)
        answer = yield from self._decided(read, context)
        return self._with_code(pb.ReverseResponse, answer, read.command.key, caller)

    @refusing
    def Cancel(self, request: pb.CancelRequest, context: grpc.ServicerContext) -> Steps[bytes]:
        """Cancel the purchase of an unused card."""
        arrived_at, caller = time.monotonic(), self._caller_of(context).name
        read = self._reader.cancel(request, caller, self._now())
        attempt = Attempt("Cancel", arrived_at, caller, None, bool(read.command.card_ids))
        answer = yield from self._attempted(attempt, read, context)
        return answer.encoded

    def _attempted(
        self, attempt: Attempt, read: Read[Keyed], context: grpc.ServicerContext
    ) -> Steps[Answer]:
        """Decide a command that names a card by its code."""
        wait = self._attempts.wait(attempt)
        submission = submission_of(read, self._caller_of(context), throttled=wait is not None)
        answer = yield from self._committer.decided(submission, gone(context))
        yield from self._attempts.answered(attempt, answer.reason, context)
        if answer.reason is Reason.TOO_MANY_ATTEMPTS:
            abort(context, refusals.declined(Reason.TOO_MANY_ATTEMPTS, {}, wait))
        return granted(answer, context)

    def _decided(self, read: Read[Keyed], context: grpc.ServicerContext) -> Steps[Answer]:
        """Decide a command that names no card by its code."""
        submission = submission_of(read, self._caller_of(context))
        answer = yield from self._committer.decided(submission, gone(context))
        return granted(answer, context)

    def _with_code(
        self, kind: type[Replacing], answer: Answer, request_key: RequestKey, caller: Caller
    ) -> Replacing | bytes:
        """Return an answer with the code of its replacement; without one it stays encoded."""
        response = kind.FromString(answer.encoded)
        if not response.HasField("replacement"):
            return answer.encoded
        self._add_code(response.replacement, answer, request_key, caller)
        return response

    def _add_code(
        self,
        response: pb.IssueResponse | gift_card_pb2.Replacement,
        answer: Answer,
        request_key: RequestKey,
        caller: Caller,
    ) -> None:
        """Add the code of a new card, or that it is withheld from this caller, as it is now."""
        if not caller.codes:
            response.code_withheld = True
            return
        ring_key = required_key(self._ring, answer.key_id)
        code = codes.derive_code(ring_key, answer.caller, request_key.request_id)
        response.code = code.shown
