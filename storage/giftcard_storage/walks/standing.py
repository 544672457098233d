"""How the audit beside the servers stands, in the database: for its restart and for metrics."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from giftcard_storage.errors import StaleError, translated
from giftcard_storage.transactions import reading, writing
from giftcard_storage.walks.tables import AuditWalk
from giftcard_storage.walks.walking import BEGINNING, Place

if TYPE_CHECKING:
    from peewee import Database

# After so long without a sign of life of the server that audits, another one goes on.
HELD_MICROSECONDS: Final = 600 * 1_000_000
_ONE: Final = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """How the audit stands: instants and durations are microseconds, instants since 1970 UTC.

    `holder` audits and gave a sign of life at `moved_at`. `found_before` differences were found by
    the last whole walk, which ended at `ended_at` and took `took`; `found_now` by this one so far.
    """

    holder: str
    moved_at: int
    place: Place
    began_at: int
    found_before: int = 0
    found_now: int = 0
    ended_at: int | None = None
    took: int | None = None

    @property
    def discrepancies(self) -> int:
        """How many differences there are, as far as is known."""
        return max(self.found_before, self.found_now)


def standing(database: Database) -> Standing | None:
    """Return how the audit stands; None before the first one. Raises `StorageAwayError`."""
    of = AuditWalk
    query = of.select(
        of.holder, of.moved_at, of.walk, of.after_key, of.began_at, of.found_before, of.found_now,
        of.ended_at, of.took,
    )  # fmt: skip
    with reading(database), translated():
        for (
            holder,
            moved_at,
            walk,
            after,
            began_at,
            *found,
            ended_at,
            took,
        ) in query.tuples().execute(database):
            return Standing(
                holder=holder,
                moved_at=moved_at,
                place=Place(walk, after),
                began_at=began_at,
                found_before=found[0],
                found_now=found[1],
                ended_at=ended_at,
                took=took,
            )
    return None


def take_over(database: Database, holder: str, now: int) -> Standing | None:
    """Begin the audit, or go on where it is; return None where another server is at it.

    Raises `StorageAwayError`, and `StaleError` where another server was faster.
    """
    former = standing(database)
    if former is None:
        first = Standing(holder=holder, moved_at=now, place=BEGINNING, began_at=now)
        row = _row(first) | {"audit_id": _ONE}
        with writing(database), translated():
            if not AuditWalk.insert(row).on_conflict_ignore().as_rowcount().execute(database):
                raise StaleError
        return first
    if former.holder != holder and former.moved_at + HELD_MICROSECONDS > now:
        return None
    began_at = now if former.place == BEGINNING else former.began_at
    taken = replace(former, holder=holder, moved_at=now, began_at=began_at)
    _update(database, taken, former.holder, former.moved_at)
    return taken


def save(database: Database, now_is: Standing, former: Standing) -> None:
    """Note how the audit of the same holder stands now.

    Raises `StorageAwayError`, and `StaleError` where another server has taken it over.
    """
    _update(database, now_is, former.holder, former.moved_at)


def _update(database: Database, now_is: Standing, holder: str, moved_at: int) -> None:
    of = AuditWalk
    statement = of.update(_row(now_is)).where(of.holder == holder, of.moved_at == moved_at)
    with writing(database), translated():
        if not statement.execute(database):
            raise StaleError


def _row(of: Standing) -> dict[str, object]:
    return {
        "holder": of.holder,
        "moved_at": of.moved_at,
        "walk": of.place.walk,
        "after_key": of.place.after,
        "began_at": of.began_at,
        "found_before": of.found_before,
        "found_now": of.found_now,
        "ended_at": of.ended_at,
        "took": of.took,
    }
