"""Opening the people of a card for Customer Service (R30), which the timeline notes first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import uuid4

from giftcard_rules.acts import Act, ActKind
from giftcard_rules.decisions import Person, PersonRole
from giftcard_rules.deliveries import DeliveryKind, Parked, Suppressed
from giftcard_rules.person_acts import Slot
from giftcard_rules.reasons import Reason
from giftcard_server.mail.addressees import Unreached, reach
from giftcard_storage.acts.entries import record_act
from giftcard_storage.deliveries.sending import card_to_send
from giftcard_storage.desk.addresses import same_address
from giftcard_storage.people import ActingFor, people_of

if TYPE_CHECKING:
    from datetime import datetime

    from giftcard_rules.acts import ActedBy
    from giftcard_rules.codes import KeyRing
    from giftcard_rules.commands import Contact
    from giftcard_storage.database import Connection
    from giftcard_storage.people import Lost


# By why there is nobody to write to.
_UNREACHABLE: Final[dict[Suppressed | Parked, Reason]] = {
    Suppressed.ERASED: Reason.PERSON_ERASED,
    Suppressed.RESTRICTED: Reason.PERSON_RESTRICTED,
    Parked.NOBODY_LEFT: Reason.PERSON_ERASED,
}


def open_people(
    database: Connection, ring: KeyRing, card_id: str, by: ActedBy, now: datetime
) -> dict[tuple[PersonRole, str | None], Contact]:
    """Return the people of a card that can be read, once it is noted who reads them.

    The entry is committed before anybody is opened. Raises `CardUnknownError`, `StorageError`.
    """
    act = Act(act_id=uuid4().hex, kind=ActKind.PERSON_READ, card_id=card_id, by=by)
    record_act(database, ring, act, now)
    people = people_of(database, ring, card_id, ActingFor.SUPPORT)
    return {
        (each.role, each.authorization_id): each.contact
        for each in people
        if isinstance(each, Person)
    }


def addressee_of(database: Connection, ring: KeyRing, card_id: str) -> Slot | Reason | None:
    """Return who is written to about a card's code, or why nobody can be.

    People who are out of reach until a key is back can be: the delivery tells of them.
    """
    found = card_to_send(database, card_id)
    kind = DeliveryKind.REPLACEMENT if found.chain else DeliveryKind.CARD

    def opened(of_card: str) -> list[Person | Lost]:
        return people_of(database, ring, of_card, ActingFor.EMAIL_DELIVERY)

    reached = reach(opened, kind, found.card, found.chain)
    if isinstance(reached, Unreached) and reached.why in _UNREACHABLE:
        return _UNREACHABLE[reached.why]
    place = reached.place
    return place and Slot(place.card_id, place.role, place.authorization_id or "")


def is_purchaser(database: Connection, ring: KeyRing, card_id: str, email: str) -> bool:
    """Return whether an address is that of the card's purchaser; it shows nobody.

    A purchaser who was erased, or cannot be opened, has no address.
    """
    return any(
        isinstance(each, Person)
        and each.role is PersonRole.PURCHASER
        and same_address(each.contact.email, email)
        for each in people_of(database, ring, card_id, ActingFor.SUPPORT)
    )
