"""That each authorization was made by a request, although no key leads from it to its request.

An authorization's id is derived from its request's by a secret key, and requests have no index by
authorization: Authorize would pay for it. So the audit adds up digests of the ids on both sides,
in so many buckets as fit into some kilobytes, and looks for single ids only in buckets that differ.
Both sides are taken up to a horizon, after which more may come while the walks go on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from giftcard_storage.walks.found import LISTED, Difference
from giftcard_storage.walks.relations import BY_AUTHORIZATION, BY_REQUEST, sliced

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from peewee import Database

    from giftcard_storage.walks.relations import Range

MADE_BY_A_REQUEST: Final = "authorization_has_its_request"
BUCKETS: Final = 4096
# So many buckets that differ are looked into, so that few ids are in memory at a time.
LOOKED_INTO: Final = 16
# Digests are of Python's keyed hash, which nobody can foresee; their sums stay within 64 bits.
_SUM: Final = 2**64

IDS: Final = {
    BY_AUTHORIZATION.name: """
        SELECT a.authorization_id FROM {authorization} a WHERE a.created_at <= MARK
    """,
    BY_REQUEST.name: """
        SELECT q.authorization_id FROM {request} q
        WHERE q.authorization_id IS NOT NULL AND q.method = 'Authorize' AND q.decided_at <= MARK
    """,
}


class MadeByRequests:
    """The digests of both sides, up to the `horizon` in microseconds since 1970."""

    def __init__(self, horizon: int) -> None:
        self.horizon = horizon
        self._sums = {name: [0] * BUCKETS for name in IDS}

    def add(self, database: Database, walk: str, keys: Range) -> None:
        """Add what a slice of one of the two walks has, in the snapshot that is open."""
        sums = self._sums[walk]
        for authorization_id in self.ids(database, walk, keys):
            digest = hash(authorization_id)
            bucket = digest % BUCKETS
            sums[bucket] = (sums[bucket] + digest) % _SUM

    def ids(self, database: Database, walk: str, keys: Range) -> Iterator[str]:
        """Return the ids of authorizations in a slice of one of the two walks."""
        text, parameters = sliced(IDS[walk], keys, database.param)
        rows = database.execute_sql(
            text.replace("MARK", database.param), [*parameters, self.horizon]
        ).fetchall()
        return (authorization_id for (authorization_id,) in rows)

    @property
    def differing(self) -> set[int]:
        """The buckets in which the two sides differ, once both walks are over; some of many."""
        of_authorizations, of_requests = self._sums.values()
        apart = [
            bucket for bucket in range(BUCKETS) if of_authorizations[bucket] != of_requests[bucket]
        ]
        return set(apart[:LOOKED_INTO])


def without_requests(authorizations: Iterable[str], requested: set[str]) -> list[Difference]:
    """Return a difference for each authorization that no request has made."""
    alone = sorted(set(authorizations) - requested)
    return [
        Difference(
            MADE_BY_A_REQUEST, f"authorization {each}", "a request that made it", "none", len(alone)
        )
        for each in alone[:LISTED]
    ]
