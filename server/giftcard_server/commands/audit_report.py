"""The report of `giftcard audit`: totals by market, and every difference that was found."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.table import Table

from giftcard_server.commands.answers import Output, print_json
from giftcard_server.commands.tables import money, show

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from giftcard_storage.audit import Difference, Totals

FIGURES: Final[dict[str, Callable[[Totals], int]]] = {
    "issued": lambda totals: totals.issued_minor,
    "+ reissued": lambda totals: totals.reissued_minor,
    "+ restored": lambda totals: totals.restored_minor,
    "+ reinstated": lambda totals: totals.reinstated_minor,
    "+ carried over meanwhile": lambda totals: totals.carried_minor,
    "- captured": lambda totals: totals.captured_minor,
    "- forfeited": lambda totals: totals.forfeited_minor,
    "- expired": lambda totals: totals.expired_minor,
    "- cancelled": lambda totals: totals.cancelled_minor,
    "- charged back": lambda totals: totals.charged_back_minor,
    "= owed": lambda totals: totals.owed_minor,
    "outstanding on cards": lambda totals: totals.outstanding_minor,
    "cancelled and paid back": lambda totals: totals.refunds_paid_minor,
}


def print_report(
    output: Output, totals: Sequence[Totals], differences: Sequence[Difference]
) -> None:
    """Print the result of an audit on standard output."""
    if output is Output.JSON:
        report = {
            "clean": not differences,
            "totals": [dataclasses.asdict(each) for each in totals],
            "differences": [dataclasses.asdict(each) for each in differences],
        }
        print_json(report)
        return
    console = Console(highlight=False)
    if totals:
        show(_totals_table(totals))
    if differences:
        show(_differences_table(differences), style="red")
        console.print("Differences: do not trust these figures.", style="bold red")
    else:
        console.print("Every invariant holds.")


def _totals_table(totals: Sequence[Totals]) -> Table:
    """Return a column for each market, whose amounts add up from top to bottom."""
    table = Table(title="Money moves", title_justify="left")
    table.add_column("")
    for each in totals:
        table.add_column(f"{each.market} {each.currency}", justify="right")
    for label, amounts in FIGURES.items():
        table.add_row(label, *(money(amounts(each), each.currency) for each in totals))
    return table


def _differences_table(differences: Sequence[Difference]) -> Table:
    table = Table(title="Differences", title_justify="left")
    for field in dataclasses.fields(differences[0]):
        table.add_column(field.name.replace("_", " "), no_wrap=True)
    for difference in differences:
        table.add_row(*map(str, dataclasses.astuple(difference)))
    return table
