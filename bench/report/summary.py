"""The results as tables in a terminal, and as JSON for programs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

from rich import box
from rich.console import Console
from rich.table import Table

from plans import Plan
from report import targets
from results import Case, Results, p50, p99, p999, rate
from sections import calls

JSON_FILE: Final = Path(__file__).parents[1] / "results.json"


def ratio_rows(results: Results, plan: Plan) -> list[tuple[str, ...]]:
    """Return the rows of ratios: name, database, median, spread, target, verdict."""
    return [
        (
            target.what,
            target.over.database,
            f"{ratio.median:.2f}",
            ratio.spread,
            target.bound,
            target.verdict(ratio),
        )
        for target, ratio in targets.found(results, plan)
    ]


RATIO_COLUMNS: Final = ("ratio", "database", "median", "rounds", "target", "")


def case_rows(results: Results) -> list[tuple[str, ...]]:
    """Return the rows of all cases, with the columns of `CASE_COLUMNS`."""
    return [
        (
            case.name,
            case.database,
            str(case.in_flight or "as they come"),
            f"{results.median(case, rate):,.0f}",
            _of_empty(results, case),
            f"{results.median(case, p50) * 1000:.1f}",
            f"{results.median(case, p99) * 1000:.1f}",
            f"{results.median(case, p999) * 1000:.1f}",
            _busy(results, case),
        )
        for case in results.samples
    ]


CASE_COLUMNS: Final = (
    "row",
    "database",
    "in flight",
    "answers/s",
    "of empty",
    "p50 ms",
    "p99 ms",
    "p99.9 ms",
    "generator",
)
# The width where there is no terminal.
WIDE: Final = 120


def show(results: Results, plan: Plan) -> None:
    """Print the ratios, then every row, then values measured once, then the machine."""
    console = Console() if sys.stdout.isatty() else Console(width=WIDE)
    for title, columns, rows in (
        ("Ratios first, since machines differ", RATIO_COLUMNS, ratio_rows(results, plan)),
        ("Every row", CASE_COLUMNS, case_rows(results)),
        ("Once", ("what", "found"), list(results.once.items())),
        ("Where", ("what", "found"), list(results.facts.items())),
    ):
        if not rows:
            continue
        table = Table(
            *columns, title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD
        )
        for row in rows:
            table.add_row(*row)
        console.print(table)


def write_json(results: Results, plan: Plan, file: Path = JSON_FILE) -> None:
    """Write all results to a file, with every round."""
    everything: dict[str, Any] = {
        "facts": results.facts,
        "ratios": [
            {
                "what": target.what,
                "database": target.over.database,
                "median": ratio.median,
                "rounds": ratio.rounds,
                "target": target.bound,
                "verdict": target.verdict(ratio),
            }
            for target, ratio in targets.found(results, plan)
        ],
        "cases": [
            {
                **case._asdict(),
                "rounds": [
                    {"rate": s.rate, "p50": s.p50, "p99": s.p99, "p999": s.p999, "busy": s.busy}
                    for s in samples
                ],
            }
            for case, samples in results.samples.items()
        ],
        "once": results.once,
    }
    file.write_text(json.dumps(everything, indent=1) + "\n", encoding="utf-8")


def _of_empty(results: Results, case: Case) -> str:
    empty = Case(calls.SECTION, calls.EMPTY_RPC, case.database, case.in_flight)
    if case.section != calls.SECTION:
        return ""
    return f"{results.ratio(case, (empty,), targets.RATES).median:.2f}"


def _busy(results: Results, case: Case) -> str:
    """Return the share of a core that our load generator took, if it was used."""
    shares = [sample.busy for sample in results.samples[case] if sample.busy is not None]
    return f"{sum(shares) / len(shares):.0%}" if shares else ""
