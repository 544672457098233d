"""Requests about the data of people as commands, under four eyes or at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from giftcard.v1 import privacy_service_pb2 as pb
from giftcard.v1 import support_service_pb2 as support_pb
from giftcard_rules import codes
from giftcard_rules.commands import RequestKey
from giftcard_rules.decisions import PersonRole
from giftcard_rules.person_acts import (
    ActOnPeople,
    ErasePerson,
    LiftRestriction,
    RectifyPerson,
    RestrictPerson,
    Subject,
)
from giftcard_server.edge.acting import acted_by
from giftcard_server.edge.canonical import Read, read
from giftcard_server.edge.fields import EMAIL_CHARACTERS, Fields
from giftcard_server.edge.support.proposable import Proposable
from giftcard_storage.people_search import comparable

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from giftcard_rules.acts import ActedBy
    from giftcard_rules.person_acts import PersonAct

    ActRequest = (
        pb.RectifyPersonRequest
        | pb.RestrictPersonRequest
        | pb.LiftRestrictionRequest
        | pb.ErasePersonRequest
    )

    class About(Protocol):
        """A request that says whom it is about."""

        @property
        def email(self) -> str:
            """The address of everybody whom it is about."""

        @property
        def card_id(self) -> str:
            """The card of those whom it is about."""

        @property
        def role(self) -> support_pb.PersonRole.ValueType:
            """Their role."""

        @property
        def authorization_id(self) -> str:
            """Which customer it is about."""


PRIVACY: Final = "/giftcard.v1.PrivacyService"
_ROLES: Final[dict[int, PersonRole]] = {
    support_pb.PersonRole.Value(f"PERSON_ROLE_{role.value}"): role for role in PersonRole
}


@dataclass(frozen=True, slots=True)
class PersonActReader:
    """Turns requests into commands; `four_eyes` names the RPCs that only propose.

    Every method raises `InvalidRequestError` with all violations. `caller` sent the message.
    """

    ring: codes.KeyRing
    four_eyes: Collection[str]

    def export(self, message: pb.ExportPersonRequest) -> tuple[Subject, ActedBy]:
        """Read an ExportPersonRequest."""
        fields = Fields()
        subject = _subject(fields, message)
        by = acted_by(fields, message)
        fields.require_valid()
        return subject, by

    def rectify(self, message: pb.RectifyPersonRequest, caller: str) -> Read[ActOnPeople]:
        """Read a RectifyPersonRequest, which is about one person of a card, or an address."""
        fields = Fields()
        subject = _subject(fields, message)
        if subject.card_id is not None and subject.role is None:
            fields.wrong("role", "is required with card_id, as no two people have one contact")
        if subject.role is PersonRole.CUSTOMER and not subject.authorization_id:
            fields.wrong("authorization_id", "is required for customers, likewise")
        contact = fields.contact(message.contact, "contact", present=message.HasField("contact"))
        return self._act(fields, message, caller, RectifyPerson(subject, contact))

    def restrict(self, message: pb.RestrictPersonRequest, caller: str) -> Read[ActOnPeople]:
        """Read a RestrictPersonRequest."""
        fields = Fields()
        return self._act(fields, message, caller, RestrictPerson(_subject(fields, message)))

    def lift(self, message: pb.LiftRestrictionRequest, caller: str) -> Read[ActOnPeople]:
        """Read a LiftRestrictionRequest."""
        fields = Fields()
        return self._act(fields, message, caller, LiftRestriction(_subject(fields, message)))

    def erase(self, message: pb.ErasePersonRequest, caller: str) -> Read[ActOnPeople]:
        """Read an ErasePersonRequest."""
        fields = Fields()
        return self._act(fields, message, caller, ErasePerson(_subject(fields, message)))

    def _act(
        self, fields: Fields, message: ActRequest, caller: str, act: PersonAct
    ) -> Read[ActOnPeople]:
        request_id = fields.request_id(message.request_id)
        by = acted_by(fields, message)
        fields.require_valid()
        is_proposed = type(act).__name__ in self.four_eyes
        command = ActOnPeople(
            key=RequestKey(caller, request_id),
            act=act,
            by=by,
            act_id=codes.derive_act_id(self.ring.first, caller, request_id),
            is_proposed=is_proposed,
            request=message.SerializeToString(deterministic=True) if is_proposed else b"",
        )
        return read(command, message, fields)


def acts_on_people(reader: PersonActReader) -> Mapping[str, Proposable]:
    """Return the acts of PrivacyService that can be proposed, by the names of their RPCs."""
    return {
        "RectifyPerson": Proposable(
            f"{PRIVACY}/RectifyPerson",
            lambda kept: reader.rectify(pb.RectifyPersonRequest.FromString(kept), "").command,
        ),
        "ErasePerson": Proposable(
            f"{PRIVACY}/ErasePerson",
            lambda kept: reader.erase(pb.ErasePersonRequest.FromString(kept), "").command,
        ),
    }


def _subject(fields: Fields, message: About) -> Subject:
    """Read whom a request is about; fields of the other kind of subject are wrong."""
    if message.email:
        email = fields.text(message.email, "email", EMAIL_CHARACTERS)
        for name in ("role", "authorization_id"):
            if getattr(message, name):
                fields.wrong(name, "goes with card_id alone")
        return Subject(email=comparable(email))
    if not message.card_id:
        fields.wrong("subject", "email or card_id is required")
        return Subject()
    card_id = fields.own_id(message.card_id, "card_id")
    role = fields.member(message.role, "role", _ROLES) if message.role else None
    authorization_id = None
    if message.authorization_id:
        authorization_id = fields.own_id(message.authorization_id, "authorization_id")
        if role is not PersonRole.CUSTOMER:
            fields.wrong("authorization_id", "goes with the role of customers alone")
    return Subject(card_id=card_id, role=role, authorization_id=authorization_id)
