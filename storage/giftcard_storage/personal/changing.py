"""Saves what becomes of people, in the transaction of the decision (R32).

An erased person leaves a row without an address's hash, whose data key is gone. The data key of the
notes of the card goes too, since notes may speak of anybody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidTag
from peewee import JOIN

from giftcard_rules.acts import actor_key
from giftcard_rules.codes import actor_digest
from giftcard_rules.person_acts import Erased, Rectified, Restricted
from giftcard_storage.acts.notes import NOTE_ROLE
from giftcard_storage.data_keys import DataKey, UnwrapError, WrappingKeys
from giftcard_storage.deliveries.recalling import recall_of_person
from giftcard_storage.errors import PersonOutOfReachError, StaleError
from giftcard_storage.people import values_of
from giftcard_storage.people_search import hash_of
from giftcard_storage.personal.journal import Erasure
from giftcard_storage.personal.resealing import reseal_card
from giftcard_storage.rows import data_key_of
from giftcard_storage.schema import DataKey as KeyTable
from giftcard_storage.schema import Person as PersonTable
from giftcard_storage.sealing import context_of, sealed_values

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from peewee import Database, Expression

    from giftcard_rules.codes import KeyRing
    from giftcard_rules.person_acts import PersonChange, Slot
    from giftcard_storage.personal.journal import ErasureJournal


class PersonChanges:
    """Changes people for a store. `journal` is told of erasures before they are committed."""

    def __init__(self, ring: KeyRing, journal: ErasureJournal | None = None) -> None:
        self.ring = ring
        self._wrapping = WrappingKeys(ring)
        self._journal = journal
        # Whether the log of an embedded database may have what was deleted; its server clears it.
        # At the start, since a server before this one may have crashed before it had done so.
        self.traces_may_remain = True

    def save(
        self, database: Database, changes: Sequence[PersonChange], now: datetime
    ) -> frozenset[str]:
        """Save changes in the transaction that is open; return the ids of data keys that went.

        Raises `StaleError`, `PersonOutOfReachError` and `JournalError`.
        """
        gone: list[tuple[Erased, str]] = []
        gone_with_them: set[str] = set()
        for change in changes:
            match change:
                case Erased():
                    gone.append((change, erase(database, self.ring, change.slot)))
                    gone_with_them.update(erase_notes(database, change.slot.card_id))
                case Rectified():
                    gone_with_them.add(self._rectify(database, change))
                case Restricted():
                    _restrict(database, change, now)
        if gone_with_them or gone:
            self.traces_may_remain = True
        if gone and self._journal is not None:
            self._journal.append(_erasures(self.ring, gone, now))
        return frozenset(gone_with_them)

    def _rectify(self, database: Database, change: Rectified) -> str:
        """Seal a person anew, with the same message, under another data key.

        So the former contact is gone for good, too. Return the id of the data key that went.
        """
        slot, ring = change.slot, self.ring
        sealed, data_key = _sealed_of(database, slot)
        names = context_of(*_key_of(slot))
        try:
            _, _, _, message = values_of(self._wrapping.unwrap(data_key), sealed, names)
        except (UnwrapError, InvalidTag, ValueError) as error:
            raise PersonOutOfReachError(data_key.key_id) from error
        own, cipher = self._wrapping.make(*_key_of(slot))
        contact = change.contact
        values = [contact.name, contact.email, contact.locale, message]
        KeyTable.insert_many([own.row], list(_columns_of_data_keys())).execute(database)
        _update(
            database,
            slot,
            data_key_id=own.data_key_id,
            sealed=sealed_values(cipher, values, names),
            search_hash=hash_of(ring, contact.email),
            search_key_id=ring.first.key_id,
        )
        if data_key.role:  # A shared one serves the other people of the card still.
            _delete(database, data_key)
        return data_key.data_key_id


def erase(database: Database, ring: KeyRing, slot: Slot) -> str:
    """Erase a person in the transaction that is open; return the id of the data key that went.

    People of former versions are sealed apart first, so that the others stay. Raises `StaleError`
    where there is no such person any more, and `PersonOutOfReachError` where the ring cannot tell
    the person from others.
    """
    _, data_key = _sealed_of(database, slot)
    if (data_key.role, data_key.authorization_id) != (slot.role.value, slot.authorization_id):
        reseal_card(database, ring, slot.card_id)
        _, data_key = _sealed_of(database, slot)
        if not data_key.role or data_key.role != slot.role.value:
            raise PersonOutOfReachError(data_key.key_id)
    _delete(database, data_key)
    _update(database, slot, search_hash=None, search_key_id=None)
    return data_key.data_key_id


def _erasures(ring: KeyRing, gone: Iterable[tuple[Erased, str]], now: datetime) -> list[Erasure]:
    by_receipt: dict[tuple[str, str], list[tuple[Slot, str]]] = {}
    for change, data_key_id in gone:
        key = change.receipt_id, change.actor
        by_receipt.setdefault(key, []).append((change.slot, data_key_id))
    return [
        Erasure(
            receipt_id,
            now.isoformat(),
            actor_digest(ring.first, actor_key(actor)),
            tuple(erased),
        )
        for (receipt_id, actor), erased in by_receipt.items()
    ]


def _sealed_of(database: Database, slot: Slot) -> tuple[bytes, DataKey]:
    """Return a person as sealed, and the data key. Raises `StaleError` where either is gone."""
    query = (
        PersonTable.select(PersonTable.sealed, *_columns_of_data_keys())
        .join(
            KeyTable,
            JOIN.INNER,
            on=(KeyTable.card_id == PersonTable.card_id)
            & (KeyTable.data_key_id == PersonTable.data_key_id),
        )
        .where(_is(slot))
    )
    found = list(query.tuples().execute(database))
    if not found:
        raise StaleError
    ((sealed, *row),) = found
    return bytes(sealed), data_key_of(row)


def erase_notes(database: Database, card_id: str) -> list[str]:
    """Erase the notes of a card in the open transaction; return the ids of their data keys."""
    of_notes = (KeyTable.card_id == card_id) & (KeyTable.role == NOTE_ROLE)
    query = KeyTable.select(KeyTable.data_key_id).where(of_notes)
    gone = [data_key_id for (data_key_id,) in query.tuples().execute(database)]
    KeyTable.delete().where(of_notes).execute(database)
    return gone


def _restrict(database: Database, change: Restricted, now: datetime) -> None:
    _update(database, change.slot, restricted=change.is_restricted)
    if not change.is_restricted:
        recall_of_person(database, change.slot.card_id, now)


def _update(database: Database, slot: Slot, **changes: Any) -> None:  # noqa: ANN401 - columns' values
    if PersonTable.update(changes).where(_is(slot)).execute(database) != 1:
        raise StaleError


def _delete(database: Database, data_key: DataKey) -> None:
    query = KeyTable.delete().where(
        KeyTable.card_id == data_key.card_id, KeyTable.data_key_id == data_key.data_key_id
    )
    if query.execute(database) != 1:
        raise StaleError


def _is(slot: Slot) -> Expression:
    is_it: Expression = (
        (PersonTable.card_id == slot.card_id)
        & (PersonTable.role == slot.role.value)
        & (PersonTable.authorization_id == slot.authorization_id)
    )
    return is_it


def _key_of(slot: Slot) -> tuple[str, str, str]:
    return slot.card_id, slot.role.value, slot.authorization_id


def _columns_of_data_keys() -> tuple[Any, ...]:
    return (
        KeyTable.card_id,
        KeyTable.data_key_id,
        KeyTable.key_id,
        KeyTable.wrapped,
        KeyTable.role,
        KeyTable.authorization_id,
    )
