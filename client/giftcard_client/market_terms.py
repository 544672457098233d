"""The public terms of a market, as a plain value."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from google.type.date_pb2 import Date

from giftcard.v1 import terms_service_pb2
from giftcard_client.values import Money
from giftcard_client.wire_answers import read_money


@dataclass(frozen=True, slots=True)
class MarketTerms:
    """The terms that a card lives under which is bought now (R38)."""

    market: str
    # The day from which they hold, market time; None where they always have.
    in_force_from: date | None
    currency_code: str
    # The range of a card's value, both included (R2).
    min_amount: Money
    max_amount: Money
    # Amounts to suggest beside the free choice (R2).
    preset_amounts: Sequence[Money]
    # To choose from; the first one serves buyers who choose none (R4).
    designs: Sequence[str]
    # How long a card is valid (R12), its purchase can be cancelled (R25), and a customer
    # may change their mind after delivery (R21).
    validity_months: int
    cancellation_days: int
    return_days: int
    # Categories of order lines that a card cannot pay (R1).
    ineligible_categories: Sequence[str]
    # How long an authorization holds where it does not say, and at most (R35).
    default_hold: timedelta
    longest_hold: timedelta


def read_terms(message: terms_service_pb2.GetTermsResponse) -> MarketTerms:
    """Read the answer to GetTerms."""
    return MarketTerms(
        market=message.market,
        in_force_from=_day(message.in_force_from) if message.HasField("in_force_from") else None,
        currency_code=message.currency_code,
        min_amount=read_money(message.min_amount),
        max_amount=read_money(message.max_amount),
        preset_amounts=tuple(map(read_money, message.preset_amounts)),
        designs=tuple(message.designs),
        validity_months=message.validity_months,
        cancellation_days=message.cancellation_days,
        return_days=message.return_days,
        ineligible_categories=tuple(message.ineligible_categories),
        default_hold=message.default_hold.ToTimedelta(),
        longest_hold=message.longest_hold.ToTimedelta(),
    )


def _day(message: Date) -> date:
    return date(message.year, message.month, message.day)
