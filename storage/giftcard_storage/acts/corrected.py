"""The corrected address of a delivery: sealed under the data key of the card's notes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from giftcard_storage.acts.addresses import SEPARATOR, names_of_address
from giftcard_storage.acts.entries import data_keys_of
from giftcard_storage.acts.notes import NoteSealing
from giftcard_storage.errors import translated
from giftcard_storage.transactions import reading

if TYPE_CHECKING:
    from peewee import Database

    from giftcard_rules.codes import KeyRing


def corrected_address(
    database: Database, ring: KeyRing, card_id: str, delivery_id: str, kept: bytes
) -> str | None:
    """Return a delivery's corrected address, None where a person of the card was erased since.

    Raises `UnwrapError` where the ring does not open it, and `StorageAwayError`.
    """
    data_key_id, _, sealed = kept.partition(SEPARATOR)
    with reading(database), translated():
        data_keys = data_keys_of(database, {card_id}).get(card_id, [])
    names = names_of_address(delivery_id)
    opened = NoteSealing(ring).opened(data_keys, data_key_id.decode(), names, sealed)
    return None if opened is None else opened.decode()
