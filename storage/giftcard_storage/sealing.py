"""Sealing people as they are saved. Nothing here reads them: `people.py` alone does."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Final

from giftcard_storage.data_keys import NONCE_BYTES, WrappingKeys, context
from giftcard_storage.people_search import hash_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from giftcard_rules.codes import KeyRing
    from giftcard_rules.decisions import Person
    from giftcard_storage.rows import Row

# Nearly every person fits in one block, so that the length does not tell who it is.
BLOCK_BYTES: Final = 128
# Made once, as making an encoder takes as long as encoding.
_JSON: Final = json.JSONEncoder(ensure_ascii=False, check_circular=False)


class Sealing:
    """Seals people for a store, each under a data key of their own."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring
        self._wrapping = WrappingKeys(ring)

    def seal(self, people: Iterable[Person]) -> tuple[list[Row], list[Row]]:
        """Return the rows of new data keys, and those of the people."""
        made: list[Row] = []
        sealed: list[Row] = []
        for person in people:
            role, authorization_id = person.role.value, person.authorization_id or ""
            data_key, cipher = self._wrapping.make(person.card_id, role, authorization_id)
            made.append(data_key.row)
            sealed.append(self._row(person, data_key.data_key_id, cipher))
        return made, sealed

    def _row(self, person: Person, data_key_id: str, cipher: AESGCM) -> Row:
        contact = person.contact
        values = [contact.name, contact.email, contact.locale, person.message]
        role, authorization_id = person.role.value, person.authorization_id or ""
        names = context_of(person.card_id, role, authorization_id)
        return (
            person.card_id,
            role,
            authorization_id,
            data_key_id,
            sealed_values(cipher, values, names),
            hash_of(self._ring, contact.email),
            self._ring.first.key_id,
            False,
        )


def sealed_values(cipher: AESGCM, values: list[str], names: bytes) -> bytes:
    """Return texts as they are stored: encrypted, and padded so that the length tells nothing.

    They open under the same `names` alone.
    """
    text = _JSON.encode(values).encode()
    padded = text.ljust(-(-len(text) // BLOCK_BYTES) * BLOCK_BYTES)
    nonce = os.urandom(NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, padded, names)


def context_of(card_id: str, role: str, authorization_id: str) -> bytes:
    """Return the associated data of a sealed person: the primary key of the row."""
    return context("person", card_id, role, authorization_id)
