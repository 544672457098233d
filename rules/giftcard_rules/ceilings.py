"""The ceiling of issued value, so that a stolen certificate of a storefront mints no money.

It counts what a caller has issued in a market within an hour. Value is counted in slices of time,
so that a few rows tell it, and a slice counts until all of it is older than an hour.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from giftcard_rules.reasons import Reason, require

if TYPE_CHECKING:
    from collections.abc import Iterable

HOUR: Final = timedelta(hours=1)
SLICE: Final = timedelta(minutes=5)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class IssuedValue(NamedTuple):
    """What a caller has issued in a market in one slice of time, in minor units."""

    caller: str
    market: str
    slice_at: datetime
    amount_minor: int


def slice_of(now: datetime) -> datetime:
    """Return when the slice of time began that an instant belongs to."""
    return now - (now - _EPOCH) % SLICE


def within_the_hour(issued: Iterable[IssuedValue], now: datetime) -> int:
    """Return what was issued within the last hour, in minor units, and up to a slice before it."""
    return sum(each.amount_minor for each in issued if each.slice_at + SLICE > now - HOUR)


def require_below_ceiling(
    issued: Iterable[IssuedValue], amount_minor: int, ceiling_minor: int | None, now: datetime
) -> None:
    """Decline a card that would bring its caller above the ceiling."""
    if ceiling_minor is None:
        return
    issued_minor = within_the_hour(issued, now)
    require(
        issued_minor + amount_minor <= ceiling_minor,
        otherwise=Reason.ISSUE_CEILING_REACHED,
    )
