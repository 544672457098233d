"""Notes, corrected addresses and proposed requests: sealed under a data key of their card.

They may speak of any person of the card, so that erasing one of them forgets this data key. It is
the one of the role `NOTE_ROLE`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidTag

from giftcard_storage.data_keys import NONCE_BYTES, AlteredDataKeyError, WrappingKeys, context

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from giftcard_rules.codes import KeyRing
    from giftcard_storage.data_keys import DataKey
    from giftcard_storage.rows import Row

NOTE_ROLE: Final = "note"
# The length shall not tell what a short note says.
BLOCK_BYTES: Final = 128
_END: Final = b"\x00"


class NoteSealing:
    """Seals notes under a data key of their card, which it makes where there is none."""

    def __init__(self, ring: KeyRing) -> None:
        self._wrapping = WrappingKeys(ring)

    def ready(
        self, card_id: str, at_rest: Sequence[DataKey], made: list[Row]
    ) -> tuple[str, AESGCM]:
        """Return the id and the cipher of the data key for a card's notes.

        `at_rest` are the stored data keys of the card; the row of a new one is added to `made`.
        """
        usable = self._wrapping.any_of(each for each in at_rest if each.role == NOTE_ROLE)
        if usable is not None:
            return usable
        new, cipher = self._wrapping.make(card_id, NOTE_ROLE)
        made.append(new.row)
        return new.data_key_id, cipher

    def opened(
        self, data_keys: Iterable[DataKey], data_key_id: str, names: bytes, sealed: bytes
    ) -> bytes | None:
        """Return what was sealed; None where its data key was forgotten.

        Raises `UnwrapError` where the data key is there and does not open it.
        """
        for data_key in data_keys:
            if data_key.data_key_id == data_key_id:
                cipher = self._wrapping.unwrap(data_key)
                try:
                    padded = cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], names)
                except InvalidTag as error:
                    raise AlteredDataKeyError(data_key.key_id) from error
                return padded.rstrip(_END)[:-1]
        return None


def sealed(cipher: AESGCM, names: bytes, text: bytes) -> bytes:
    """Return a text as it is stored; it opens under the same names alone."""
    ended = text + b"\x01"  # Tells where the text ends and the padding begins.
    padded = ended.ljust(-(-len(ended) // BLOCK_BYTES) * BLOCK_BYTES, _END)
    nonce = os.urandom(NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, padded, names)


def names_of_act(card_id: str, act_id: str, kind: str) -> bytes:
    """Return the associated data of an entry's note: the primary key of the row."""
    return context("act", card_id, act_id, kind)


def names_of_proposal(proposal_id: str) -> bytes:
    """Return the associated data of a proposed request."""
    return context("proposal", proposal_id)
