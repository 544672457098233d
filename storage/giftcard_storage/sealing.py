"""Sealing people as they are saved. Who can seal cannot read: `people.py` alone opens them."""

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

# Nearly everybody fits in one, so that the length does not tell who it is.
BLOCK_BYTES: Final = 128
# Made once: it takes as long as what it does.
_JSON: Final = json.JSONEncoder(ensure_ascii=False, check_circular=False)


class Sealing:
    """What a store needs to save people: data keys for their cards."""

    def __init__(self, ring: KeyRing) -> None:
        self._wrapping = WrappingKeys(ring)

    def seal(
        self, people: Iterable[Person], at_rest: Mapping[str, Sequence[DataKey]]
    ) -> tuple[list[Row], list[Row]]:
        """Return the rows of people, and before them those of the data keys made for it.

        `at_rest` are the data keys of cards that have some. A card whose data keys were
        forgotten, or are out of reach, gets a new one: nobody's payment fails for that.
        """
        made: list[Row] = []
        sealed: list[Row] = []
        ready: dict[str, tuple[str, AESGCM]] = {}
        for person in people:
            card_id = person.card_id
            if card_id not in ready:
                known = self._wrapping.any_of(at_rest.get(card_id, ()))
                if known is None:
                    new, cipher = self._wrapping.make(card_id)
                    made.append((card_id, new.data_key_id, new.key_id, new.wrapped))
                    known = new.data_key_id, cipher
                ready[card_id] = known
            sealed.append(_row(person, *ready[card_id]))
        return made, sealed


def context_of(card_id: str, role: str, authorization_id: str) -> bytes:
    """Return what a person's values belong to: the key of their row."""
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
