"""The RPCs about authorizations: looking at them, holding longer, and previewing a Reverse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from giftcard.v1 import authorization_service_pb2 as pb
from giftcard.v1 import authorization_service_pb2_grpc as pb_grpc
from giftcard_rules.authorization_calls import Listed, Previewed, Shown
from giftcard_rules.commands import Declined
from giftcard_server.deciding.batched import Batched
from giftcard_server.edge import authorization_requests as requests
from giftcard_server.edge import refusals, responses
from giftcard_server.edge.answering import gone, granted, refusing, submission_of
from giftcard_server.edge.interception import abort
from giftcard_server.edge.page_tokens import page_token
from giftcard_storage.order_pages import Place

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    import grpc

    from giftcard_rules.commands import Outcome
    from giftcard_rules.reasons import Reason
    from giftcard_server.callers.callers import Caller
    from giftcard_server.deciding.authorization_reader import Asked, AuthorizationReader
    from giftcard_server.deciding.committer import Committer
    from giftcard_server.edge.requests import RequestReader
    from giftcard_server.logs import Summarized
    from giftcard_server.metrics import DomainMetrics
    from giftcard_server.process.waits import Steps

SERVICE: Final = pb.DESCRIPTOR.services_by_name["AuthorizationService"].full_name

Result = TypeVar("Result", Shown, Listed, Previewed)


class AuthorizationServicer(pb_grpc.AuthorizationServiceServicer):
    """Answers `giftcard.v1.AuthorizationService`."""

    def __init__(
        self,
        reader: RequestReader,
        committer: Committer,
        authorizations: AuthorizationReader,
        metrics: DomainMetrics,
        now: Callable[[], datetime],
        caller_of: Callable[[grpc.ServicerContext], Caller],
        undecided: Summarized,
    ) -> None:
        self._reader = reader
        self._committer = committer
        self._authorizations = authorizations
        self._metrics = metrics
        self._now = now
        self._caller_of = caller_of
        self.undecided = undecided

    @refusing
    def GetAuthorization(
        self, request: pb.GetAuthorizationRequest, context: grpc.ServicerContext
    ) -> Steps[pb.GetAuthorizationResponse]:
        """Show an authorization, and what came out of it."""
        caller = _in_scope(request, self._caller_of(context))
        asked = requests.get(request, caller)
        found = yield from self._found("GetAuthorization", asked, Shown, context)
        return responses.shown(found)

    @refusing
    def ListAuthorizations(
        self, request: pb.ListAuthorizationsRequest, context: grpc.ServicerContext
    ) -> Steps[pb.ListAuthorizationsResponse]:
        """Show the authorizations of an order, a page at a time."""
        asked = requests.order_page(request, self._reader.markets)
        listed = yield from self._found("ListAuthorizations", asked, Listed, context)
        found = listed.authorizations
        shown, token = found[: asked.size], ""
        if len(found) > len(shown):
            last = Place(shown[-1].created_at, shown[-1].authorization_id)
            token = page_token(requests.query_of(request), last)
        return responses.listed(shown, token)

    @refusing
    def ExtendAuthorization(
        self, request: pb.ExtendAuthorizationRequest, context: grpc.ServicerContext
    ) -> Steps[bytes]:
        """Hold longer."""
        caller = self._caller_of(context)
        submission = submission_of(requests.extend(request, caller.name), caller)
        answer = yield from self._committer.decided(submission, gone(context))
        return granted(answer, context).encoded

    @refusing
    def PreviewReverse(
        self, request: pb.PreviewReverseRequest, context: grpc.ServicerContext
    ) -> Steps[pb.PreviewReverseResponse]:
        """Tell what Reverse would answer; a refusal is part of the response."""
        caller = _in_scope(request, self._caller_of(context))
        asked = requests.preview(self._reader, request, caller, self._now())
        outcome = yield Batched(self._authorizations.batcher, asked, gone(context))
        assert isinstance(outcome, Previewed | Declined)
        self._metrics.answered("PreviewReverse", _reason(outcome))
        return responses.previewed(outcome)

    def _found(
        self, method: str, asked: Asked, kind: type[Result], context: grpc.ServicerContext
    ) -> Steps[Result]:
        outcome = yield Batched(self._authorizations.batcher, asked, gone(context))
        self._metrics.answered(method, _reason(outcome))
        if isinstance(outcome, Declined):
            abort(context, refusals.declined(outcome.reason, outcome.details))
        assert isinstance(outcome, kind)
        return outcome


def _reason(outcome: Outcome) -> Reason | None:
    return outcome.reason if isinstance(outcome, Declined) else None


def _in_scope(
    request: pb.GetAuthorizationRequest | pb.PreviewReverseRequest, caller: Caller
) -> Caller:
    """Raise `CallerRefusedError` where a caller names an Authorize that it may not have sent."""
    if request.WhichOneof("target") == "authorize_request_id":
        caller.require_may_name_authorizes()
    return caller
