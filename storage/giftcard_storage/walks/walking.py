"""Taking the walks of the audit step by step: a slice, its differences, and the place after it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from giftcard_storage.errors import translated
from giftcard_storage.transactions import reading
from giftcard_storage.walks.found import (
    LIABILITY,
    LISTED,
    Difference,
    Totals,
    liability_differences,
    totals_within,
)
from giftcard_storage.walks.made_by_requests import BUCKETS, IDS, MadeByRequests, without_requests
from giftcard_storage.walks.relations import (
    BY_AUTHORIZATION,
    BY_CARD,
    BY_REQUEST,
    WALKS,
    Range,
    Walk,
    end_of_slice,
    sliced,
    statements_of,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from peewee import Database

# An id begins with hex digits, evenly spread: so many of them tell how far a walk is.
_DIGITS: Final = 6


class Place(NamedTuple):
    """Where the audit goes on: after a key of a walk, or at its beginning."""

    walk: str
    after: str | None = None

    @property
    def progress(self) -> float:
        """About how much of all the work was done before, from 0 to 1."""
        done = 0.0
        for walk in WALKS:
            if walk.name == self.walk:
                return done + walk.work * (_part_before(self.after) if walk.spread else 0.0)
            done += walk.work
        return done


BEGINNING: Final = Place(WALKS[0].name)
END: Final = Place("")


class Slice(NamedTuple):
    """A slice that was looked at: its walk and keys, what is wrong in it, what moved on it."""

    walk: Walk
    keys: Range
    differences: list[Difference]
    totals: list[Totals]


class Walking:
    """Looks at slices of so many `keys`, each in a snapshot, or all in one that is open already.

    `horizon`, in microseconds since 1970, is before everything that may be on its way now. Every
    method raises `StorageAwayError`.
    """

    def __init__(
        self, database: Database, keys: int, horizon: int, place: Place = BEGINNING
    ) -> None:
        self._database = database
        self._keys = keys
        self._made_by = MadeByRequests(horizon)
        # The digests of the one walk are compared with those of the other, and not kept.
        self.place = Place(BY_AUTHORIZATION.name) if place.walk == BY_REQUEST.name else place
        if self.place.walk == BY_AUTHORIZATION.name:
            self.place = Place(BY_AUTHORIZATION.name)

    @property
    def is_over(self) -> bool:
        """Whether every slice was looked at."""
        return self.place == END

    def step(self) -> Slice:
        """Look at the next slice, and go on after it."""
        walk = next(each for each in WALKS if each.name == self.place.walk)
        after = self.place.after
        with reading(self._database), translated():
            keys = Range(after, end_of_slice(self._database, walk, after, self._keys))
            totals = totals_within(self._database, keys) if walk is BY_CARD else []
            differences = self._broken(walk, keys, statements_of(walk))
            if walk.name in IDS:
                self._made_by.add(self._database, walk.name, keys)
        if walk is BY_REQUEST and keys.up_to is None:
            differences += self._without_requests()
        self.place = _after(walk, keys)
        return Slice(walk, keys, differences, totals)

    def look_again(self, seen: Slice) -> list[Difference]:
        """Look for the differences of a slice once more, in a new snapshot."""
        of_slice = {each.invariant for each in [*seen.differences, *_liability(seen)]}
        with reading(self._database), translated():
            again = self._broken(seen.walk, seen.keys, of_slice & statements_of(seen.walk).keys())
            if LIABILITY in of_slice:
                again += liability_differences(totals_within(self._database, seen.keys))
        # The others come of a search of their own, which has looked twice.
        others = of_slice - statements_of(seen.walk).keys() - {LIABILITY}
        return again + [each for each in seen.differences if each.invariant in others]

    def _broken(self, walk: Walk, keys: Range, invariants: Collection[str]) -> list[Difference]:
        return [
            difference
            for invariant, statement in statements_of(walk).items()
            if invariant in invariants
            for difference in _differences(self._database, invariant, statement, keys)
        ]

    def _without_requests(self) -> list[Difference]:
        """Return the authorizations that no request has made, of the buckets that differ."""
        buckets = self._made_by.differing
        if not buckets:
            return []
        authorizations, requested = (
            {
                authorization_id
                for keys in self._slices_of(walk)
                for authorization_id in self._ids(walk, keys)
                if hash(authorization_id) % BUCKETS in buckets
            }
            for walk in (BY_AUTHORIZATION, BY_REQUEST)
        )
        return without_requests(authorizations, requested)

    def _slices_of(self, walk: Walk) -> Iterator[Range]:
        after: str | None = None
        while True:
            with reading(self._database), translated():
                keys = Range(after, end_of_slice(self._database, walk, after, self._keys))
            yield keys
            if keys.up_to is None:
                return
            after = keys.up_to

    def _ids(self, walk: Walk, keys: Range) -> list[str]:
        with reading(self._database), translated():
            return list(self._made_by.ids(self._database, walk.name, keys))


def _after(walk: Walk, keys: Range) -> Place:
    if keys.up_to is not None:
        return Place(walk.name, keys.up_to)
    following = WALKS[WALKS.index(walk) + 1 :]
    return Place(following[0].name) if following else END


def _part_before(key: str | None) -> float:
    digits = (key or "")[:_DIGITS]
    try:
        return int(digits, 16) / 16**_DIGITS if len(digits) == _DIGITS else 0.0
    except ValueError:  # Names of other systems are spread as they like.
        return 0.0


def _liability(seen: Slice) -> list[Difference]:
    return liability_differences(seen.totals)


def _differences(
    database: Database, invariant: str, statement: str, keys: Range
) -> list[Difference]:
    broken, parameters = sliced(statement, keys, database.param)
    listed = database.execute_sql(f"{broken} LIMIT {LISTED}", parameters).fetchall()
    in_all = len(listed)
    if in_all == LISTED:
        counting = f"SELECT COUNT(*) FROM ({broken}) AS broken"  # noqa: S608 - the statement is our own
        (in_all,) = database.execute_sql(counting, parameters).fetchone()
    return [
        Difference(invariant, subject, str(expected), str(found), in_all)
        for subject, expected, found in listed
    ]
