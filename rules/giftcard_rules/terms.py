"""The public terms of each market, as data: everything that may differ between markets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from giftcard_rules.deadlines import WorkingDay

GIFT_CARD_CATEGORY = "gift_card"  # The reserved category of an order line (R18).
MESSAGE_MAX_CHARACTERS = 500  # R5


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of one market. Amounts are minor units of `currency`."""

    market: str
    currency: str
    time_zone: ZoneInfo
    min_amount_minor: int  # R2, included
    max_amount_minor: int  # R2, included
    preset_amounts_minor: tuple[int, ...]  # R2: suggestions for a storefront
    designs: tuple[str, ...]  # R4: the first one is the default
    validity_months: int  # R12
    cancellation_days: int  # R25
    return_days: int  # R21
    default_hold: timedelta
    longest_hold: timedelta
    holiday_calendar: str  # R21, R25: a country, or country-subdivision, of `holidays`
    ineligible_categories: frozenset[str]  # R1
    # R39: whether what R14 took comes back where the seller did not perform.
    restores_when_not_performed: bool = False


@dataclass(frozen=True, slots=True)
class Market:
    """A market's terms, and its calendar of working days."""

    terms: Terms
    is_working_day: WorkingDay


FRANCE = Terms(
    market="fr",
    currency="EUR",
    time_zone=ZoneInfo("Europe/Paris"),
    min_amount_minor=20_00,
    max_amount_minor=500_00,
    preset_amounts_minor=(25_00, 50_00, 100_00, 150_00, 200_00, 300_00),
    designs=("classic", "birthday", "christmas", "congratulations", "thank_you", "wedding"),
    validity_months=6,
    cancellation_days=14,
    return_days=30,
    default_hold=timedelta(days=1),
    longest_hold=timedelta(days=7),
    holiday_calendar="FR",
    ineligible_categories=frozenset({"insurance", "mobile_plan"}),
)
