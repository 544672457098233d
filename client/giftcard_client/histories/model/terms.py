"""The numbers and dates of the public terms, for the model of a history.

Periods that move over holidays (R21, R25) are known here without a calendar of them: they end on
their last day at the earliest, and `HOLIDAYS_IN_A_ROW` days later at the latest.
"""

import calendar
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

SECOND: Final = 1_000_000_000
DAY: Final = 24 * 3600 * SECOND
# No market has more days in a row without a working day.
HOLIDAYS_IN_A_ROW: Final = 10


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of a market. Amounts are minor units, times nanoseconds."""

    currency: str = "EUR"
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Europe/Paris"))
    min_amount: int = 20_00  # R2, included
    max_amount: int = 500_00  # R2, included
    validity_months: int = 6  # R12
    cancellation_days: int = 14  # R25
    return_days: int = 30  # R21
    default_hold: int = DAY
    longest_hold: int = 7 * DAY
    ineligible: frozenset[str] = frozenset({"insurance", "mobile_plan"})  # R1

    def expiry(self, issued: int) -> int:
        """Return the first instant at which a card is no longer valid (R12)."""
        return nanoseconds(months_after(instant(issued), self.validity_months, self.zone))

    def too_late(self, start: date, days: int) -> tuple[int, int]:
        """Return when a period is over at the earliest and at the latest (R21, R25)."""
        last = start + timedelta(days=days)
        latest = last + timedelta(days=HOLIDAYS_IN_A_ROW)
        return (
            nanoseconds(midnight_after(last, self.zone)),
            nanoseconds(midnight_after(latest, self.zone)),
        )

    def begin_of(self, day: date) -> int:
        """Return the first instant of a day in the market."""
        return nanoseconds(midnight_after(day - timedelta(days=1), self.zone))

    def day_of(self, nanoseconds_since_1970: int) -> date:
        """Return the calendar day of an instant in the market."""
        return instant(nanoseconds_since_1970).astimezone(self.zone).date()


# The built-in market of every service.
TERMS: Final[Mapping[str, Terms]] = MappingProxyType({"fr": Terms()})


def instant(nanoseconds_since_1970: int) -> datetime:
    """Return an instant to the microsecond below."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=nanoseconds_since_1970 // 1000)


def nanoseconds(at: datetime) -> int:
    """Return an instant in nanoseconds since 1970."""
    since = at - datetime(1970, 1, 1, tzinfo=UTC)
    return (since // timedelta(microseconds=1)) * 1000


def midnight_after(day: date, zone: ZoneInfo) -> datetime:
    """Return the first instant after a day."""
    following = day + timedelta(days=1)
    return datetime(following.year, following.month, following.day, tzinfo=zone).astimezone(UTC)


def months_after(issued: datetime, months: int, zone: ZoneInfo) -> datetime:
    """Return the end of the same day some months later, or of that month's last day (R12)."""
    local = issued.astimezone(zone)
    years, month = divmod(local.month - 1 + months, 12)
    year, month = local.year + years, month + 1
    last = calendar.monthrange(year, month)[1]
    return midnight_after(date(year, month, min(local.day, last)), zone)
