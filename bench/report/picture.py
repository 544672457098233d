"""The picture of docs/performance.md: throughput under load, relative to an empty RPC."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

from peers import pgbench
from plans import BUSY
from report.targets import RATES
from results import DATABASES, POSTGRESQL, Case, Results, p50, p99
from sections import against_pgbench, calls, one_by_one

WIDTH: Final = 860
LABEL_WIDTH: Final = 250
BAR_WIDTH: Final = 360
BAR, GAP, TOP = 16, 12, 64

# The picture has its own background, so that it can be read on light and dark pages.
STYLE: Final = """
    .paper { fill: #ffffff } text { fill: #1f2328; font: 13px sans-serif }
    .quiet { fill: #59636e } .embedded { fill: #0969da } .PostgreSQL { fill: #bf5a00 }
    @media (prefers-color-scheme: dark) {
        .paper { fill: #0d1117 } text { fill: #e6edf3 }
        .quiet { fill: #9198a1 } .embedded { fill: #4493f8 } .PostgreSQL { fill: #f0883e }
    }
"""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: the share of the empty RPC's throughput, with latencies as text."""

    name: str
    database: str
    share: float
    latencies: str


def draw(results: Results) -> str:
    """Return the picture as SVG."""
    groups: dict[str, list[Bar]] = {}
    for bar in _bars(results):
        groups.setdefault(bar.name, []).append(bar)
    longest = max(bar.share for bars in groups.values() for bar in bars)
    parts, y = [], TOP
    for name, bars in groups.items():
        middle = y + len(bars) * BAR / 2 + 4
        parts.append(_text(LABEL_WIDTH - 10, middle, name, 'text-anchor="end"'))
        for bar in bars:
            width = max(1.0, BAR_WIDTH * bar.share / longest)
            parts.append(
                f'<rect class="{bar.database}" x="{LABEL_WIDTH}" y="{y + 1}"'
                f' width="{width:.1f}" height="{BAR - 2}"/>'
            )
            beside = f"{bar.share:.2f}   {bar.latencies}"
            parts.append(_text(LABEL_WIDTH + width + 8, y + BAR - 4, beside, 'class="quiet"'))
            y += BAR
        y += GAP
    return "\n".join([*_head(y), *parts, "</svg>", ""])


def _head(height: int) -> Iterator[str]:
    title = f"Throughput relative to an empty RPC, {BUSY} in flight; p50 and p99 beside"
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"'
        f' width="{WIDTH}" height="{height}" role="img">'
    )
    yield f"<title>{title}</title><style>{STYLE}</style>"
    yield f'<rect class="paper" width="{WIDTH}" height="{height}"/>'
    yield _text(16, 24, title)
    for place, database in enumerate(DATABASES):
        x = LABEL_WIDTH + 120 * place
        yield f'<rect class="{database}" x="{x}" y="38" width="12" height="12"/>'
        yield _text(x + 18, 49, database, 'class="quiet"')


def _bars(results: Results) -> Iterator[Bar]:
    for name in calls.NAMES:
        for database in DATABASES:
            case = Case(calls.SECTION, name, database, BUSY)
            if case in results.samples:
                yield _bar(results, case, _of_empty(results, case))
    for name in (one_by_one.SINGLE, one_by_one.PLAIN):
        for database in DATABASES:
            ours = Case(one_by_one.SECTION, one_by_one.BATCHES, database, BUSY)
            yield from _rival(results, ours, ours._replace(name=name))
    ours = Case(against_pgbench.SECTION, one_by_one.BATCHES, POSTGRESQL, BUSY)
    for clients in pgbench.CLIENTS:
        rival = ours._replace(name=pgbench.NAME, in_flight=clients)
        yield from _rival(results, ours, rival, f"pgbench, {clients} clients")


def _rival(results: Results, ours: Case, rival: Case, name: str = "") -> Iterator[Bar]:
    """Yield the bar of a rival: its ratio to Authorize times Authorize's share of an empty RPC."""
    anchor = ours._replace(section=calls.SECTION)
    if rival in results.samples and anchor in results.samples:
        against_ours = results.ratio(rival, (ours,), RATES).median
        yield _bar(results, rival, _of_empty(results, anchor) * against_ours, name)


def _of_empty(results: Results, case: Case) -> float:
    return results.ratio(case, (case._replace(name=calls.EMPTY_RPC),), RATES).median


def _bar(results: Results, case: Case, share: float, name: str = "") -> Bar:
    middle, late = (results.median(case, metric) * 1000 for metric in (p50, p99))
    return Bar(name or case.name, case.database, share, f"{middle:.0f} ms, {late:.0f} ms")


def _text(x: float, y: float, text: str, attributes: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {attributes}>{escape(text)}</text>'


def write(results: Results, file: Path) -> bool:
    """Write the picture, and return whether it has any bars."""
    has_bars = any(True for _ in _bars(results))
    if has_bars:
        file.write_text(draw(results), encoding="utf-8")
    return has_bars
