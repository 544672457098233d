"""Amounts and days as the addressee's language writes them."""

from __future__ import annotations

import datetime as dt
from copy import copy
from functools import cache

from babel import Locale
from babel.dates import format_date
from babel.numbers import NumberPattern, parse_pattern

from giftcard_rules.currencies import major_units


def amount_text(minor: int, currency: str, locale: Locale) -> str:
    """Return an amount of minor units with its currency, such as "50,00 €"."""
    amount = major_units(minor, currency)
    digits = -int(amount.as_tuple().exponent)
    pattern = _pattern(locale, digits)
    return str(pattern.apply(amount, locale, currency=currency, currency_digits=False))


def day_text(day: dt.date, locale: Locale) -> str:
    """Return a day with its month in letters, such as "28 février 2027"."""
    return format_date(day, "long", locale=locale)


@cache
def _pattern(locale: Locale, digits: int) -> NumberPattern:
    """Return how a locale writes money, with so many digits after the point.

    The digits are ours, since those of Babel are what is used in shops: none for some currencies
    that have some.
    """
    pattern = copy(parse_pattern(locale.currency_formats["standard"]))
    pattern.frac_prec = (digits, digits)
    return pattern
