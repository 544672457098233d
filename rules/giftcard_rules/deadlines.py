"""The ends of the terms' periods, in the market's own time zone (R12, R21, R25)."""

from __future__ import annotations

import calendar
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

from giftcard_rules.reasons import Reason, require

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

WorkingDay = Callable[[date], bool]

# Cards that shall arrive on a day are mailed at this time of the market.
MORNING: Final = time(8)
LONGEST_DELIVERY_MONTHS: Final = 12


def begin_of(day: date, zone: ZoneInfo) -> datetime:
    """Return the first instant of `day` in `zone`, as UTC."""
    return datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC)


def end_of_day(day: date, zone: ZoneInfo) -> datetime:
    """Return the first instant after `day` in `zone`, as UTC."""
    return begin_of(day + timedelta(days=1), zone)


def local_day(instant: datetime, zone: ZoneInfo) -> date:
    """Return the calendar day of an instant in `zone`."""
    return instant.astimezone(zone).date()


def expiry(issued_at: datetime, months: int, zone: ZoneInfo) -> datetime:
    """Return the first instant at which a card is no longer valid (R12).

    Valid through the last hour of the same day `months` later; where that day does not
    exist, the month's last day (Reg. 1182/71, art. 3).
    """
    issued = local_day(issued_at, zone)
    year, month0 = divmod(issued.year * 12 + issued.month - 1 + months, 12)
    month = month0 + 1
    last = calendar.monthrange(year, month)[1]
    return end_of_day(date(year, month, min(issued.day, last)), zone)


def last_day(start: date, days: int, is_working_day: WorkingDay) -> date:
    """Return the last day of a period of `days` (R21, R25).

    The start day does not count. A period that would end on a Saturday, a Sunday or a
    public holiday ends on the next working day.
    """
    last = start + timedelta(days=days)
    while not is_working_day(last):
        last += timedelta(days=1)
    return last


def exercised_day(
    exercised_on: date | None, earliest: datetime, now: datetime, zone: ZoneInfo
) -> date:
    """Return the day that counts: on which a right was exercised, today unless told (R21, R25).

    Declines a day before that of `earliest`, or after today in the market.
    """
    today = local_day(now, zone)
    first = local_day(earliest, zone)
    day = exercised_on or today
    require(
        exercised_on is None or first <= day <= today,
        otherwise=Reason.EXERCISE_DAY_OUT_OF_RANGE,
        earliest_day=first,
        latest_day=today,
    )
    return day


def delivery_days(now: datetime, validity_months: int, zone: ZoneInfo) -> tuple[date, date]:
    """Return the first and the last day for which a card that is bought now can be mailed (R8).

    The first is today in the market. The last is a year ahead, or the card's last day (R12) if
    that comes before.
    """
    months = min(validity_months, LONGEST_DELIVERY_MONTHS)
    return local_day(now, zone), local_day(expiry(now, months, zone) - timedelta.resolution, zone)


def morning_of(day: date, zone: ZoneInfo) -> datetime:
    """Return the instant, as UTC, at which what shall arrive on a day is mailed."""
    return datetime.combine(day, MORNING, tzinfo=zone).astimezone(UTC)
