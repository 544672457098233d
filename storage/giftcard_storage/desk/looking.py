"""What belongs to a card: the chain of its replacements, its authorizations and its people."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple

from giftcard_rules.decisions import PersonRole
from giftcard_rules.ledger import PostingKind
from giftcard_storage.errors import translated
from giftcard_storage.rows import purchase_of
from giftcard_storage.schema import Card, DataKey, Person, Posting, Purchase
from giftcard_storage.transactions import reading

if TYPE_CHECKING:
    from collections.abc import Container

    from peewee import Database

    from giftcard_rules.decisions import CardPurchase


class PersonState(enum.Enum):
    """What became of a person's data."""

    KEPT = "KEPT"
    RESTRICTED = "RESTRICTED"
    ERASED = "ERASED"
    OUT_OF_REACH = "OUT_OF_REACH"


class KnownPerson(NamedTuple):
    """That a card has a person, and not who."""

    role: PersonRole
    authorization_id: str | None
    state: PersonState


class LookedUp(NamedTuple):
    """What belongs to a card; `chain` leads from the bought card to the last replacements."""

    chain: tuple[str, ...]
    authorization_ids: tuple[str, ...]
    purchase: CardPurchase | None
    people: tuple[KnownPerson, ...]


def look_up(database: Database, card_id: str, key_ids: Container[str]) -> LookedUp | None:
    """Return what belongs to a card, None where there is no such card.

    `key_ids` are those of the ring. Raises `StorageAwayError`.
    """
    with reading(database), translated():
        chain = _chain(database, card_id)
        if not chain:
            return None
        bought = Purchase.select().where(Purchase.card_id == card_id)
        purchase = next(map(purchase_of, bought.tuples().execute(database)), None)
        people = _people(database, card_id, key_ids)
        return LookedUp(chain, authorization_ids(database, card_id), purchase, people)


def authorization_ids(database: Database, card_id: str) -> tuple[str, ...]:
    """Return the ids of a card's authorizations, oldest first: each has a posting of its own.

    The ledger's primary key leads to them, so that authorizations need no index by card.
    """
    query = Posting.select(Posting.authorization_id).where(
        Posting.card_id == card_id, Posting.kind == PostingKind.AUTHORIZE.value
    )
    rows = query.order_by(Posting.version, Posting.ordinal).tuples().execute(database)
    return tuple(dict.fromkeys(found for (found,) in rows))


def _chain(database: Database, card_id: str) -> tuple[str, ...]:
    """Return the ids of a card's whole chain, the bought one first, each level oldest first."""
    root: str | None = None
    above: str | None = card_id
    while above is not None:
        query = Card.select(Card.replaces_card_id).where(Card.card_id == above)
        rows = list(query.tuples().execute(database))
        if not rows:
            break
        root, above = above, rows[0][0]
    if root is None:
        return ()
    found: list[str] = [root]
    level = [root]
    while level:
        # The second condition is that of the partial index.
        query = Card.select(Card.card_id).where(
            Card.replaces_card_id.in_(level), Card.replaces_card_id.is_null(is_null=False)
        )
        rows = query.order_by(Card.issued_at, Card.card_id).tuples().execute(database)
        level = [each for (each,) in rows]
        found += level
    return tuple(found)


def _people(database: Database, card_id: str, key_ids: Container[str]) -> tuple[KnownPerson, ...]:
    data_keys = DataKey.select(DataKey.data_key_id, DataKey.key_id).where(
        DataKey.card_id == card_id
    )
    key_of = dict(list(data_keys.tuples().execute(database)))
    columns = (Person.role, Person.authorization_id, Person.data_key_id, Person.restricted)
    query = Person.select(*columns).where(Person.card_id == card_id)
    rows = query.order_by(Person.role, Person.authorization_id).tuples().execute(database)
    return tuple(
        KnownPerson(
            PersonRole(role),
            authorization_id or None,
            _state(key_of.get(data_key_id), key_ids, is_restricted=bool(restricted)),
        )
        for role, authorization_id, data_key_id, restricted in rows
    )


def _state(key_id: str | None, key_ids: Container[str], *, is_restricted: bool) -> PersonState:
    if key_id is None:
        return PersonState.ERASED
    if key_id not in key_ids:
        return PersonState.OUT_OF_REACH
    return PersonState.RESTRICTED if is_restricted else PersonState.KEPT
