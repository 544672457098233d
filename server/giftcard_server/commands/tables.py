"""Tables of the operators' commands: no id is folded in its middle, and no line ends in blanks."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from rich.console import Console

from giftcard_rules.currencies import major_units

if TYPE_CHECKING:
    from rich.table import Table

# Wider than any table. A terminal wraps longer lines by itself, and what is copied stays whole.
WIDEST: Final = 10_000


def show(table: Table, *, style: str | None = None) -> None:
    """Print a table on standard output, as wide as its contents are."""
    console = Console(highlight=False)
    limits = console.options.update(max_width=WIDEST)
    console.width = max(console.width, console.measure(table, options=limits).maximum)
    with console.capture() as captured:
        console.print(table, style=style)
    for line in captured.get().splitlines():
        sys.stdout.write(f"{line.rstrip()}\n")
    sys.stdout.flush()


def number_of(minor: int, currency: str, *, grouping: str = "") -> str:
    """Write an amount without its currency: "1234.50"."""
    return f"{major_units(minor, currency):{grouping}f}"


def money(minor: int, currency: str) -> str:
    """Write an amount for a table, where sums are long: "1,234.50 EUR"."""
    return f"{number_of(minor, currency, grouping=',')} {currency}"
