"""The RPCs for the rights of people over their data: access, rectification, erasure and so on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from giftcard.v1 import privacy_service_pb2 as pb
from giftcard.v1 import privacy_service_pb2_grpc as pb_grpc
from giftcard_rules.reasons import DeclinedError
from giftcard_server.edge import refusals
from giftcard_server.edge.answering import gone, granted, refusing, submission_of
from giftcard_server.edge.interception import abort
from giftcard_server.edge.privacy.exporting import SCHEMA_VERSION

if TYPE_CHECKING:
    import grpc

    from giftcard_rules.person_acts import ActOnPeople
    from giftcard_server.callers.callers import Caller
    from giftcard_server.deciding.committer import Committer
    from giftcard_server.deciding.desk_reader import DeskReader
    from giftcard_server.edge.canonical import Read
    from giftcard_server.edge.privacy.exporting import PrivacyDesk
    from giftcard_server.edge.privacy.requests import PersonActReader
    from giftcard_server.logs import Summarized
    from giftcard_server.metrics import DomainMetrics

SERVICE: Final = pb.DESCRIPTOR.services_by_name["PrivacyService"].full_name


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivacyParts:
    """What the servicer works with."""

    reader: PersonActReader
    desk: PrivacyDesk
    questions: DeskReader
    committer: Committer
    metrics: DomainMetrics
    caller_of: Callable[[grpc.ServicerContext], Caller]
    undecided: Summarized


class PrivacyServicer(pb_grpc.PrivacyServiceServicer):
    """Answers `giftcard.v1.PrivacyService`."""

    def __init__(self, parts: PrivacyParts) -> None:
        self._parts = parts
        self._reader = parts.reader
        self.undecided = parts.undecided

    @refusing
    def ExportPerson(
        self, request: pb.ExportPersonRequest, context: grpc.ServicerContext
    ) -> pb.ExportPersonResponse:
        """Export all that is known of people, which is noted first."""
        parts = self._parts
        subject, by = self._reader.export(request)
        try:
            exported = parts.questions.ask(lambda: parts.desk.export(subject, by), gone(context))
        except DeclinedError as declined:
            parts.metrics.answered("ExportPerson", declined.reason)
            abort(context, refusals.declined(declined.reason, declined.details))
        parts.metrics.answered("ExportPerson", None)
        return pb.ExportPersonResponse(json=exported, schema_version=SCHEMA_VERSION)

    @refusing
    def RectifyPerson(
        self, request: pb.RectifyPersonRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Give people another contact."""
        caller = self._parts.caller_of(context)
        return self._decided(self._reader.rectify(request, caller.name), caller, context)

    @refusing
    def RestrictPerson(
        self, request: pb.RestrictPersonRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Keep data, and use it no more."""
        caller = self._parts.caller_of(context)
        return self._decided(self._reader.restrict(request, caller.name), caller, context)

    @refusing
    def LiftRestriction(
        self, request: pb.LiftRestrictionRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Use data again."""
        caller = self._parts.caller_of(context)
        return self._decided(self._reader.lift(request, caller.name), caller, context)

    @refusing
    def ErasePerson(self, request: pb.ErasePersonRequest, context: grpc.ServicerContext) -> bytes:
        """Erase people for good, or propose to."""
        caller = self._parts.caller_of(context)
        return self._decided(self._reader.erase(request, caller.name), caller, context)

    def _decided(
        self, read: Read[ActOnPeople], caller: Caller, context: grpc.ServicerContext
    ) -> bytes:
        submission = submission_of(read, caller)
        return granted(self._parts.committer.submit(submission, gone(context)), context).encoded
