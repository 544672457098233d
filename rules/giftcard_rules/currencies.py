"""How many digits the minor unit of a currency has (ISO 4217)."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

# Currencies whose minor unit does not have two digits, as the client has them.
MINOR_DIGITS: Final = {
    currency: digits
    for digits, currencies in {
        0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
        3: "BHD IQD JOD KWD LYD OMR TND",
        4: "CLF UYW",
    }.items()
    for currency in currencies.split()
}


def major_units(minor: int, currency: str) -> Decimal:
    """Return an amount of minor units in units of the currency, exact, with all its digits."""
    return Decimal(minor).scaleb(-MINOR_DIGITS.get(currency, 2))
