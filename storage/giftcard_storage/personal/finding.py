"""Whom commands are about: people as facts, found by their address or by their card."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peewee import JOIN

from giftcard_rules.decisions import PersonRole
from giftcard_rules.person_acts import KnownPerson, Slot
from giftcard_storage.people_search import hashes_of, require_indexed
from giftcard_storage.schema import DataKey, Person

if TYPE_CHECKING:
    from peewee import Database, Expression

    from giftcard_rules.codes import KeyRing
    from giftcard_rules.person_acts import Subject


def people_of_subject(database: Database, ring: KeyRing, subject: Subject) -> list[KnownPerson]:
    """Return the people whom a subject means, in the order of their slots, erased ones too.

    Nobody who was erased is found by address. In a transaction; raises `PeopleUnindexedError`.
    """
    if subject.email is not None:
        require_indexed(database, ring)
        return _people(database, Person.search_hash.in_(hashes_of(ring, subject.email)))
    found = _people(database, Person.card_id == subject.card_id)
    return [person for person in found if subject.names(person.slot)]


def _people(database: Database, condition: Expression) -> list[KnownPerson]:
    query = (
        Person.select(
            Person.card_id,
            Person.role,
            Person.authorization_id,
            DataKey.data_key_id,
            Person.restricted,
        )
        .join(
            DataKey,
            JOIN.LEFT_OUTER,
            on=(DataKey.card_id == Person.card_id) & (DataKey.data_key_id == Person.data_key_id),
        )
        .where(condition)
        .order_by(Person.card_id, Person.role, Person.authorization_id)
    )
    return [
        KnownPerson(
            slot=Slot(card_id, PersonRole(role), authorization_id),
            is_erased=data_key_id is None,
            is_restricted=bool(restricted),
        )
        for card_id, role, authorization_id, data_key_id, restricted in query.tuples().execute(
            database
        )
    ]
