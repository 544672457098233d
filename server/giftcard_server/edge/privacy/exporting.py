"""Exports people as JSON by `docs/privacy-export.schema.json`, once it is noted who asks (R32)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from giftcard_rules import privacy
from giftcard_rules.acts import ActKind
from giftcard_rules.decisions import Person
from giftcard_rules.person_acts import Slot
from giftcard_rules.reasons import DeclinedError, Reason
from giftcard_storage.acts.entries import record_acts
from giftcard_storage.people import ActingFor, Loss, people_of
from giftcard_storage.personal.exported import exported
from giftcard_storage.personal.finding import people_of_subject
from giftcard_storage.transactions import reading_durably

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from giftcard_rules.acts import ActedBy
    from giftcard_rules.codes import KeyRing
    from giftcard_rules.person_acts import KnownPerson, Subject
    from giftcard_storage.database import Connection
    from giftcard_storage.people import Lost

SCHEMA_VERSION: Final = "1"
_LOST: Final = {Loss.FORGOTTEN: "ERASED"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivacyDesk:
    """Answers on one connection. Not for two threads at once: `DeskReader` sees to it."""

    database: Connection
    ring: KeyRing
    now: Callable[[], datetime]

    def export(self, subject: Subject, by: ActedBy) -> bytes:
        """Return what is known of people, as JSON in UTF-8; the timelines of their cards note it.

        Raises `DeclinedError` where there is nobody, and `StorageError`.
        """
        with reading_durably(self.database):
            known = people_of_subject(self.database, self.ring, subject)
        if not known:
            raise DeclinedError(Reason.CARD_NOT_FOUND)
        now = self.now()
        slots = [person.slot for person in known]
        self._note(slots, by, now)
        with reading_durably(self.database):
            about = exported(self.database, slots)
            people = self._people(known)
        document = {"schema_version": SCHEMA_VERSION, "export_time": now.isoformat()}
        return json.dumps(document | {"people": people} | about, ensure_ascii=False).encode()

    def _note(self, slots: Sequence[Slot], by: ActedBy, now: datetime) -> None:
        act_id = uuid4().hex
        acts = [
            privacy.entry(act_id, ActKind.PERSON_EXPORTED, card_id, slots, by)
            for card_id in sorted({slot.card_id for slot in slots})
        ]
        record_acts(self.database, self.ring, acts, now)

    def _people(self, known: Sequence[KnownPerson]) -> list[dict[str, Any]]:
        found = {
            Slot(each.card_id, each.role, each.authorization_id or ""): each
            for card_id in sorted({person.slot.card_id for person in known})
            for each in people_of(self.database, self.ring, card_id, ActingFor.PRIVACY)
        }
        return [_person(person, found[person.slot]) for person in known if person.slot in found]


def _person(known: KnownPerson, person: Person | Lost) -> dict[str, Any]:
    slot = known.slot
    place = {
        "card_id": slot.card_id,
        "role": slot.role.value,
        "authorization_id": slot.authorization_id or None,
    }
    if not isinstance(person, Person):
        return place | {"state": _LOST.get(person.why, "OUT_OF_REACH")}
    contact = person.contact
    return place | {
        "state": "RESTRICTED" if known.is_restricted else "KEPT",
        "name": contact.name,
        "email": contact.email,
        "locale": contact.locale,
        "message": person.message,
    }
