"""The markets of this service: France, built in, and those that the settings add or override."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import holidays
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PositiveInt

from giftcard_rules.tender import is_gift_card
from giftcard_rules.terms import GIFT_CARD_CATEGORY, Market, Terms, france
from giftcard_server.mail_settings import MarketMailSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

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
LEAST_DAYS: Final = 14  # Code de la consommation, art. L221-18: no period is shorter (R38).


def _lawful(days: int) -> int:
    if days < LEAST_DAYS:
        message = f"must be at least {LEAST_DAYS} days, as the law says"
        raise ValueError(message)
    return days


def _day(value: object) -> date:
    """Read a day as TOML or JSON has it; pydantic alone would take instants and numbers, too."""
    if type(value) is date:
        return value
    try:
        return date.fromisoformat(value if isinstance(value, str) else "")
    except ValueError as error:
        message = "must be a day, such as 2027-01-01"
        raise ValueError(message) from error


Days = Annotated[int, Field(le=3650), AfterValidator(_lawful)]


class DatedSettings(BaseModel):
    """The settings that belong to a version of a market's terms (R38). Amounts: minor units."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    min_amount_minor: PositiveInt | None = None
    """The least amount of a card (R2)."""
    max_amount_minor: PositiveInt | None = None
    """The greatest amount of a card (R2)."""
    preset_amounts_minor: tuple[PositiveInt, ...] | None = None
    """The amounts that are suggested to buyers. May change at any time."""
    designs: Annotated[tuple[Name, ...], Field(min_length=1)] | None = None
    """The designs of cards; the first one serves buyers who choose none (R4). E-mails need a name
    for each."""
    validity_months: Annotated[int, Field(ge=1, le=1200)] | None = None
    """For how many months a card is valid (R12)."""
    cancellation_days: Days | None = None
    """Within so many days a purchase can be cancelled (R25). At least 14, as the law says."""
    return_days: Days | None = None
    """Within so many days of its delivery an order can be returned (R21). At least 14 likewise."""
    ineligible_categories: (
        Annotated[tuple[Name, ...], AfterValidator(_no_reserved_category)] | None
    ) = None
    """Categories of goods that no card buys (R1)."""
    restores_when_not_performed: bool | None = None
    """Whether what a card lost comes back where the seller did not perform (R39)."""


class VersionSettings(DatedSettings):
    """A `[[markets.xx.versions]]` table. Absent values are those of the version before.

    It holds from the midnight that begins `in_force_from` in the market's time zone. The first
    version may have none: it has always held then, in the place of the built-in terms.
    """

    in_force_from: Annotated[date, BeforeValidator(_day)] | None = None
    """From the midnight that begins this day, in the time zone of the market, for cards that are
    sold from then on. Absent in the first version: it has always held."""


