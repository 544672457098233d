"""Amounts as people write them: every digit counts, and ambiguous texts are refused."""

import pytest

from giftcard_client import Money
from giftcard_client.cli.amounts import format_amount, parse_amount

READ = [
    ("50", Money(50_00)),
    ("50.5", Money(50_50)),
    ("12.34", Money(12_34)),
    ("0.01", Money(1)),
    ("0", Money(0)),
    ("007.10", Money(7_10)),
    ("12.34 EUR", Money(12_34)),
    ("12.34eur", Money(12_34)),
    ("  12.34 EUR  ", Money(12_34)),
    ("12.34 CHF", Money(12_34, "CHF")),
    ("500 JPY", Money(500, "JPY")),
    ("1.234 KWD", Money(1234, "KWD")),
    ("99999999999999.9999 CLF", Money(99_999_999_999_999_9999, "CLF")),
    # No float can hold this one.
    ("90071992547409.93", Money(9_007_199_254_740_993)),
]

NOT_READ = [
    ("", "is not an amount"),
    ("EUR", "is not an amount"),
    ("12,34", "write it like 12.34"),
    ("1,234.56", "is not an amount"),
    ("-5", "is not an amount"),
    ("+5", "is not an amount"),
    ("1e3", "is not an amount"),
    ("12.", "is not an amount"),
    (".50", "is not an amount"),
    ("1 000", "is not an amount"),
    ("EUR 12.34", "is not an amount"),
    ("12.34 €", "is not an amount"),
    ("١٢", "is not an amount"),
    ("nan", "is not an amount"),
    ("123456789012345", "is not an amount"),
    ("12.345", "EUR has 2 digits after the point"),
    ("500.5 JPY", "JPY has 0 digits after the point"),
]

WRITTEN = [
    (Money(12_34), "12.34 EUR"),
    (Money(5), "0.05 EUR"),
    (Money(0), "0.00 EUR"),
    (Money(-12_34), "-12.34 EUR"),
    (Money(500, "JPY"), "500 JPY"),
    (Money(1234, "KWD"), "1.234 KWD"),
    (Money(9_007_199_254_740_993), "90071992547409.93 EUR"),
    (Money(0, ""), "0.00"),
]


@pytest.mark.parametrize(("text", "amount"), READ)
def test_an_amount_is_read_exactly(text: str, amount: Money) -> None:
    assert parse_amount(text) == amount


@pytest.mark.parametrize(("text", "message"), NOT_READ)
def test_an_ambiguous_amount_is_refused_with_a_sentence(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_amount(text)


@pytest.mark.parametrize(("amount", "text"), WRITTEN)
def test_an_amount_is_written_exactly(amount: Money, text: str) -> None:
    assert format_amount(amount) == text
