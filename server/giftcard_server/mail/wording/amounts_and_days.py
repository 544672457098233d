"""Amounts and days as the addressee's language writes them."""

from __future__ import annotations

import datetime as dt
import re
from copy import copy
from functools import cache
from typing import Final

from babel import Locale
from babel.dates import format_date
from babel.numbers import NumberPattern, parse_pattern

from giftcard_rules.currencies import major_units

_FIRST: Final = re.compile(r"\b1\b")


def amount_text(minor: int, currency: str, locale: Locale) -> str:
    """Return an amount of minor units with its currency, such as "50,00 €"."""
    amount = major_units(minor, currency)
    digits = -int(amount.as_tuple().exponent)
    pattern = _pattern(locale, digits)
    return str(pattern.apply(amount, locale, currency=currency, currency_digits=False))


def day_text(day: dt.date, locale: Locale, first: str = "1") -> str:
    """Return a day with its month in letters, such as "28 février 2027".

    `first` is how the language writes the first day of a month, which Babel does not know.
    """
    text = format_date(day, "long", locale=locale)
    return _FIRST.sub(first, text, count=1) if day.day == 1 else text


@cache
def _pattern(locale: Locale, digits: int) -> NumberPattern:
    """Return how a locale writes money, with so many digits after the point.

    The digits are ours, since those of Babel are what is used in shops: none for some currencies
    that have some.
    """
    pattern = copy(parse_pattern(locale.currency_formats["standard"]))
    pattern.frac_prec = (digits, digits)
    return pattern