class RetentionSettings(BaseModel):
    """A `[markets.xx.retention]` table: for how many days what is kept (R31).

    Contacts of holds that were released or lapsed, from then on; all other people, from the end
    of their card on; and the names of actors in clear, from their act on.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    closed_hold_contacts_days: Annotated[int, Field(ge=1, le=36500)] = 30
    """For how long contacts of holds are kept that were released or lapsed."""
    people_days: Annotated[int, Field(ge=1, le=36500)] = 1096
    """For how long all other people are kept, from the end of their card on."""
    actor_names_days: Annotated[int, Field(ge=1, le=36500)] = 365
    """For how long the names of actors are kept in clear, from their act on."""


class MarketSettings(DatedSettings, MarketMailSettings):
    """A `[markets.xx]` table. Absent values are those of the built-in market of that name.

    In a new market they are those of France, except for the settings in `REQUIRED`, which must
    be present. Dated settings stand either in the table, for terms that have always held, or in
    `versions`.
    """

    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = None
    """ISO 4217, such as `EUR`. It never changes once there are cards."""
    time_zone: Annotated[str, AfterValidator(_known_zone)] | None = None
    """Of the IANA database, such as `Europe/Paris`: days begin and cards end by it."""
    default_hold_seconds: PositiveInt | None = None
    """For how long money is set aside where the caller does not say (R34)."""
    longest_hold_seconds: PositiveInt | None = None
    """For how long it may be set aside at most (R35)."""
    holiday_calendar: Annotated[str, AfterValidator(_known_calendar)] | None = None
    """A country of `holidays`, or one with a subdivision: `DE-BY`. A change moves the ends of
    periods of cards that were sold."""
    issue_ceiling_minor: PositiveInt | None = None
    """The value that one caller may issue within an hour; absent: any. Set it to some times a busy
    hour: a stolen certificate of a storefront mints no more."""
    reminder_days: Annotated[int, Field(ge=1, le=365)] | None = None
    """So long before a card ends its owner gets a reminder; absent: there is none. For cards that
    are sold from then on."""
    versions: tuple[VersionSettings, ...] = ()
    """The tables `[[markets.xx.versions]]`, see [Changing terms](operator.md#changing-terms)."""
    retention: RetentionSettings = RetentionSettings()
    """The table `[markets.xx.retention]`, see below."""


DATED: Final = frozenset(DatedSettings.model_fields)
# The settings that are no terms: they say how cards reach people.
OF_MAIL: Final = frozenset(MarketMailSettings.model_fields)
# The settings that a new market must have; the dated ones may stand in its first version.
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
    """Return a market. Raises ValueError with all mistakes where its settings do not fit."""
    mistakes = [*_mistakes(name, settings)]
    if mistakes:
        raise ValueError("; ".join(mistakes))
    given = settings.model_dump(exclude_none=True, exclude={"versions", "retention", *OF_MAIL})
    market = BUILT_IN.get(name, FRANCE)
    market = replace(market, name=name, **_converted(given.keys() - DATED, given))
    if "holiday_calendar" in given:
        market = replace(market, is_working_day=working_days(market.holiday_calendar))
    market = replace(market, versions=_versions(name, settings))
    mistakes = [*_unfitting(market)]
    if mistakes:
        raise ValueError("; ".join(mistakes))
    return market


def _versions(name: str, settings: MarketSettings) -> tuple[Terms, ...]:
    """Return the versions of a market's terms, each made of what differs from the one before."""
    terms = BUILT_IN.get(name, FRANCE).versions[0]
    if name not in BUILT_IN:
        terms = replace(terms, preset_amounts_minor=())
    versions = [] if _first_day(settings) is None else [terms]
    for each in settings.versions or (settings,):
        given = each.model_dump(exclude_none=True, exclude={"retention"})
        day = given.get("in_force_from")
        terms = replace(terms, in_force_from=day, **_converted(given.keys() & DATED, given))
        versions.append(terms)
    return tuple(versions)


def _first_day(settings: MarketSettings) -> date | None:
    """Return from when on the first version of the settings holds, None if always."""
    return settings.versions[0].in_force_from if settings.versions else None


def _converted(names: Iterable[str], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the terms that the settings of these names become."""
    terms = {}
    for name in names:
        term, convert = _CONVERTED.get(name, (name, None))
        terms[term] = convert(given[name]) if convert else given[name]
    return terms


def _mistakes(name: str, settings: MarketSettings) -> Iterator[str]:
    """Yield which settings are missing or misplaced."""
    first: DatedSettings = settings.versions[0] if settings.versions else settings
    given = settings.model_fields_set | first.model_fields_set
    missing = [each for each in REQUIRED if each not in given and name not in BUILT_IN]
    if missing:
        yield f"a new market must set {', '.join(missing)}"
    if name not in BUILT_IN and _first_day(settings) is not None:
        yield "the first version of a new market has always held, so it has no in_force_from"
    misplaced = sorted(settings.model_fields_set & DATED) if settings.versions else []
    if misplaced:
        yield (
            f"{', '.join(misplaced)} must stand in versions where there are some: what has always"
            " held is the first one, without in_force_from"
        )
    days = [each.in_force_from for each in settings.versions]
    for before, day in pairwise(days):
        if day is None:
            yield "each version after the first needs an in_force_from"
        elif before is not None and day == before:
            yield f"two versions are in force from {day} on"
        elif before is not None and day < before:
            yield f"versions must be in the order of their days: {day} follows {before}"


def _unfitting(market: Market) -> Iterator[str]:
    """Yield which terms contradict each other."""
    for terms in market.versions:
        of_version = f" (from {terms.in_force_from} on)" if terms.in_force_from else ""
        low, high = terms.min_amount_minor, terms.max_amount_minor
        if low > high:
            yield f"min_amount_minor must not exceed max_amount_minor{of_version}"
        if any(not low <= preset <= high for preset in terms.preset_amounts_minor):
            yield f"preset_amounts_minor must lie within the range of amounts{of_version}"
    if market.default_hold > market.longest_hold:
        yield "default_hold_seconds must not exceed longest_hold_seconds"


assert {field.name for field in fields(Terms)} == DATED | {"in_force_from"}
# What is no setting of a market's own.
_OTHERWISE_MADE: Final = {"name", "is_working_day", "versions", "paused"}
assert {field.name for field in fields(Market)} - _OTHERWISE_MADE == {
    _CONVERTED.get(name, (name,))[0]
    for name in MarketSettings.model_fields.keys() - DATED - OF_MAIL - {"versions", "retention"}
}
