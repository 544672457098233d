"""Finding people by their e-mail address, of which a keyed hash is stored beside each person.

Two addresses are the same where they are equal once trimmed, composed (NFC), casefolded, and with
their domains in IDNA form. The hash is keyed by a key of the ring, in a domain of its own, so that
nobody without the ring can confirm a guessed address; each row names its key, so that a ring can be
rotated.
"""

from __future__ import annotations

import unicodedata
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import idna
from peewee import SQL

from giftcard_rules.codes import search_hash
from giftcard_storage.errors import PeopleUnindexedError, translated
from giftcard_storage.schema import DataKey, Person
from giftcard_storage.transactions import reading

if TYPE_CHECKING:
    from collections.abc import Iterable

    from peewee import Database

    from giftcard_rules.codes import KeyRing

CARDS_AT_ONCE: Final = 100


def comparable(email: str) -> str:
    """Return an address as addresses are compared; two people may write one address differently."""
    local, at, domain = unicodedata.normalize("NFC", email.strip()).casefold().rpartition("@")
    if not domain.isascii():
        with suppress(idna.IDNAError):  # Not a name of a domain; it is compared as it is.
            domain = idna.encode(domain, uts46=True).decode("ascii")
    return f"{local}{at}{domain}"


def hash_of(ring: KeyRing, email: str) -> str:
    """Return the search hash that a person with this address is saved with: 32 hex digits."""
    return search_hash(ring.first, comparable(email))


def hashes_of(ring: KeyRing, email: str) -> tuple[str, ...]:
    """Return the search hashes of an address, one under each key of the ring."""
    compared = comparable(email)
    return tuple(search_hash(key, compared) for key in ring.keys)


def card_ids_of_email(
    database: Database,
    ring: KeyRing,
    email: str,
    after: str | None = None,
    limit: int = CARDS_AT_ONCE,
) -> list[str]:
    """Return the ids of the cards that somebody with this address bought, received or paid with.

    At most `limit` of them, in the order of the ids, from the first one after the id `after` on.
    People whose data was erased are not found. Raises `PeopleUnindexedError` while people of the
    former version are still to be indexed, as some of them might be missing, and
    `StorageAwayError`.
    """
    person = Person
    query = (
        person.select(person.card_id)
        .where(person.search_hash.in_(hashes_of(ring, email)), person.card_id > (after or ""))
        .distinct()
        .order_by(person.card_id)
        .limit(limit)
    )
    with reading(database), translated():
        require_indexed(database, ring)
        return [card_id for (card_id,) in query.tuples().execute(database)]


def require_indexed(database: Database, ring: KeyRing) -> None:
    """Raise `PeopleUnindexedError` where the ring could open people who are not indexed yet."""
    if is_unindexed(database, (key.key_id for key in ring.keys)):
        raise PeopleUnindexedError


def is_unindexed(database: Database, key_ids: Iterable[str]) -> bool:
    """Return whether people share a data key that a key of the ring wraps; reads by an index."""
    # The condition is written exactly as in the partial index.
    shared = DataKey.select(SQL("1")).where(SQL("role = ''"), DataKey.key_id.in_(list(key_ids)))
    query = shared.limit(1)
    return bool(list(query.tuples().execute(database)))
