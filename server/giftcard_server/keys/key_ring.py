"""The key ring that the settings name, which is read before the database is opened."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

from giftcard_server.errors import KeyLostError, KeysRefusedError, StartRefusedError
from giftcard_server.keys import key_file
from giftcard_storage import database

if TYPE_CHECKING:
    from giftcard_rules.codes import Key, KeyRing
    from giftcard_server.keys.settings import KeySettings


def ring_of(settings: KeySettings) -> KeyRing:
    """Return the ring; make its file where an embedded database has no cards yet.

    Raises `StartRefusedError`, and `DatabaseRefusedError` where the database belongs to another
    program, so that no ring is made.
    """
    ring = existing_ring_of(settings)
    if ring is not None:
        return ring
    try:
        # Another server may make the ring at the same time; then that one is read.
        with contextlib.suppress(FileExistsError):
            key_file.make(settings.key_path)
    except OSError as error:
        message = f"cannot make the key file {settings.key_path}: {error.strerror}"
        raise StartRefusedError(message) from error
    return _read(settings)


def required_key(ring: KeyRing, key_id: str) -> Key:
    """Return the key with this id. Raises `KeyLostError` where the ring lacks it."""
    ring_key = ring.get(key_id)
    if ring_key is None:
        raise KeyLostError
    return ring_key


def existing_ring_of(settings: KeySettings) -> KeyRing | None:
    """Return the ring, or None where a server would make one. Raises like `ring_of`."""
    ring = _given_ring_of(settings)
    if ring is None or not settings.retired_keys:
        return ring
    if ring.first.key_id in settings.retired_keys:
        message = f"the key {ring.first.key_id} is retired, and is the first one, for new cards"
        raise StartRefusedError(message)
    return replace(ring, retired=settings.retired_keys)


def _given_ring_of(settings: KeySettings) -> KeyRing | None:
    if settings.keys is not None:
        return settings.keys
    if settings.database_url.engine.needs_given_keys and settings.key_file is None:
        message = (
            "servers that share a database need the same keys: set GIFTCARD_KEY_FILE"
            " (`giftcard keys new` makes such a file) or GIFTCARD_KEYS"
        )
        raise StartRefusedError(message)
    path = settings.key_path
    if path.exists():
        return _read(settings)
    if settings.key_file is not None:
        message = f"there is no key file {path}"
        raise StartRefusedError(message)
    if database.has_cards(settings.database_url):
        message = (
            f"the key file {path} is missing, and without it no card on"
            f" {settings.database_url} can be found: put it back"
        )
        raise StartRefusedError(message)
    return None


def _read(settings: KeySettings) -> KeyRing:
    try:
        return key_file.read(settings.key_path)
    except KeysRefusedError as error:
        raise StartRefusedError(str(error)) from error
