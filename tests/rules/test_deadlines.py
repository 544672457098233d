"""The periods of the terms, to the last hour: R12, R21 and R25 on days that anyone can check."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from giftcard_rules.deadlines import (
    delivery_days,
    end_of_day,
    expiry,
    last_day,
    local_day,
    morning_of,
)
from giftcard_rules.terms import FRENCH_TERMS
from given.made_facts import is_working_day

PARIS = ZoneInfo("Europe/Paris")
ZONES = [
    PARIS,
    ZoneInfo("America/New_York"),
    ZoneInfo("America/St_Johns"),  # half an hour off
    ZoneInfo("America/Santiago"),  # clocks change at midnight
    ZoneInfo("America/Havana"),  # likewise
    ZoneInfo("Asia/Kathmandu"),  # three quarters of an hour off
    ZoneInfo("Pacific/Kiritimati"),  # the first to have a new day
    ZoneInfo("Pacific/Pago_Pago"),  # the last
    ZoneInfo("UTC"),
]


@pytest.mark.parametrize(
    ("bought", "zone", "months", "expires"),
    [
        # The example of the terms. 28 February 2027 is a Sunday, which prolongs no card.
        ("2026-08-31 10:00", "Europe/Paris", 6, "2027-02-28T23:00:00Z"),
        ("2026-08-30 10:00", "Europe/Paris", 6, "2027-02-28T23:00:00Z"),
        ("2026-08-29 10:00", "Europe/Paris", 6, "2027-02-28T23:00:00Z"),
        ("2026-08-28 10:00", "Europe/Paris", 6, "2027-02-28T23:00:00Z"),
        ("2026-08-27 10:00", "Europe/Paris", 6, "2027-02-27T23:00:00Z"),
        # A leap year.
        ("2027-08-31 10:00", "Europe/Paris", 6, "2028-02-29T23:00:00Z"),
        ("2027-08-29 10:00", "Europe/Paris", 6, "2028-02-29T23:00:00Z"),
        ("2027-08-28 10:00", "Europe/Paris", 6, "2028-02-28T23:00:00Z"),
        ("2028-02-29 10:00", "Europe/Paris", 6, "2028-08-29T22:00:00Z"),
        ("2028-02-29 10:00", "Europe/Paris", 12, "2029-02-28T23:00:00Z"),
        # Months of thirty days, and the turn of the year.
        ("2026-12-31 10:00", "Europe/Paris", 6, "2027-06-30T22:00:00Z"),
        ("2026-05-31 10:00", "Europe/Paris", 6, "2026-11-30T23:00:00Z"),
        ("2026-07-01 10:00", "Europe/Paris", 6, "2027-01-01T23:00:00Z"),
        ("2026-06-30 10:00", "Europe/Paris", 6, "2026-12-30T23:00:00Z"),
        ("2026-11-22 10:00", "Europe/Paris", 1, "2026-12-22T23:00:00Z"),
        ("2026-11-22 10:00", "Europe/Paris", 24, "2028-11-22T23:00:00Z"),
        # The day is the market's, whatever day it is in UTC.
        ("2026-09-01 00:30", "Europe/Paris", 6, "2027-03-01T23:00:00Z"),
        ("2026-08-31 23:59", "Europe/Paris", 6, "2027-02-28T23:00:00Z"),
        ("2026-08-31 00:00", "Europe/Paris", 6, "2027-02-28T23:00:00Z"),
        # Days on which the clocks change: they end when the market's day does.
        ("2026-09-28 10:00", "Europe/Paris", 6, "2027-03-28T22:00:00Z"),
        ("2026-09-27 10:00", "Europe/Paris", 6, "2027-03-27T23:00:00Z"),
        ("2026-04-25 10:00", "Europe/Paris", 6, "2026-10-25T23:00:00Z"),
        ("2026-04-24 10:00", "Europe/Paris", 6, "2026-10-24T22:00:00Z"),
        # Other zones.
        ("2026-08-31 10:00", "America/New_York", 6, "2027-03-01T05:00:00Z"),
        ("2026-08-31 10:00", "Asia/Kathmandu", 6, "2027-02-28T18:15:00Z"),
        ("2026-08-31 10:00", "Pacific/Kiritimati", 6, "2027-02-28T10:00:00Z"),
        # Midnight does not exist there on 6 September 2026: the day begins at one.
        ("2026-03-05 10:00", "America/Santiago", 6, "2026-09-06T04:00:00Z"),
        # Midnight comes twice there on 1 November 2026: the first one ends the day before.
        ("2026-05-31 10:00", "America/Havana", 5, "2026-11-01T04:00:00Z"),
    ],
)
def test_r12_a_card_is_valid_through_the_last_hour_of_its_day(
    bought: str, zone: str, months: int, expires: str
) -> None:
    market_zone = ZoneInfo(zone)
    issued_at = datetime.fromisoformat(bought).replace(tzinfo=market_zone).astimezone(UTC)
    assert expiry(issued_at, months, market_zone) == datetime.fromisoformat(expires)


@given(
    st.integers(0, 4_000_000_000).map(lambda second: datetime.fromtimestamp(second, UTC)),
    st.integers(1, 60),
    st.sampled_from(ZONES),
)
def test_r12_the_last_day_is_the_same_day_months_later_or_the_last_of_its_month(
    issued_at: datetime, months: int, zone: ZoneInfo
) -> None:
    issued = local_day(issued_at, zone)
    expires_at = expiry(issued_at, months, zone)
    last = local_day(expires_at - timedelta(microseconds=1), zone)

    assert local_day(expires_at, zone) == last + timedelta(days=1)
    assert (last.year * 12 + last.month) - (issued.year * 12 + issued.month) == months
    assert last.day == issued.day or (
        last.day < issued.day and (last + timedelta(days=1)).month != last.month
    )


@pytest.mark.parametrize(
    ("delivered", "last", "too_late"),
    [
        # The example of the terms: day 30 is Friday 25 December, then comes a weekend.
        ("2026-11-25", "2026-12-28", "2026-12-28T23:00:00Z"),
        ("2026-11-24", "2026-12-24", "2026-12-24T23:00:00Z"),
        ("2026-11-26", "2026-12-28", "2026-12-28T23:00:00Z"),  # a Saturday
        ("2026-11-27", "2026-12-28", "2026-12-28T23:00:00Z"),  # a Sunday
        ("2026-11-28", "2026-12-28", "2026-12-28T23:00:00Z"),  # that Monday itself
        ("2026-12-02", "2027-01-04", "2027-01-04T23:00:00Z"),  # New Year's Day, a Friday
        ("2026-02-27", "2026-03-30", "2026-03-30T22:00:00Z"),  # over the change of clocks
        ("2026-03-04", "2026-04-03", "2026-04-03T22:00:00Z"),  # Good Friday, a working day in Paris
        ("2026-03-05", "2026-04-07", "2026-04-07T22:00:00Z"),  # Saturday before Easter Monday
        ("2026-04-01", "2026-05-04", "2026-05-04T22:00:00Z"),  # 1 May, a Friday
        ("2026-04-14", "2026-05-15", "2026-05-15T22:00:00Z"),  # Ascension Day, a Thursday
        ("2026-04-24", "2026-05-26", "2026-05-26T22:00:00Z"),  # Sunday before Whit Monday
        ("2026-06-14", "2026-07-15", "2026-07-15T22:00:00Z"),  # 14 July, a Tuesday
        ("2028-01-30", "2028-02-29", "2028-02-29T23:00:00Z"),  # a leap day, a Tuesday
    ],
)
def test_r21_a_return_has_thirty_days_and_then_the_next_working_day(
    delivered: str, last: str, too_late: str
) -> None:
    found = last_day(date.fromisoformat(delivered), FRENCH_TERMS.return_days, is_working_day)
    assert found.isoformat() == last
    assert end_of_day(found, PARIS) == datetime.fromisoformat(too_late)


@pytest.mark.parametrize(
    ("bought", "last", "too_late"),
    [
        # The example of the terms: bought on a Sunday, and day 14 is one as well.
        ("2026-11-22", "2026-12-07", "2026-12-07T23:00:00Z"),
        ("2026-11-23", "2026-12-07", "2026-12-07T23:00:00Z"),
        ("2026-11-21", "2026-12-07", "2026-12-07T23:00:00Z"),  # a Saturday
        ("2026-11-20", "2026-12-04", "2026-12-04T23:00:00Z"),
        ("2026-10-28", "2026-11-12", "2026-11-12T23:00:00Z"),  # 11 November, a Wednesday
        ("2026-12-11", "2026-12-28", "2026-12-28T23:00:00Z"),  # Christmas, then a weekend
        ("2026-10-11", "2026-10-26", "2026-10-26T23:00:00Z"),  # the Sunday of 25 hours
    ],
)
def test_r25_a_cancellation_has_fourteen_days_and_then_the_next_working_day(
    bought: str, last: str, too_late: str
) -> None:
    found = last_day(date.fromisoformat(bought), FRENCH_TERMS.cancellation_days, is_working_day)
    assert found.isoformat() == last
    assert end_of_day(found, PARIS) == datetime.fromisoformat(too_late)


@given(st.dates(date(2000, 1, 1), date(2099, 1, 1)), st.integers(0, 60), st.sampled_from(ZONES))
def test_r21_r25_a_period_ends_on_the_first_working_day_that_is_not_before_its_last(
    start: date, days: int, zone: ZoneInfo
) -> None:
    last = last_day(start, days, is_working_day)
    assert local_day(end_of_day(last, zone) - timedelta(microseconds=1), zone) == last
    nominal = start + timedelta(days=days)

    assert last >= nominal
    assert is_working_day(last)
    between = (nominal + timedelta(days=n) for n in range((last - nominal).days))
    assert not any(is_working_day(day) for day in between)


@given(st.dates(date(1990, 1, 1), date(2100, 1, 1)), st.sampled_from(ZONES))
def test_a_day_ends_at_the_first_instant_of_the_next(day: date, zone: ZoneInfo) -> None:
    ended = end_of_day(day, zone)
    assert ended.tzinfo is UTC
    assert local_day(ended, zone) == day + timedelta(days=1)
    assert local_day(ended - timedelta(microseconds=1), zone) == day


@pytest.mark.parametrize(
    ("now", "zone", "months", "first", "last"),
    [
        ("2026-09-14T12:00:00Z", "Europe/Paris", 6, "2026-09-14", "2027-03-14"),
        ("2026-08-31T12:00:00Z", "Europe/Paris", 6, "2026-08-31", "2027-02-28"),
        # In the market it is tomorrow already.
        ("2026-09-14T22:00:00Z", "Europe/Paris", 6, "2026-09-15", "2027-03-15"),
        ("2026-09-14T02:00:00Z", "America/New_York", 6, "2026-09-13", "2027-03-13"),
        # A year ahead, however long the card is valid.
        ("2026-09-14T12:00:00Z", "Europe/Paris", 12, "2026-09-14", "2027-09-14"),
        ("2028-02-29T12:00:00Z", "Europe/Paris", 60, "2028-02-29", "2029-02-28"),
    ],
)
def test_r8_a_card_is_mailed_on_a_day_on_which_it_is_valid_at_most_a_year_ahead(
    now: str, zone: str, months: int, first: str, last: str
) -> None:
    days = delivery_days(datetime.fromisoformat(now), months, ZoneInfo(zone))
    assert days == (date.fromisoformat(first), date.fromisoformat(last))


@pytest.mark.parametrize(
    ("day", "zone", "instant"),
    [
        ("2026-12-24", "Europe/Paris", "2026-12-24T07:00:00Z"),
        ("2027-06-20", "Europe/Paris", "2027-06-20T06:00:00Z"),
        ("2027-03-28", "Europe/Paris", "2027-03-28T06:00:00Z"),  # Clocks changed that night.
        ("2026-12-24", "Pacific/Kiritimati", "2026-12-23T18:00:00Z"),
    ],
)
def test_r8_the_morning_of_a_day_is_eight_in_the_market(day: str, zone: str, instant: str) -> None:
    morning = morning_of(date.fromisoformat(day), ZoneInfo(zone))
    assert morning == datetime.fromisoformat(instant)
    assert morning.tzinfo is UTC
