"""Values of ours that hold an address or a key ring, for the test that none of them prints it."""

from typing import Any

from giftcard_client.privacy import Who
from giftcard_rules.codes import KeyRing
from giftcard_rules.commands import Contact
from giftcard_rules.decisions import PersonRole
from giftcard_rules.person_acts import (
    ErasePerson,
    LiftRestriction,
    Rectified,
    RectifyPerson,
    RestrictPerson,
    Slot,
    Subject,
)
from giftcard_server.edge.privacy.exporting import PrivacyDesk
from giftcard_server.edge.privacy.requests import PersonActReader
from giftcard_server.edge.privacy.servicer import PrivacyParts


def printed_people(contact: Contact, ring: KeyRing) -> tuple[object, ...]:
    """Return a value of each class that is about people's data, with this person and this ring."""
    nothing: Any = None
    subject = Subject(email=contact.email)
    reader = PersonActReader(ring, ())
    desk = PrivacyDesk(database=nothing, ring=ring, now=nothing)
    return (
        Who(email=contact.email),
        subject,
        ErasePerson(subject),
        RestrictPerson(subject),
        LiftRestriction(subject),
        RectifyPerson(subject, contact),
        Rectified(Slot("1", PersonRole.PURCHASER), contact),
        reader,
        desk,
        PrivacyParts(
            reader=reader,
            desk=desk,
            questions=nothing,
            committer=nothing,
            metrics=nothing,
            caller_of=nothing,
            undecided=nothing,
        ),
    )
