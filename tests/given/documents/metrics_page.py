"""docs/metrics.md: every metric of a server, from the registry of one that has them all.

    python -m given.documents.metrics_page docs/metrics.md

`make docs` writes it, and tests/documents/test_metrics_page.py compares.
"""

import re
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml
from prometheus_client.metrics_core import Metric

from giftcard_server.metrics import WorkersCollector
from giftcard_server.service import Service
from given.house import ROOT
from given.servers.mutual import Mutual
from given.servers.running import settings

ALERTS: Final = ROOT / "deploy/prometheus/alerts.rules.yml"
OBJECTIVES: Final = ROOT / "deploy/prometheus/objectives.rules.yml"
WORDS: Final[dict[str, Any]] = tomllib.loads(
    Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")
)
# Labels with values that are told in words, as there are many, or as the settings make them.
IN_WORDS: Final = {
    "market": "a market of the settings",
    "currency": "its currency",
    "caller": "a caller of the settings",
    "key": "the id of a key of the ring",
    "operation": "a command: the name of its RPC, and `Settle` for what time has done",
    "outcome": "`ok`, `declined`",
    "reason": "a reason of the contract without its prefix, empty if there is none",
    "grpc_service": "a service of the contract, health, reflection",
    "grpc_method": "an RPC",
    "grpc_code": "a status, see above",
    "status": "of HTTP: `401`, `403`",
    "version": "of Python",
    "implementation": "of Python",
    "major": "of Python",
    "minor": "of Python",
    "patchlevel": "of Python",
}
# Where a metric has no value before the first call.
LIKEWISE: Final = {"kind": "as of `giftcard_postings_total`"}
UNITS: Final = {"seconds": "s", "minor": "minor units", "bytes": "bytes"}


def page() -> str:
    """Return the whole page. Starts a server, and stops it again."""
    families = sorted(
        _families(), key=lambda each: (not each.name.startswith("giftcard"), each.name)
    )
    codes = sorted(_values(families, "grpc_code"))
    head = str(WORDS["head"]).format(codes=", ".join(f"`{code}`" for code in codes))
    alerts = _alerts()
    return head + "".join(f"{_row(each, alerts)}\n" for each in families)


def names_on(text: str) -> set[str]:
    """Return the names of metrics in a page, in rules or in queries."""
    return set(re.findall(r"\b(?:giftcard_[a-z_]*[a-z]|grpc_server_[a-z_]+)\b", text))


def series_of(family: Metric) -> str:
    """Return the name of a metric as queries write it; of a histogram it is its beginning."""
    return f"{family.name}_total" if family.type == "counter" else family.name


def _families() -> list[Metric]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        mutual = Mutual(folder / "tls")
        used = settings(
            folder,
            **mutual.settings,
            callers={"orders.shop.example": {"roles": ["checkout"]}},
            attempts_redis_url="redis://127.0.0.1:1/0",
            markets={"fr": {"issue_ceiling_minor": 1}},
        )
        service = Service(used)
        service.start()
        service.registry.register(WorkersCollector(1, lambda: 1, lambda: 0))
        try:
            families = list(service.registry.collect())
            for each in families:  # A counter without any value yet tells its labels nowhere else.
                known: Any = service.registry._names_to_collectors.get(each.name)
                given: Any = each
                given.label_names = getattr(each, "_labelnames", getattr(known, "_labelnames", ()))
            return families
        finally:
            service.drain()


def _values(families: list[Metric], label: str) -> set[str]:
    return {s.labels[label] for each in families for s in each.samples if label in s.labels}


def _row(family: Metric, alerts: dict[str, set[str]]) -> str:
    unit = next((text for end, text in UNITS.items() if family.name.endswith(f"_{end}")), "")
    if family.name.endswith("timestamp_seconds"):
        unit = "s since 1970"
    why = WORDS["why"].get(family.name, "")
    if not why and family.name.startswith(("giftcard_", "grpc_")):
        message = f"{family.name} needs a sentence in metrics_page.toml"
        raise LookupError(message)
    name = series_of(family)
    using = ", ".join(sorted(alerts.get(family.name, ())))
    cells = (
        f"`{name}`",
        family.type,
        unit,
        _labels(family),
        _told(family.documentation, why),
        using,
    )
    return f"| {' | '.join(cells)} |"


def _told(what: str, why: str) -> str:
    return f"{what.strip().removesuffix('.')}. {why}".strip().replace("|", "\\|")


def _labels(family: Metric) -> str:
    given: Any = getattr(family, "label_names", ())
    names = dict.fromkeys([*given, *(name for s in family.samples for name in s.labels)])
    names.pop("le", None)
    return "; ".join(_label(family, name) for name in names)


def _label(family: Metric, name: str) -> str:
    if name in IN_WORDS:
        return f"`{name}`: {IN_WORDS[name]}"
    values = [f"`{value}`" for value in sorted(_values([family], name))]
    return f"`{name}`: {', '.join(values) or LIKEWISE[name]}"


def _alerts() -> dict[str, set[str]]:
    """Return the alerts that look at each metric, also by way of recorded series."""
    recorded = {
        rule["record"]: names_on(rule["expr"]) for rule in _rules(OBJECTIVES) if "record" in rule
    }
    alerts: dict[str, set[str]] = {}
    for rule in (each for path in (ALERTS, OBJECTIVES) for each in _rules(path)):
        if "alert" not in rule:
            continue
        used = set(names_on(rule["expr"]))
        for record, names in recorded.items():
            used |= names if record in rule["expr"] else set()
        for name in used:
            base = re.sub(r"_(total|bucket|count|sum)$", "", name)
            alerts.setdefault(base, set()).add(rule["alert"])
    return alerts


def _rules(path: Path) -> Iterator[dict[str, Any]]:
    for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]:
        yield from group["rules"]


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
