"""Reading people, and forgetting them (R30, R32): for Customer Service and e-mail alone.

A table in `tests/given/house.py` says who may import this. A reader logs the card and for
whom it was read, never what was read.
"""

from __future__ import annotations

import enum
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from cryptography.exceptions import InvalidTag

from giftcard_rules.commands import Contact
from giftcard_rules.decisions import Person, PersonRole
from giftcard_storage import schema
from giftcard_storage.data_keys import (
    NONCE_BYTES,
    RingLacksKeyError,
    UnwrapError,
    WrappingKeys,
)
from giftcard_storage.engines import engine_of
from giftcard_storage.errors import CardUnknownError, translated
from giftcard_storage.rows import data_key_of
from giftcard_storage.sealing import context_of
from giftcard_storage.transactions import reading, writing

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from peewee import Database, Select

    from giftcard_rules.codes import KeyRing
    from giftcard_storage.data_keys import DataKey
    from giftcard_storage.rows import Row


class ActingFor(enum.Enum):
    """On whose behalf people may be read. Of the callers' roles, two are among them.

    Restricted people are opened for privacy alone.
    """

    SUPPORT = "support"
    EMAIL_DELIVERY = "e-mail delivery"
    PRIVACY = "privacy"


class Loss(enum.Enum):
    """Why a stored person cannot be read."""

    FORGOTTEN = "FORGOTTEN"  # For good: the data key is gone.
    RING_LACKS_KEY = "RING_LACKS_KEY"  # Until the key of the ring is back.
    RESTRICTED = "RESTRICTED"  # Until the restriction is lifted; privacy alone opens them (R32).
    ALTERED = "ALTERED"  # The row is not what was saved under that key of the ring.


@dataclass(frozen=True, slots=True)
class Lost:
    """A person who cannot be read; `key_id` names the key of the ring, where one is known."""

    card_id: str
    role: PersonRole
    authorization_id: str | None
    why: Loss
    key_id: str | None = None


class Forgotten(NamedTuple):
    """The result of forgetting a card's people.

    With `traces_may_remain`, the database keeps what was deleted for a while, in its log or in
    freed space. It is wrapped there too.
    """

    data_keys: int
    traces_may_remain: bool


def people_of(
    database: Database, ring: KeyRing, card_id: str, acting_for: ActingFor
) -> list[Person | Lost]:
    """Return all people stored beside a card: purchaser, recipient, customers.

    Raises TypeError unless `acting_for` is an `ActingFor`; `CardUnknownError`, `StorageAwayError`.
    """
    if not isinstance(acting_for, ActingFor):  # Types alone keep no caller out.
        message = "people are read for support, privacy and e-mail delivery alone"
        raise TypeError(message)
    with reading(database), translated():
        require_card(database, card_id)
        data_keys = map(data_key_of, _rows(database, schema.DataKey, card_id))
        by_id = {data_key.data_key_id: data_key for data_key in data_keys}
        people = _rows(database, schema.Person, card_id)
    wrapping = WrappingKeys(ring)
    may_open_restricted = acting_for is ActingFor.PRIVACY
    return [
        _restricted(*row)
        if row[7] and row[3] in by_id and not may_open_restricted
        else _opened(wrapping, by_id.get(row[3]), *row)
        for row in people
    ]


def forget(database: Database, card_id: str) -> Forgotten:
    """Forget all people of a card, in one transaction; its value and its use do not change.

    Raises `CardUnknownError`, `StorageAwayError`, and `StaleError` where another process
    forgets them at the same time.
    """
    with writing(database), translated():
        require_card(database, card_id)
        data_keys = erase_all(database, card_id)
    with translated():
        is_gone = engine_of(database).clear_log(database)
    return Forgotten(data_keys, traces_may_remain=not is_gone)


def erase_all(database: Database, card_id: str) -> int:
    """Erase all people and notes of a card in the open transaction; return how many data keys."""
    key, person = schema.DataKey, schema.Person
    data_keys: int = key.delete().where(key.card_id == card_id).execute(database)
    people = person.update(search_hash=None, search_key_id=None)
    people.where(person.card_id == card_id).execute(database)
    return data_keys


def _restricted(card_id: str, role: str, authorization_id: str, *_: object) -> Lost:
    return Lost(card_id, PersonRole(role), authorization_id or None, Loss.RESTRICTED)


def _opened(
    wrapping: WrappingKeys,
    data_key: DataKey | None,
    card_id: str,
    role: str,
    authorization_id: str,
    _data_key_id: str,
    sealed: bytes,
    *_: object,
) -> Person | Lost:
    person_role, paid_for = PersonRole(role), authorization_id or None
    if data_key is None:
        return Lost(card_id, person_role, paid_for, Loss.FORGOTTEN)
    try:
        cipher = wrapping.unwrap(data_key)
        values = values_of(cipher, sealed, context_of(card_id, role, authorization_id))
    except RingLacksKeyError:
        return Lost(card_id, person_role, paid_for, Loss.RING_LACKS_KEY, data_key.key_id)
    except (UnwrapError, InvalidTag, ValueError):
        return Lost(card_id, person_role, paid_for, Loss.ALTERED, data_key.key_id)
    name, email, locale, message = values
    return Person(
        card_id=card_id,
        role=person_role,
        contact=Contact(name, email, locale),
        authorization_id=paid_for,
        message=message,
    )


def values_of(cipher: AESGCM, sealed: bytes, names: bytes) -> list[str]:
    """Return the texts of somebody who is sealed: name, address, locale and message.

    Raises `InvalidTag` and ValueError where they were altered.
    """
    opened = cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], names)
    values: list[str] = json.loads(opened)
    return values


def _rows(
    database: Database, table: type[schema.DataKey | schema.Person], card_id: str
) -> list[Row]:
    query: Select = table.select().where(table.card_id == card_id)
    key = table._meta.get_primary_keys()  # noqa: SLF001 - Peewee's own name for it
    return list(query.order_by(*key).tuples().execute(database))


def require_card(database: Database, card_id: str) -> None:
    """Raise `CardUnknownError` unless there is a card of that id."""
    card = schema.Card
    query = card.select(card.card_id).where(card.card_id == card_id)
    if not query.tuples().execute(database):
        raise CardUnknownError
