"""The walks of the audit, and the statements of a slice of one of them.

A walk goes through a table in the order of a key. A slice is a range of that key, and restricts
every relation that the walk drives: what is not in the table itself, as a posting without its
card, lies in some slice as well, because the slices cover all keys that can be.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

from giftcard_storage.invariants import INVARIANTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from peewee import Database


class Walk(NamedTuple):
    """A walk through `table` by `key`, which every relation in `drives` has as a column.

    `drives` has the names that statements use in braces. `work` is about its part of all the work.
    Keys that are `spread` begin with hex digits, evenly.
    """

    name: str
    table: str
    key: str
    drives: Mapping[str, str]
    work: float
    spread: bool = True


_OF_A_CARD: Final = (
    "card", "posting", "purchase", "refund_due", "refund_confirmation", "new_event",
)  # fmt: skip
BY_CARD: Final = Walk("card", "card", "card_id", {each: each for each in _OF_A_CARD}, 0.6)
BY_AUTHORIZATION: Final = Walk(
    "authorization",
    '"authorization"',
    "authorization_id",
    {"authorization": '"authorization"'},
    0.1,
)
BY_REQUEST: Final = Walk("request", "request", "request_id", {"request": "request"}, 0.05)
_BY_POSITION: Final = Walk("event", "event", "position", {"event": "event"}, 0.2, spread=False)
_BY_REFERENCE: Final = Walk(
    "purchase_reference",
    "purchase_reference",
    "payment_reference",
    {"purchase_reference": "purchase_reference"},
    0.05,
    spread=False,
)
WALKS: Final = (BY_CARD, BY_AUTHORIZATION, BY_REQUEST, _BY_POSITION, _BY_REFERENCE)
_WALK_OF: Final = {name: walk for walk in WALKS for name in walk.drives}
_DRIVING: Final = re.compile(r"\{(\w+)\}")
_PARTS: Final = re.compile(r"\bUNION ALL\b")


class Range(NamedTuple):
    """Keys of a walk: those above `after`, up to and with `up_to`; None is no bound."""

    after: str | None = None
    up_to: str | None = None

    @property
    def bounds(self) -> list[str]:
        """The bounds there are, as the parameters of one driving relation."""
        return [bound for bound in self if bound is not None]


def _driven_by(walk: Walk, statement: str) -> str:
    """Return the parts of a statement, which UNION ALL holds together, that a walk drives.

    Each part has to have one relation that drives it.
    """
    parts = [(part, _WALK_OF[_DRIVING.findall(part)[0]]) for part in _PARTS.split(statement)]
    return " UNION ALL ".join(part for part, of_walk in parts if of_walk is walk)


def sliced(statement: str, keys: Range, mark: str) -> tuple[str, list[str]]:
    """Return a statement over some keys, with its parameters, each of which is a `mark`."""
    text, driven = _restricted(statement, keys.after is None, keys.up_to is None, mark)
    return text, keys.bounds * driven


def end_of_slice(database: Database, walk: Walk, after: str | None, keys: int) -> str | None:
    """Return the last key of a slice of so many rows of a walk's table; None in its last slice."""
    where = f"WHERE {walk.key} > {database.param}" if after is not None else ""
    found = database.execute_sql(
        f"SELECT {walk.key} FROM {walk.table} {where} ORDER BY {walk.key}"  # noqa: S608 - our own names
        f" LIMIT 1 OFFSET {keys - 1}",
        [after] if after is not None else [],
    ).fetchone()
    return str(found[0]) if found else None


def statements_of(walk: Walk) -> dict[str, str]:
    """Return the invariants that a walk checks, by their names."""
    return _CHECKED_BY[walk.name]


@cache
def _restricted(statement: str, is_first: bool, is_last: bool, mark: str) -> tuple[str, int]:  # noqa: FBT001 - a key of the cache
    """Return the text for a kind of range, and how many driving relations are in it."""

    def restrict(found: re.Match[str]) -> str:
        walk = _WALK_OF[found[1]]
        bounds = [
            f"{walk.key} {operator} {mark}"
            for operator, is_absent in ((">", is_first), ("<=", is_last))
            if not is_absent
        ]
        table = walk.drives[found[1]]
        # Planners take such a relation apart again, and walk along its index.
        return f"(SELECT * FROM {table} WHERE {' AND '.join(bounds)})" if bounds else table  # noqa: S608 - our own names

    return _DRIVING.subn(restrict, statement)


_CHECKED_BY: Final = {
    walk.name: {
        name: driven
        for name, statement in INVARIANTS.items()
        if (driven := _driven_by(walk, statement))
    }
    for walk in WALKS
}
