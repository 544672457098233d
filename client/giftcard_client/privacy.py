"""The calls of the privacy service: access, rectification, restriction and erasure (R32)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any
from uuid import UUID

from giftcard.v1 import privacy_service_pb2 as pb
from giftcard.v1 import support_service_pb2 as support_pb
from giftcard.v1.privacy_service_pb2_grpc import PrivacyServiceStub
from giftcard_client.connection import Connection
from giftcard_client.desk_words import Ground, PersonRole
from giftcard_client.privacy_results import (
    PeopleChanged,
    PersonErased,
    PersonExport,
)
from giftcard_client.values import Contact
from giftcard_client.wire_requests import contact_message, expressed, given_or_new
from giftcard_client.wire_support import read_receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """Whom a request is about: everybody with an `email`, or people of the card `card_id`.

    `role` and `authorization_id` narrow down the people of the card. The address does not print.
    """

    email: str = field(default="", repr=False)
    card_id: str = ""
    role: PersonRole | None = None
    authorization_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActingAs:
    """Who sits at the desk, on which ground, and a note, which may speak of people."""

    actor: str
    ground: Ground
    note: str = field(default="", repr=False)


class Privacy(Connection):
    """A client of the privacy service at `target`, for those who look after personal data.

        with Privacy("127.0.0.1:50051") as privacy:
            acting = ActingAs(actor="anna", ground=Ground.CUSTOMER_REQUEST)
            export = privacy.export(Who(email="somebody@example.com"), acting)

    What `GiftCards` says of request ids, deadlines, tries and errors holds here as well. Where
    nobody is found, each call is Declined with CARD_NOT_FOUND.
    """

    @cached_property
    def _privacy_stub(self) -> PrivacyServiceStub:
        return PrivacyServiceStub(self._channel)

    def export(
        self, who: Who, acting: ActingAs, *, timeout_seconds: float | None = None
    ) -> PersonExport:
        """Return all that is known of people; the timelines of their cards note it first."""
        request = expressed("", lambda: pb.ExportPersonRequest(**_named(who), **_by(acting)))
        answer, _ = self._call(self._privacy_stub.ExportPerson, request, "", timeout_seconds)
        return PersonExport(answer.schema_version, answer.json)

    def rectify(
        self,
        who: Who,
        contact: Contact,
        acting: ActingAs,
        *,
        request_id: str | UUID | None = None,
        timeout_seconds: float | None = None,
    ) -> PeopleChanged:
        """Give people the whole new contact. By card, it takes the role of one person.

        Reasons: REQUEST_ID_REUSED, CARD_NOT_FOUND, PERSON_ERASED.
        """
        rpc = self._privacy_stub.RectifyPerson
        build = partial(pb.RectifyPersonRequest, contact=contact_message(contact))
        answer, replayed = self._act(rpc, build, who, acting, request_id, timeout_seconds)
        return PeopleChanged(tuple(answer.card_ids), replayed)

    def restrict(
        self,
        who: Who,
        acting: ActingAs,
        *,
        request_id: str | UUID | None = None,
        timeout_seconds: float | None = None,
    ) -> PeopleChanged:
        """Keep people's data and use it no more.

        Reasons: REQUEST_ID_REUSED, CARD_NOT_FOUND, PERSON_ERASED.
        """
        rpc, build = self._privacy_stub.RestrictPerson, pb.RestrictPersonRequest
        answer, replayed = self._act(rpc, build, who, acting, request_id, timeout_seconds)
        return PeopleChanged(tuple(answer.card_ids), replayed)

    def lift(
        self,
        who: Who,
        acting: ActingAs,
        *,
        request_id: str | UUID | None = None,
        timeout_seconds: float | None = None,
    ) -> PeopleChanged:
        """Lift the restriction of people. Reasons as for `restrict`."""
        rpc, build = self._privacy_stub.LiftRestriction, pb.LiftRestrictionRequest
        answer, replayed = self._act(rpc, build, who, acting, request_id, timeout_seconds)
        return PeopleChanged(tuple(answer.card_ids), replayed)

    def erase(
        self,
        who: Who,
        acting: ActingAs,
        *,
        request_id: str | UUID | None = None,
        timeout_seconds: float | None = None,
    ) -> PersonErased:
        """Erase people for good, or propose to where the service wants four eyes.

        Their cards stay. Reasons: REQUEST_ID_REUSED, CARD_NOT_FOUND, PERSON_ERASED.
        """
        rpc, build = self._privacy_stub.ErasePerson, pb.ErasePersonRequest
        answer, replayed = self._act(rpc, build, who, acting, request_id, timeout_seconds)
        receipt = answer.receipt if answer.HasField("receipt") else None
        return PersonErased(receipt and read_receipt(receipt), answer.proposal_id, replayed)

    def _act(
        self,
        rpc: Any,  # noqa: ANN401 - each RPC has its own type of callable
        build: Callable[..., Any],
        who: Who,
        acting: ActingAs,
        request_id: str | UUID | None,
        timeout_seconds: float | None,
    ) -> tuple[Any, bool]:
        sent_id = given_or_new(request_id)
        request = expressed(
            sent_id, lambda: build(request_id=sent_id, **_named(who), **_by(acting))
        )
        return self._call(rpc, request, sent_id, timeout_seconds)


def _named(who: Who) -> dict[str, Any]:
    """Return the fields that say whom it is about; raises TypeError unless exactly one is given."""
    if bool(who.email) == bool(who.card_id):
        message = "name people by either email or card_id"
        raise TypeError(message)
    subject = {"email": who.email} if who.email else {"card_id": who.card_id}
    role = who.role and support_pb.PersonRole.Value(f"PERSON_ROLE_{who.role}")
    return {**subject, "role": role or None, "authorization_id": who.authorization_id}


def _by(acting: ActingAs) -> dict[str, Any]:
    ground = support_pb.Ground.Value(f"GROUND_{acting.ground}")
    return {"actor": acting.actor, "ground": ground, "note": acting.note}
