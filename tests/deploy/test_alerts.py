"""Every alert fires when it should and is silent otherwise, by promtool on the shipped rules."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from given.alert_cases import CASES, Case, Series
from given.servers.http_get import get
from given.servers.running import Clock, running, settings

ROOT: Final = Path(__file__).parents[2]
RULES: Final = sorted((ROOT / "deploy/prometheus").glob("*.rules.yml"))
TEXT: Final = "\n".join(path.read_text(encoding="utf-8") for path in RULES)
ALERTS: Final = re.findall(r"- alert: (\w+)", TEXT)
RUNBOOK: Final = (ROOT / "docs/runbook.md").read_text(encoding="utf-8")
# Metrics that servers have only with workers, certificates or Redis.
SOMETIMES: Final = {
    "giftcard_workers",
    "giftcard_workers_replaced_total",
    "giftcard_certificate_expires_timestamp_seconds",
    "giftcard_attempts_redis_up",
    "giftcard_clock_wrong",  # A test's clock is not judged.
}


def promtool() -> str:
    """Return the tool, or skip: `.ci/run` installs it from Debian's package prometheus."""
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("needs promtool, from Debian's package prometheus")
    return found


def case_of(alert: str, case: Case, series: Series, *, fires: bool) -> dict[str, Any]:
    """Return a test of promtool: whether an alert fires at the end of the series."""
    query = f'count(ALERTS{{alertname="{alert}",alertstate="firing"}})'
    at = f"{case.minutes}m"
    expected = [{"labels": "{}", "value": 1}] if fires else []
    return {
        "name": f"{alert} {'fires' if fires else 'is silent'}",
        "interval": "1m",
        "input_series": [{"series": name, "values": series[name]} for name in series],
        "promql_expr_test": [{"expr": query, "eval_time": at, "exp_samples": expected}],
    }


def both_ways(alert: str, case: Case) -> list[dict[str, Any]]:
    """Return the two tests of an alert."""
    return [
        case_of(alert, case, case.firing, fires=True),
        case_of(alert, case, case.silent, fires=False),
    ]


@pytest.mark.slow
def test_every_alert_fires_and_is_silent(tmp_path: Path) -> None:
    tests = [test for alert, case in CASES.items() for test in both_ways(alert, case)]
    file = tmp_path / "alerts.test.yml"  # JSON is YAML as well.
    files = [str(path) for path in RULES]
    content = {"rule_files": files, "evaluation_interval": "1m", "tests": tests}
    file.write_text(json.dumps(content), encoding="utf-8")
    command = [promtool(), "test", "rules", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_case() -> None:
    assert sorted(ALERTS) == sorted(CASES)


def anchor_of(heading: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    return re.sub(r"[^\w-]", "", heading.lower().replace(" ", "-"))


def test_every_section_that_anything_names_exists() -> None:
    sections = {anchor_of(each) for each in re.findall(r"^#+ (.+)$", RUNBOOK, re.MULTILINE)}
    places = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.*")]
    texts = [each for each in places if each.is_file() and each.suffix != ".pyc"]
    text = "\n".join(each.read_text(encoding="utf-8") for each in texts)
    named = set(re.findall(r"runbook\.md#([\w-]+)", text))
    assert len(named) > len(ALERTS) / 2
    assert named - sections == set()


def test_every_alert_leads_to_a_section() -> None:
    sections = {anchor_of(each) for each in re.findall(r"^## (.+)$", RUNBOOK, re.MULTILINE)}
    linked = set(re.findall(r"runbook\.md#([\w-]+)", TEXT))
    assert TEXT.count("runbook_url:") == TEXT.count("summary:") == len(ALERTS)
    assert linked <= sections


def test_every_metric_that_a_rule_names_exists_on_a_server(tmp_path: Path) -> None:
    with running(settings(tmp_path), Clock()) as service:
        assert service._http is not None
        shown = get(f"http://127.0.0.1:{service._http.port}/metrics")[1]
    families = with_parts(re.findall(r"^# TYPE (\S+)", shown, re.MULTILINE))
    assert named_in(TEXT) - families == SOMETIMES


def test_every_metric_that_a_rule_or_dashboard_names_is_on_the_page_of_metrics() -> None:
    # Another test makes that page of a server with workers, certificates and all else.
    page = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
    families = with_parts(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    dashboards = [each.read_text("utf-8") for each in (ROOT / "deploy/grafana").rglob("*.json")]
    assert len(dashboards) >= 3
    assert named_in(TEXT) - families == set()
    assert named_in("\n".join(dashboards)) - families == set()


def named_in(text: str) -> set[str]:
    """Return the metrics that expressions name, without their labels."""
    named = set(re.findall(r"\b((?:giftcard|grpc)_[a-z_]+)\b", text))
    return named - {"grpc_service", "grpc_type", "grpc_method", "grpc_code"}


def with_parts(families: list[str]) -> set[str]:
    """Return families with the series of histograms."""
    parts = {f"{family}_{end}" for family in families for end in ("bucket", "count", "sum")}
    return parts | set(families)
