"""The markets of this service: France, built in, and those that the settings add or override."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import holidays
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PositiveInt

from giftcard_rules.tender import is_gift_card
from giftcard_rules.terms import GIFT_CARD_CATEGORY, Market, Terms, france

if TYPE_CHECKING:
    from collections.abc import Callable

    from giftcard_rules.deadlines import WorkingDay

_SATURDAY: Final = 5


def working_days(calendar: str) -> WorkingDay:
    """Return a test for working days: no Saturday, Sunday or public holiday (R21)."""
    country, _, subdivision = calendar.partition("-")
    public = holidays.country_holidays(country, subdiv=subdivision or None)

    def is_working_day(day: date) -> bool:
        return day.weekday() < _SATURDAY and day not in public

    return is_working_day


FRANCE: Final = france(working_days("FR"))
BUILT_IN: Final = {FRANCE.name: FRANCE}


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        message = "is not a time zone of the IANA database"
        raise ValueError(message) from error
    return name


def _known_calendar(name: str) -> str:
    try:
        working_days(name)
    except (NotImplementedError, KeyError) as error:
        message = 'is not a calendar of `holidays`, such as "FR" or "DE-BY"'
        raise ValueError(message) from error
    return name


def _no_reserved_category(categories: tuple[str, ...]) -> tuple[str, ...]:
    if any(is_gift_card(category) for category in categories):
        message = f"{GIFT_CARD_CATEGORY} is reserved and never eligible anyway"
        raise ValueError(message)
    return categories


Name = Annotated[str, Field(min_length=1, max_length=64)]


class MarketSettings(BaseModel):
    """A `[markets.xx]` table. Absent values are those of the built-in market of that name.

    In a new market they are those of France, except for the settings in `REQUIRED`, which must
    be present. Amounts are in minor units.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = None
    time_zone: Annotated[str, AfterValidator(_known_zone)] | None = None
    min_amount_minor: PositiveInt | None = None
    max_amount_minor: PositiveInt | None = None
    preset_amounts_minor: tuple[PositiveInt, ...] | None = None
    designs: Annotated[tuple[Name, ...], Field(min_length=1)] | None = None
    validity_months: Annotated[int, Field(ge=1, le=1200)] | None = None
    cancellation_days: Annotated[int, Field(ge=0, le=3650)] | None = None
    return_days: Annotated[int, Field(ge=0, le=3650)] | None = None
    default_hold_seconds: PositiveInt | None = None
    longest_hold_seconds: PositiveInt | None = None
    holiday_calendar: Annotated[str, AfterValidator(_known_calendar)] | None = None
    ineligible_categories: (
        Annotated[tuple[Name, ...], AfterValidator(_no_reserved_category)] | None
    ) = None
    restores_when_not_performed: bool | None = None


# The settings that a new market must have.
REQUIRED: Final = (
    "currency",
    "time_zone",
    "min_amount_minor",
    "max_amount_minor",
    "holiday_calendar",
)

# The name of the term that a setting becomes, and its conversion. Other settings are terms as
# they are.
_CONVERTED: Final[dict[str, tuple[str, Callable[[Any], object]]]] = {
    "time_zone": ("time_zone", ZoneInfo),
    "default_hold_seconds": ("default_hold", lambda seconds: timedelta(seconds=seconds)),
    "longest_hold_seconds": ("longest_hold", lambda seconds: timedelta(seconds=seconds)),
    "ineligible_categories": ("ineligible_categories", frozenset),
}


def market_of(name: str, settings: MarketSettings) -> Market:
    """Return a market. Raises ValueError where its settings do not fit together."""
    given = settings.model_dump(exclude_none=True)
    missing = [each for each in REQUIRED if each not in given and name not in BUILT_IN]
    if missing:
        message = f"a new market must set {', '.join(missing)}"
        raise ValueError(message)
    changes: dict[str, Any] = {}
    for setting, value in given.items():
        term, convert = _CONVERTED.get(setting, (setting, None))
        changes[term] = convert(value) if convert else value
    if name not in BUILT_IN and "preset_amounts_minor" not in given:
        changes["preset_amounts_minor"] = ()
    dated = {each.name for each in fields(Terms)}
    before = BUILT_IN.get(name, FRANCE)
    terms = replace(
        before.versions[0], **{term: value for term, value in changes.items() if term in dated}
    )
    market = replace(
        before,
        name=name,
        versions=(terms,),
        **{term: value for term, value in changes.items() if term not in dated},
    )
    if "holiday_calendar" in changes:
        market = replace(market, is_working_day=working_days(market.holiday_calendar))
    _require_fitting(market)
    return market


def _require_fitting(market: Market) -> None:
    for terms in market.versions:
        low, high = terms.min_amount_minor, terms.max_amount_minor
        if low > high:
            message = "min_amount_minor must not exceed max_amount_minor"
            raise ValueError(message)
        if any(not low <= preset <= high for preset in terms.preset_amounts_minor):
            message = "preset_amounts_minor must lie within the range of amounts"
            raise ValueError(message)
    if market.default_hold > market.longest_hold:
        message = "default_hold_seconds must not exceed longest_hold_seconds"
        raise ValueError(message)
