"""A database as the audit beside the servers uses it, on a connection of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from giftcard_storage.walks import standing
from giftcard_storage.walks.walking import Walking

if TYPE_CHECKING:
    from peewee import Database

    from giftcard_storage.walks.standing import Standing
    from giftcard_storage.walks.walking import Place


class AuditedDatabase:
    """Every method raises `StorageAwayError`; those that write `StaleError` as well."""

    def __init__(self, connection: Database) -> None:
        self._connection = connection

    def take_over(self, holder: str, now: int) -> Standing | None:
        """Begin the audit, or go on where it is; return None where another server is at it."""
        return standing.take_over(self._connection, holder, now)

    def save(self, now_is: Standing, former: Standing) -> None:
        """Note how the audit of the same holder stands now."""
        standing.save(self._connection, now_is, former)

    def walking(self, keys: int, horizon: int, place: Place) -> Walking:
        """Return a walk in slices of so many keys, which goes on at a place."""
        return Walking(self._connection, keys, horizon, place)
