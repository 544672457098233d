"""Reading and erasing the people of a card without a server; both are noted (R30)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from giftcard_rules.acts import Act, ActKind
from giftcard_rules.codes import Key, KeyRing
from giftcard_rules.decisions import PersonRole
from giftcard_rules.person_acts import Slot
from giftcard_storage.acts.entries import record_acts
from giftcard_storage.engines import engine_of
from giftcard_storage.errors import translated
from giftcard_storage.people import ActingFor, Forgotten, erase_all, people_of, require_card
from giftcard_storage.personal.journal import Erasure
from giftcard_storage.schema import DataKey
from giftcard_storage.schema import Person as PersonTable
from giftcard_storage.transactions import reading, writing

if TYPE_CHECKING:
    from datetime import datetime

    from peewee import Database

    from giftcard_rules.acts import ActedBy
    from giftcard_rules.decisions import Person
    from giftcard_storage.people import Lost
    from giftcard_storage.personal.journal import ErasureJournal

_KEY_BYTES: Final = 32
# The journal names no actor where no ring is at hand to digest the name.
OFFLINE: Final = "offline"


def people_noted(
    database: Database, ring: KeyRing, card_id: str, by: ActedBy, now: datetime
) -> list[Person | Lost]:
    """Return the people of a card, for privacy, once the timeline has noted who reads them.

    Raises `CardUnknownError` and `StorageAwayError`.
    """
    with reading(database), translated():
        require_card(database, card_id)
    act = Act(act_id=uuid4().hex, kind=ActKind.PERSON_READ, card_id=card_id, by=by)
    record_acts(database, ring, [act], now)
    return people_of(database, ring, card_id, ActingFor.PRIVACY)


def forget_noted(
    database: Database,
    card_id: str,
    by: ActedBy,
    now: datetime,
    journal: ErasureJournal | None,
) -> Forgotten:
    """Erase all people of a card, with an entry of its timeline and a line of the journal.

    It takes no ring, so the entry has no note. Raises `CardUnknownError`, `JournalError` and
    `StorageAwayError`, and `StaleError` where another process does so at the same time.
    """
    act = Act(act_id=uuid4().hex, kind=ActKind.PERSON_ERASED, card_id=card_id, by=by)
    with writing(database), translated():
        require_card(database, card_id)
        erased = _kept(database, card_id)
        data_keys = erase_all(database, card_id)
        if erased:
            # Entries without notes seal nothing: any ring does.
            nothing = KeyRing((Key("none", os.urandom(_KEY_BYTES)),))
            record_acts(database, nothing, [act], now)
        if erased and journal is not None:
            line = Erasure(act.act_id, now.isoformat(), OFFLINE, tuple(erased))
            journal.append([line])
    with translated():
        is_gone = engine_of(database).clear_log(database)
    return Forgotten(data_keys, traces_may_remain=not is_gone)


def erase_card(database: Database, card_id: str) -> list[Slot]:
    """Erase all people and notes of a card in the open transaction, without a ring.

    Return those people whose data was still there.
    """
    slots = [slot for slot, _ in _kept(database, card_id)]
    erase_all(database, card_id)
    return slots


def _kept(database: Database, card_id: str) -> list[tuple[Slot, str]]:
    """Return the people of a card whose data is still there, with their data keys."""
    at = (DataKey.card_id == PersonTable.card_id) & (DataKey.data_key_id == PersonTable.data_key_id)
    columns = (PersonTable.role, PersonTable.authorization_id, PersonTable.data_key_id)
    query = PersonTable.select(*columns).join(DataKey, on=at).where(PersonTable.card_id == card_id)
    return [
        (Slot(card_id, PersonRole(role), authorization_id), data_key_id)
        for role, authorization_id, data_key_id in query.tuples().execute(database)
    ]
