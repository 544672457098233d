"""Makes the dashboards of this folder: `python deploy/grafana/make_dashboards.py`.

Each dashboard is a table of panels here; Grafana's own format is made of it, so that a change can
be read in a review. They are for Prometheus, with the data source chosen in the dashboard.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final, NamedTuple

FOLDER: Final = Path(__file__).parent
WIDTH: Final = 12  # Of the 24 columns that Grafana has.
HEIGHT: Final = 8
SOURCE: Final = {"type": "prometheus", "uid": "${source}"}


class Panel(NamedTuple):
    """A graph: its title, the unit of its axis, and its queries by their legends."""

    title: str
    unit: str
    queries: dict[str, str]


_RATE: Final = "[$__rate_interval]"
_HANDLED: Final = f'rate(grpc_server_handled_total{{grpc_service=~"giftcard.+"}}{_RATE})'

DASHBOARDS: Final[dict[str, tuple[Panel, ...]]] = {
    "service": (
        Panel(
            "Calls by method",
            "reqps",
            {"{{grpc_method}}": (f"sum by (grpc_method) ({_HANDLED})")},
        ),
        Panel(
            "Calls that were not answered with a decision",
            "percentunit",
            {
                "5 minutes": "giftcard:unanswered:ratio_rate5m",
                "1 hour": "giftcard:unanswered:ratio_rate1h",
            },
        ),
        Panel(
            "Calls by status",
            "reqps",
            {"{{grpc_code}}": f"sum by (grpc_code) ({_HANDLED})"},
        ),
        Panel(
            "Authorize: latency",
            "s",
            {
                f"p{percent}": (
                    f"histogram_quantile({percent / 100}, sum by (le) (rate("
                    f'grpc_server_handling_seconds_bucket{{grpc_method="Authorize"}}{_RATE})))'
                )
                for percent in (50, 99)
            },
        ),
        Panel(
            "Authorize: part over 250 ms",
            "percentunit",
            {"5 minutes": "giftcard:slow:ratio_rate5m"},
        ),
        Panel(
            "Declines by reason",
            "reqps",
            {
                "{{operation}} {{reason}}": (
                    "sum by (operation, reason) (rate("
                    f'giftcard_operations_total{{outcome="declined"}}{_RATE})) > 0 or vector(0)'
                )
            },
        ),
        Panel(
            "Commands in a batch, and batches decided again",
            "short",
            {
                "commands in a batch": (
                    f"sum(rate(giftcard_batch_commands_sum{_RATE}))"
                    f" / sum(rate(giftcard_batch_commands_count{_RATE}))"
                ),
                "again: {{why}}": f"sum by (why) (rate(giftcard_batches_again_total{_RATE}))",
            },
        ),
        Panel(
            "Wrong codes",
            "reqps",
            {
                "failed look-ups": f"sum(rate(giftcard_failed_lookups_total{_RATE}))",
                "throttled: {{limit}}": f"sum by (limit) (rate(giftcard_throttled_total{_RATE}))",
            },
        ),
        Panel(
            "Events: waiting for a position, and behind",
            "short",
            {
                "without a position": "max(giftcard_events_without_position)",
                "slowest consumer is behind by": "max(giftcard_event_watcher_lag)",
            },
        ),
        Panel("Memory", "bytes", {"{{instance}}": "process_resident_memory_bytes"}),
    ),
    "money": (
        Panel(
            "Outstanding liability",
            "short",
            {
                "{{market}} {{currency}}": (
                    "max by (market, currency) (giftcard_outstanding_liability_minor) / 100"
                )
            },
        ),
        Panel(
            "Money that moved in an hour, by kind",
            "short",
            {
                "{{kind}} {{currency}}": (
                    "sum by (kind, currency) (increase(giftcard_posted_minor_total[1h])) / 100"
                )
            },
        ),
        Panel(
            "Issued by each caller within the hour, and the ceiling",
            "short",
            {
                "{{market}} {{caller}}": (
                    "max by (market, caller) (giftcard_issued_last_hour_minor) / 100"
                ),
                "ceiling {{market}}": "max by (market) (giftcard_issue_ceiling_minor) / 100",
            },
        ),
        Panel(
            "Refunds that nobody has confirmed",
            "short",
            {
                "amount {{market}} {{currency}}": (
                    "max by (market, currency) (giftcard_refunds_unconfirmed_minor) / 100"
                ),
                "how many {{market}}": "max by (market) (giftcard_refunds_unconfirmed)",
            },
        ),
        Panel(
            "What is paused",
            "short",
            {"{{market}} {{act}}": "max by (market, act) (giftcard_paused)"},
        ),
    ),
    "deliveries": (
        Panel(
            "Messages by what became of them",
            "short",
            {
                "{{kind}} {{state}}": (
                    f"sum by (kind, state) (increase(giftcard_deliveries_total{_RATE}))"
                )
            },
        ),
        Panel(
            "Messages that wait",
            "short",
            {
                "{{kind}} {{state}}": "max by (kind, state) (giftcard_deliveries_waiting)",
            },
        ),
        Panel("The oldest that is due", "s", {"oldest": "max(giftcard_oldest_delivery_seconds)"}),
        Panel(
            "From due to sent",
            "s",
            {
                f"p{percent}": (
                    f"histogram_quantile({percent / 100}, sum by (le) (rate("
                    f"giftcard_delivery_seconds_bucket{_RATE})))"
                )
                for percent in (50, 99)
            },
        ),
        Panel(
            "Answers of the relay by class",
            "reqps",
            {"{{class}}": f"sum by (class) (rate(giftcard_smtp_answers_total{_RATE}))"},
        ),
    ),
}


def dashboard(name: str, panels: tuple[Panel, ...]) -> dict[str, Any]:
    """Return a dashboard as Grafana keeps it."""
    return {
        "uid": f"giftcard-{name}",
        "title": f"Gift cards: {name}",
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [{"name": "source", "type": "datasource", "query": "prometheus"}]},
        "panels": [_panel(place, panel) for place, panel in enumerate(panels)],
    }


def _panel(place: int, panel: Panel) -> dict[str, Any]:
    row, column = divmod(place, 24 // WIDTH)
    return {
        "id": place + 1,
        "type": "timeseries",
        "title": panel.title,
        "datasource": SOURCE,
        "gridPos": {"x": column * WIDTH, "y": row * HEIGHT, "w": WIDTH, "h": HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": [
            {
                "refId": chr(ord("A") + index),
                "datasource": SOURCE,
                "expr": expr,
                "legendFormat": legend,
            }
            for index, (legend, expr) in enumerate(panel.queries.items())
        ],
    }


def files() -> dict[Path, str]:
    """Return the text of each file."""
    return {
        FOLDER / f"{name}.json": json.dumps(dashboard(name, panels), indent=2) + "\n"
        for name, panels in DASHBOARDS.items()
    }


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")
