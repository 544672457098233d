"""docs/metrics.md is what a server shows; rules, dashboards and the code name nothing else."""

import re
from pathlib import Path
from typing import Final

import pytest

from given.documents.metrics_page import names_on, page
from given.house import ROOT

PAGE: Final = ROOT / "docs" / "metrics.md"
# What Prometheus makes of a histogram.
PARTS: Final = re.compile(r"_(bucket|count|sum)$")


@pytest.mark.one_database
def test_the_page_is_what_make_docs_writes(capsys: pytest.CaptureFixture[str]) -> None:
    shown = page()
    capsys.readouterr()
    assert shown == PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "path",
    sorted([*(ROOT / "deploy").rglob("*.rules.yml"), *(ROOT / "deploy/grafana").glob("*.json")]),
    ids=lambda path: path.name,
)
def test_rules_and_dashboards_name_only_what_is_on_the_page(path: Path) -> None:
    known = names_on(PAGE.read_text(encoding="utf-8"))
    used = names_on(path.read_text(encoding="utf-8"))
    assert used
    assert {name for name in used if PARTS.sub("", name) not in known} == set()


def test_every_metric_that_the_code_names_is_on_the_page() -> None:
    known = {name.removesuffix("_total") for name in names_on(PAGE.read_text(encoding="utf-8"))}
    sources = (ROOT / "server/giftcard_server").rglob("*.py")
    named = {
        name
        for path in sources
        for name in re.findall(r'"(giftcard_[a-z_]+)"', path.read_text(encoding="utf-8"))
    }
    assert len(named) > 40
    assert named - known - {"giftcard_server"} == set()
