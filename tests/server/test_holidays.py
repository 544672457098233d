"""R21, R25: the public holidays of France, as the law has them (Code du travail, art. L3133-1).

These dates are written down here, so that no other version of `holidays` moves a last day
unnoticed.
"""

import tomllib
from datetime import date, timedelta
from importlib.metadata import version
from typing import Final

import pytest

from giftcard_server.markets import working_days
from given.house import ROOT

pytestmark = pytest.mark.one_database

# The holidays that have the same date each year.
FIXED: Final = ("01-01", "05-01", "05-08", "07-14", "08-15", "11-01", "11-11", "12-25")
# Easter Monday, Ascension, Whit Monday.
MOVABLE: Final = {
    2026: ("04-06", "05-14", "05-25"),
    2027: ("03-29", "05-06", "05-17"),
    2028: ("04-17", "05-25", "06-05"),
}
# Good Friday and the second day of Christmas: holidays in Alsace and Moselle alone.
WORKED: Final = ("2026-04-03", "2027-03-26", "2028-04-14", "2028-12-26")


@pytest.mark.parametrize("year", MOVABLE)
def test_r21_r25_working_days_of_france_are_those_of_the_law(year: int) -> None:
    is_working_day = working_days("FR")
    every_day = (date(year, 1, 1) + timedelta(days=number) for number in range(366))
    weekdays = [day for day in every_day if day.year == year and day.weekday() < 5]
    free = [day.isoformat() for day in weekdays if not is_working_day(day)]
    holidays = [f"{year}-{day}" for day in (*FIXED, *MOVABLE[year])]
    assert free == sorted(day for day in holidays if date.fromisoformat(day).weekday() < 5)


@pytest.mark.parametrize("day", WORKED)
def test_good_friday_and_26_december_are_working_days_in_france(day: str) -> None:
    assert date.fromisoformat(day).weekday() < 5
    assert working_days("FR")(date.fromisoformat(day))


def test_the_calendar_is_of_exactly_the_version_that_was_looked_at() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f"holidays=={version('holidays')}" in project["dependencies"]
