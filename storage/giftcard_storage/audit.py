"""Checking every invariant of "Money moves" over the whole database, and adding up what moved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from giftcard_storage.errors import translated
from giftcard_storage.invariants import INVARIANTS
from giftcard_storage.transactions import reading
from giftcard_storage.walks.found import (
    LIABILITY,
    LISTED,
    Collected,
    Difference,
    Totals,
    added,
    liability_differences,
    totals_within,
)
from giftcard_storage.walks.made_by_requests import MADE_BY_A_REQUEST
from giftcard_storage.walks.relations import BY_CARD, Range, end_of_slice
from giftcard_storage.walks.walking import Walking

if TYPE_CHECKING:
    from collections.abc import Callable

    from peewee import Database

__all__ = ["ALL_INVARIANTS", "LIABILITY", "LISTED", "Audited", "Difference", "Totals", "audit"]

# In the order in which differences are listed.
ALL_INVARIANTS: Final = (*INVARIANTS, MADE_BY_A_REQUEST, LIABILITY)
# So many keys together cost hardly more than one by one, and their differences little memory.
KEYS_AT_ONCE: Final = 10_000
_NO_HORIZON: Final = 2**62


class Audited(NamedTuple):
    """The result of an audit: at most `LISTED` differences of each invariant, and the totals."""

    differences: list[Difference]
    totals: list[Totals]


def audit_all(
    database: Database,
    *,
    keys: int = KEYS_AT_ONCE,
    horizon: int = _NO_HORIZON,
    show: Callable[[float], object] = lambda _progress: None,
) -> Audited:
    """Check every invariant in slices of so many keys, and call `show` with the progress, 0 to 1.

    Each slice is a snapshot, and blocks no writer; inside of a transaction all of them are parts
    of its one. Beside writers, `horizon` has to be before everything that is on its way when this
    begins, in microseconds since 1970. Raises `StorageAwayError`.
    """
    walking, collected, totals = Walking(database, keys, horizon), Collected(), list[Totals]()
    while not walking.is_over:
        found = walking.step()
        collected.add(found.differences)
        totals = added([*totals, *found.totals])
        show(walking.place.progress)
    collected.add(liability_differences(totals))
    return Audited(collected.listed(ALL_INVARIANTS), totals)


def audit(database: Database, keys: int = KEYS_AT_ONCE) -> list[Difference]:
    """Return everything that breaks an invariant, in one state of the database.

    At most `LISTED` differences of each invariant. Raises `StorageAwayError`.
    """
    with reading(database):
        return audit_all(database, keys=keys).differences


def totals(database: Database) -> list[Totals]:
    """Return what moved, sorted by market and currency. Raises `StorageAwayError`."""
    sums: list[Totals] = []
    after: str | None = None
    with reading(database), translated():
        while True:
            keys = Range(after, end_of_slice(database, BY_CARD, after, KEYS_AT_ONCE))
            sums = added([*sums, *totals_within(database, keys)])
            after = keys.up_to
            if after is None:
                return sums
