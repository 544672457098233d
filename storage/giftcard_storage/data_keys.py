"""A data key for each person of a card, who is sealed under it; at rest it is always wrapped.

    key of the ring --HKDF--> wrapping key --AES-256-GCM--> data key --AES-256-GCM--> a person

When a data key is erased, so is its person, in every copy of the row.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

if TYPE_CHECKING:
    from collections.abc import Iterable

    from giftcard_rules.codes import Key, KeyRing

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
DATA_KEY_ID_BYTES: Final = 8
# Derivations of codes begin with a length, so that none equals this text.
_DOMAIN: Final = b"giftcard.v1 personal data"


class UnwrapError(Exception):
    """A data key cannot be unwrapped. Names the key of the ring, and nothing else."""


class RingLacksKeyError(UnwrapError):
    """The ring lacks the key that wrapped the data key."""


class AlteredDataKeyError(UnwrapError):
    """The stored bytes are not what that key wrapped for that card."""


@dataclass(frozen=True, slots=True)
class DataKey:
    """A data key as it is stored: `wrapped` by the key `key_id` of the ring.

    `data_key_id` tells a person of an erased data key, whose row stays, from others. `role` and
    `authorization_id` name the person of the card; the role `note` is that of the card's notes, and
    an empty one that of a key of the former version, which all people of the card share.
    """

    card_id: str
    data_key_id: str
    key_id: str
    wrapped: bytes = field(repr=False)
    role: str = ""
    authorization_id: str = ""

    @property
    def row(self) -> tuple[str, str, str, bytes, str, str]:
        """The row of its table."""
        return (
            self.card_id,
            self.data_key_id,
            self.key_id,
            self.wrapped,
            self.role,
            self.authorization_id,
        )


class WrappingKeys:
    """Makes, wraps and unwraps data keys with the keys of a ring."""

    def __init__(self, ring: KeyRing) -> None:
        self._first = ring.first.key_id
        self._ciphers = {key.key_id: _wrapping(key) for key in ring.keys}

    def make(self, card_id: str, role: str, authorization_id: str = "") -> tuple[DataKey, AESGCM]:
        """Make a data key for a person of a card, wrapped by the first key of the ring."""
        random = os.urandom(KEY_BYTES + NONCE_BYTES + DATA_KEY_ID_BYTES)
        secret, rest = random[:KEY_BYTES], random[KEY_BYTES:]
        nonce, data_key_id = rest[:NONCE_BYTES], rest[NONCE_BYTES:].hex()
        wrapped = self._wrapped(card_id, data_key_id, nonce, secret)
        made = DataKey(card_id, data_key_id, self._first, wrapped, role, authorization_id)
        return made, AESGCM(secret)

    def unwrap(self, data_key: DataKey) -> AESGCM:
        """Return the cipher of a data key. Raises `UnwrapError`."""
        return AESGCM(self._secret(data_key))

    def rewrap(self, data_key: DataKey) -> DataKey:
        """Return a data key as the first key of the ring wraps it. Raises `UnwrapError`."""
        secret = self._secret(data_key)
        card_id, data_key_id = data_key.card_id, data_key.data_key_id
        wrapped = self._wrapped(card_id, data_key_id, os.urandom(NONCE_BYTES), secret)
        return replace(data_key, key_id=self._first, wrapped=wrapped)

    def any_of(self, data_keys: Iterable[DataKey]) -> tuple[str, AESGCM] | None:
        """Return the id and the cipher of the first data key that can be unwrapped, if any."""
        for data_key in data_keys:
            try:
                return data_key.data_key_id, self.unwrap(data_key)
            except UnwrapError:
                continue
        return None

    def _wrapped(self, card_id: str, data_key_id: str, nonce: bytes, secret: bytes) -> bytes:
        names = context("data key", card_id, data_key_id, self._first)
        return nonce + self._ciphers[self._first].encrypt(nonce, secret, names)

    def _secret(self, data_key: DataKey) -> bytes:
        cipher = self._ciphers.get(data_key.key_id)
        if cipher is None:
            raise RingLacksKeyError(data_key.key_id)
        nonce, wrapped = data_key.wrapped[:NONCE_BYTES], data_key.wrapped[NONCE_BYTES:]
        names = context("data key", data_key.card_id, data_key.data_key_id, data_key.key_id)
        try:
            return cipher.decrypt(nonce, wrapped, names)
        except (InvalidTag, ValueError) as error:
            raise AlteredDataKeyError(data_key.key_id) from error


def context(*names: str) -> bytes:
    """Return the associated data of something sealed: it opens under the same names alone."""
    # The lengths in front keep ("ab", "c") and ("a", "bc") apart.
    return "".join([f"{len(name)}:{name}" for name in names]).encode()


def _wrapping(key: Key) -> AESGCM:
    derived = HKDF(SHA256(), KEY_BYTES, salt=None, info=_DOMAIN).derive(key.secret)
    return AESGCM(derived)
