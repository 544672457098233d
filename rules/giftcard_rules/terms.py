"""The public terms of each market, as data: everything that may differ from one to the next.

A market's terms are dated (R38): a list of versions, each in force from a day on. A card keeps the
version of its purchase. What is not dated stands in the market itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from giftcard_rules.deadlines import local_day

if TYPE_CHECKING:
    from datetime import date, datetime

    from giftcard_rules.cards import Card
    from giftcard_rules.deadlines import WorkingDay

GIFT_CARD_CATEGORY = "gift_card"  # The reserved category of an order line (R18).
MESSAGE_MAX_CHARACTERS = 500  # R5


class UnknownTermsError(LookupError):
    """The settings lack or change terms that cards were sold under (R38).

    Another server sold them, with other settings.
    """


@dataclass(frozen=True, slots=True)
class Terms:
    """One version of a market's terms (R38). Amounts are minor units of the market's currency."""

    min_amount_minor: int  # R2, included
    max_amount_minor: int  # R2, included
    preset_amounts_minor: tuple[int, ...]  # R2: suggestions for a storefront
    designs: tuple[str, ...]  # R4: the first one is the default
    validity_months: int  # R12
    cancellation_days: int  # R25
    return_days: int  # R21
    ineligible_categories: frozenset[str]  # R1
    # R39: whether what R14 took comes back where the seller did not perform.
    restores_when_not_performed: bool = False
    in_force_from: date | None = None  # From this day's midnight on; None: it has always held.

    @property
    def design_choice(self) -> str:
        """Why a design that is not on offer is malformed (R4)."""
        return f"must be one of {', '.join(self.designs)}"


@dataclass(frozen=True, slots=True)
class Market:
    """A market: what holds for all its cards, and the versions of its terms.

    The `versions` are in the order of their days, and the first has always held. It is the one
    of cards that were sold before terms were dated.
    """

    name: str
    currency: str
    time_zone: ZoneInfo
    holiday_calendar: str  # R21, R25: a country, or country-subdivision, of `holidays`
    is_working_day: WorkingDay = field(compare=False)  # By that calendar.
    default_hold: timedelta
    longest_hold: timedelta
    versions: tuple[Terms, ...]
    reminder_days: int | None = None  # Before a card expires; None: no reminder.

    def terms_on(self, day: date) -> Terms:
        """Return the version that is in force on a day."""
        for terms in reversed(self.versions):
            if terms.in_force_from is None or terms.in_force_from <= day:
                return terms
        message = f"the first version of {self.name} has not always held"
        raise AssertionError(message)

    def terms_at(self, now: datetime) -> Terms:
        """Return the version that is in force: each begins at midnight in the market's zone."""
        if len(self.versions) == 1:
            return self.versions[0]
        return self.terms_on(local_day(now, self.time_zone))

    def terms_of(self, card: Card) -> Terms:
        """Return the version that a card lives under. Raises `UnknownTermsError`."""
        for terms in self.versions:
            if terms.in_force_from == card.terms_from:
                return terms
        message = f"market {self.name} has no terms from {card.terms_from} on"
        raise UnknownTermsError(message)


FRENCH_TERMS: Final = Terms(
    min_amount_minor=20_00,
    max_amount_minor=500_00,
    preset_amounts_minor=(25_00, 50_00, 100_00, 150_00, 200_00, 300_00),
    designs=("classic", "birthday", "christmas", "congratulations", "thank_you", "wedding"),
    validity_months=6,
    cancellation_days=14,
    return_days=30,
    ineligible_categories=frozenset({"insurance", "mobile_plan"}),
)


def france(is_working_day: WorkingDay) -> Market:
    """Return the French market; `is_working_day` knows the calendar FR."""
    return Market(
        name="fr",
        currency="EUR",
        time_zone=ZoneInfo("Europe/Paris"),
        holiday_calendar="FR",
        is_working_day=is_working_day,
        default_hold=timedelta(days=1),
        longest_hold=timedelta(days=7),
        versions=(FRENCH_TERMS,),
    )
