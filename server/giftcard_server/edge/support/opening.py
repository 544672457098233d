"""Opening the people of a card for Customer Service (R30), which the timeline notes first."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from giftcard_rules.acts import Act, ActKind
from giftcard_rules.decisions import Person, PersonRole
from giftcard_storage.acts.entries import record_act
from giftcard_storage.desk.addresses import same_address
from giftcard_storage.people import ActingFor, people_of

if TYPE_CHECKING:
    from datetime import datetime

    from peewee import Database

    from giftcard_rules.acts import ActedBy
    from giftcard_rules.codes import KeyRing
    from giftcard_rules.commands import Contact


def open_people(
    database: Database, ring: KeyRing, card_id: str, by: ActedBy, now: datetime
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


def is_purchaser(database: Database, ring: KeyRing, card_id: str, email: str) -> bool:
    """Return whether an address is that of the card's purchaser; it shows nobody.

    A purchaser who was erased, or cannot be opened, has no address.
    """
    return any(
        isinstance(each, Person)
        and each.role is PersonRole.PURCHASER
        and same_address(each.contact.email, email)
        for each in people_of(database, ring, card_id, ActingFor.SUPPORT)
    )
