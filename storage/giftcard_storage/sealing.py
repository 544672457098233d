"""Sealing people as they are saved. Nothing here reads them: `people.py` alone does."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Final

from giftcard_storage.data_keys import NONCE_BYTES, WrappingKeys, context

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from giftcard_rules.codes import KeyRing
    from giftcard_rules.decisions import Person
    from giftcard_storage.data_keys import DataKey
    from giftcard_storage.rows import Row

# Nearly every person fits in one block, so that the length does not tell who it is.
BLOCK_BYTES: Final = 128
# Made once, as making an encoder takes as long as encoding.
_JSON: Final = json.JSONEncoder(ensure_ascii=False, check_circular=False)


class Sealing:
    """Seals people for a store, under the data keys of their cards."""

    def __init__(self, ring: KeyRing) -> None:
        self._wrapping = WrappingKeys(ring)

    def seal(
        self, people: Iterable[Person], at_rest: Mapping[str, Sequence[DataKey]]
    ) -> tuple[list[Row], list[Row]]:
        """Return the rows of new data keys, and those of the people.

        `at_rest` are the stored data keys by card. A card whose data keys were forgotten or
        cannot be unwrapped gets a new one, so that no payment fails for that.
        """
        made: list[Row] = []
        sealed: list[Row] = []
        ready: dict[str, tuple[str, AESGCM]] = {}
        for person in people:
            card_id = person.card_id
            if card_id not in ready:
                usable = self._wrapping.any_of(at_rest.get(card_id, ()))
                if usable is None:
                    new, cipher = self._wrapping.make(card_id)
                    made.append((card_id, new.data_key_id, new.key_id, new.wrapped))
                    usable = new.data_key_id, cipher
                ready[card_id] = usable
            sealed.append(_row(person, *ready[card_id]))
        return made, sealed


def context_of(card_id: str, role: str, authorization_id: str) -> bytes:
    """Return the associated data of a sealed person: the primary key of the row."""
    return context("person", card_id, role, authorization_id)


def _row(person: Person, data_key_id: str, cipher: AESGCM) -> Row:
    contact = person.contact
    values = [contact.name, contact.email, contact.locale, person.message]
    text = _JSON.encode(values).encode()
    padded = text.ljust(-(-len(text) // BLOCK_BYTES) * BLOCK_BYTES)
    nonce = os.urandom(NONCE_BYTES)
    role, authorization_id = person.role.value, person.authorization_id or ""
    names = context_of(person.card_id, role, authorization_id)
    sealed = nonce + cipher.encrypt(nonce, padded, names)
    return person.card_id, role, authorization_id, data_key_id, sealed
