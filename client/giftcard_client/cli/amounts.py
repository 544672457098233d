"""Amounts of money as people write and read them: "12.34 EUR", never converted to a float."""

import re
from decimal import Decimal

from giftcard_client import Money

# Currencies whose minor unit does not have two digits (ISO 4217).
CURRENCIES_BY_DIGITS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
MINOR_DIGITS = {
    currency: digits
    for digits, currencies in CURRENCIES_BY_DIGITS.items()
    for currency in currencies.split()
}
DEFAULT_CURRENCY = "EUR"

# Fourteen digits before the point: with four more after it, the amount still fits
# into an int64 of minor units.
AMOUNT = re.compile(r"(?P<number>[0-9]{1,14}(\.(?P<fraction>[0-9]+))?) ?(?P<currency>[A-Za-z]{3})?")


def parse_amount(text: str) -> Money:
    """Read "12.34 EUR", "12.34eur", or "12.34" (which is EUR).

    A comma is refused: 1,234 has a different meaning in different countries.

    Raises:
        ValueError: with a sentence that says what is wrong.

    """
    match = AMOUNT.fullmatch(text.strip())
    if match is None:
        message = f"{text!r} is not an amount; write it like 12.34 or '12.34 EUR'"
        raise ValueError(message)
    currency = (match["currency"] or DEFAULT_CURRENCY).upper()
    digits = minor_digits(currency)
    if len(match["fraction"] or "") > digits:
        message = f"{text!r} is not an amount: {currency} has {digits} digits after the point"
        raise ValueError(message)
    return Money(int(Decimal(match["number"]).scaleb(digits)), currency)


def format_amount(amount: Money) -> str:
    """Write an amount in the form that `parse_amount` reads: "12.34 EUR"."""
    digits = minor_digits(amount.currency_code)
    number = Decimal(amount.amount_minor).scaleb(-digits)
    return f"{number:.{digits}f} {amount.currency_code}".rstrip()


def minor_digits(currency_code: str) -> int:
    """Return how many digits after the point the currency has."""
    return MINOR_DIGITS.get(currency_code, 2)
