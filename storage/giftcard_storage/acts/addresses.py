"""How a delivery keeps its corrected address: sealed, after the id of the data key."""

from __future__ import annotations

from typing import Final

from giftcard_storage.data_keys import context

SEPARATOR: Final = b":"


def names_of_address(delivery_id: str) -> bytes:
    """Return the associated data of a delivery's address."""
    return context("delivery", delivery_id)


def joined(data_key_id: str, sealed: bytes) -> bytes:
    """Return a sealed address as a delivery keeps it: after the id of its data key."""
    return data_key_id.encode() + SEPARATOR + sealed
