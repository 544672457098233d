"""The RPCs of Customer Service: finding, looking, acting, and approving what others propose."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from giftcard.v1 import support_service_pb2 as pb
from giftcard.v1 import support_service_pb2_grpc as pb_grpc
from giftcard_rules.act_commands import ActOnCard, ResendCard
from giftcard_rules.proposals import ProposalState
from giftcard_rules.reasons import DeclinedError, Reason
from giftcard_server.edge import refusals
from giftcard_server.edge.answering import gone, granted, refusing, submission_of
from giftcard_server.edge.interception import abort
from giftcard_server.edge.page_tokens import page_token
from giftcard_server.edge.support import messages, queries
from giftcard_server.errors import FormUnknownError
from giftcard_server.guesses.attempts import Attempt
from giftcard_server.process.waits import in_thread

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    import grpc

    from giftcard_rules.person_acts import ActOnPeople
    from giftcard_server.callers.callers import Caller
    from giftcard_server.deciding.committer import Committer
    from giftcard_server.deciding.desk_reader import DeskReader
    from giftcard_server.edge.canonical import Read
    from giftcard_server.edge.support.desk import Desk
    from giftcard_server.edge.support.proposable import Proposable
    from giftcard_server.edge.support.requests import ActReader
    from giftcard_server.guesses.attempts import Attempts
    from giftcard_server.logs import Summarized
    from giftcard_server.metrics import DomainMetrics
    from giftcard_storage.acts.proposals import AskedFor

SERVICE: Final = pb.DESCRIPTOR.services_by_name["SupportService"].full_name

NOT_MAILED: Final = ("card_id", "is of a market that this service does not mail")

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class SupportParts:
    """What the servicer works with. `proposable` has an entry for each act under four eyes."""

    reader: ActReader
    desk: Desk
    questions: DeskReader
    committer: Committer
    attempts: Attempts
    proposable: Mapping[str, Proposable]
    metrics: DomainMetrics
    now: Callable[[], datetime]
    caller_of: Callable[[grpc.ServicerContext], Caller]
    undecided: Summarized


class SupportServicer(pb_grpc.SupportServiceServicer):
    """Answers `giftcard.v1.SupportService`."""

    def __init__(self, parts: SupportParts) -> None:
        self._parts = parts
        self._desk = parts.desk
        self._reader = parts.reader
        self.undecided = parts.undecided

    @refusing
    def FindCards(
        self, request: pb.FindCardsRequest, context: grpc.ServicerContext
    ) -> pb.FindCardsResponse:
        """Find cards; a code that finds none counts as a guess."""
        arrived_at, caller = time.monotonic(), self._parts.caller_of(context).name
        asked = queries.find(request, self._reader.ring)
        attempt = Attempt("FindCards", arrived_at, caller, None, bool(asked.query.values))
        wait = self._parts.attempts.wait(attempt) if asked.is_by_code else None
        if wait is not None:
            self._failed(attempt, Reason.TOO_MANY_ATTEMPTS, context)
            self._parts.metrics.answered("FindCards", Reason.TOO_MANY_ATTEMPTS)
            abort(context, refusals.declined(Reason.TOO_MANY_ATTEMPTS, {}, wait))
        places, shown = self._ask(lambda: self._desk.find(asked), "FindCards", context)
        if asked.is_by_code and not places:
            self._failed(attempt, Reason.CARD_NOT_FOUND, context)
        token, size = "", asked.query.limit - 1
        if len(places) > size:
            token = page_token(queries.query_of_find(request), places[size - 1])
        return messages.found(shown, token)

    @refusing
    def GetCard(
        self, request: pb.GetCardRequest, context: grpc.ServicerContext
    ) -> pb.GetCardResponse:
        """Show a card, and its people where that is asked for."""
        card_id, by = queries.card(request)
        opened_by = by if request.open_people else None
        shown = self._ask(lambda: self._desk.card(card_id, opened_by), "GetCard", context)
        return messages.card(shown)

    @refusing
    def ListTimeline(
        self, request: pb.ListTimelineRequest, context: grpc.ServicerContext
    ) -> pb.ListTimelineResponse:
        """Show what happened to a card, a page at a time."""
        page = queries.timeline(request)
        entries, currency = self._ask(lambda: self._desk.timeline(page), "ListTimeline", context)
        token = ""
        if len(entries) > page.size:
            last = entries[page.size - 1].place
            token = page_token(queries.query_of_timeline(page.card_id), last)
        return messages.timeline(entries[: page.size], currency, token)

    @refusing
    def BlockCard(self, request: pb.BlockCardRequest, context: grpc.ServicerContext) -> bytes:
        """Block a card, or propose it."""
        caller = self._parts.caller_of(context)
        return self._decided(self._reader.block(request, caller.name), caller, context)

    @refusing
    def UnblockCard(self, request: pb.UnblockCardRequest, context: grpc.ServicerContext) -> bytes:
        """Lift a block, or propose it."""
        caller = self._parts.caller_of(context)
        return self._decided(self._reader.unblock(request, caller.name), caller, context)

    @refusing
    def WriteOffCard(self, request: pb.WriteOffCardRequest, context: grpc.ServicerContext) -> bytes:
        """Write a card off, or propose it."""
        caller = self._parts.caller_of(context)
        return self._decided(self._reader.write_off(request, caller.name), caller, context)

    @refusing
    def ResendCard(self, request: pb.ResendCardRequest, context: grpc.ServicerContext) -> bytes:
        """Send the e-mail with the code again, or propose it."""
        caller = self._parts.caller_of(context)
        read = self._reader.resend(request, caller.name)
        act, mistakes = self._completed(read.command, context)
        return self._decided(replace(read, command=act, mistakes_today=mistakes), caller, context)

    @refusing
    def CancelPurchase(
        self, request: pb.CancelPurchaseRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Cancel a purchase by its number and its purchaser's address, which is as a guess."""
        arrived_at, caller = time.monotonic(), self._parts.caller_of(context)
        read = self._reader.cancel_purchase(request, caller.name, self._parts.now())
        attempts, command = self._parts.attempts, read.command
        attempt = Attempt("CancelPurchase", arrived_at, caller.name, None, is_looked_up=True)
        wait = attempts.wait(attempt)
        if wait is None:
            named = (command.market, command.purchase_order_id, command.purchaser_email)
            card_id = self._parts.questions.ask(
                lambda: self._desk.card_id_of_purchase(*named), gone(context)
            )
            read = replace(read, command=replace(command, card_id=card_id))
        submission = submission_of(read, caller, throttled=wait is not None)
        answer = self._parts.committer.submit(submission, gone(context))
        self._failed(attempt, answer.reason, context)
        if answer.reason is Reason.TOO_MANY_ATTEMPTS:
            abort(context, refusals.declined(Reason.TOO_MANY_ATTEMPTS, {}, wait))
        return granted(answer, context).encoded

    @refusing
    def ListProposals(
        self, request: pb.ListProposalsRequest, context: grpc.ServicerContext
    ) -> pb.ListProposalsResponse:
        """Show what waits for somebody, or what became of a card's proposals."""
        query = queries.proposals(request, self._parts.now())
        found = self._ask(lambda: self._desk.proposals(query), "ListProposals", context)
        shown, token = found[: query.limit - 1], ""
        if len(found) > len(shown):
            last = messages.place_of_proposal(shown[-1])
            token = page_token(queries.query_of_proposals(query.card_id), last)
        return messages.proposals(shown, query.now, token)

    @refusing
    def ApproveProposal(
        self, request: pb.ApproveProposalRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Carry out what was proposed, where the caller may do so itself."""
        caller = self._parts.caller_of(context)
        read = self._reader.approve(request, caller.name)
        proposal_id = read.command.proposal_id
        asked = self._parts.questions.ask(lambda: self._desk.asked_for(proposal_id), gone(context))
        if asked is None:
            return self._decided(read, caller, context)
        proposable = self._proposable(asked)
        caller.require_may_call(proposable.path)
        act = _act_of(proposable, asked)
        if act is not None:
            act = self._completed_act(act, context)
        read = replace(read, command=replace(read.command, act=act))
        encoded = self._decided(read, caller, context)
        if proposable.carry_out is not None and asked.request is not None:
            approved = pb.ApproveProposalResponse.FromString(encoded).proposal
            if approved.state == messages.PROPOSAL_STATE[ProposalState.CARRIED_OUT]:
                proposable.carry_out(asked.request, asked.proposal)
        return encoded

    @refusing
    def RejectProposal(
        self, request: pb.RejectProposalRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Close a proposal; nothing is carried out."""
        caller = self._parts.caller_of(context)
        return self._decided(self._reader.reject(request, caller.name), caller, context)

    def _completed(
        self, command: ActOnCard, context: grpc.ServicerContext
    ) -> tuple[ActOnCard, tuple[tuple[str, str], ...]]:
        """Return an act with what only people's data tells, and what is wrong with it today."""
        act = command.act
        if not isinstance(act, ResendCard):
            return command, ()
        unreachable, is_mailed = self._parts.questions.ask(
            lambda: self._desk.resendable(act.card_id), gone(context)
        )
        completed = replace(command, act=replace(act, unreachable=unreachable))
        return completed, () if is_mailed else (NOT_MAILED,)

    def _completed_act(
        self, act: ActOnCard | ActOnPeople, context: grpc.ServicerContext
    ) -> ActOnCard | ActOnPeople:
        return self._completed(act, context)[0] if isinstance(act, ActOnCard) else act

    def _failed(
        self, attempt: Attempt, reason: Reason | None, context: grpc.ServicerContext
    ) -> None:
        """Count a guess that failed, and hold its refusal back, in the thread of the call."""
        in_thread(self._parts.attempts.answered(attempt, reason, context))

    def _proposable(self, asked: AskedFor) -> Proposable:
        proposable = self._parts.proposable.get(asked.proposal.act)
        if proposable is None:  # A newer version has proposed what this one does not know.
            raise FormUnknownError
        return proposable

    def _decided(self, read: Read[Any], caller: Caller, context: grpc.ServicerContext) -> bytes:
        submission = submission_of(read, caller)
        return granted(self._parts.committer.submit(submission, gone(context)), context).encoded

    def _ask(
        self, question: Callable[[], Answer], method: str, context: grpc.ServicerContext
    ) -> Answer:
        """Return the answer to a question, or end the call with why there is none."""
        try:
            answer = self._parts.questions.ask(question, gone(context))
        except DeclinedError as declined:
            self._parts.metrics.answered(method, declined.reason)
            abort(context, refusals.declined(declined.reason, declined.details))
        self._parts.metrics.answered(method, None)
        return answer


def _act_of(proposable: Proposable, asked: AskedFor) -> ActOnCard | ActOnPeople | None:
    """Return what was asked for, as its proposer's act; None where it cannot be opened any more."""
    if asked.request is None:
        return None
    act = proposable.command_of(asked.request)
    return replace(act, act_id=asked.proposal.proposal_id)
