"""docs/security.md: every threat names a test that exists."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parent.parent
FEWEST_THREATS: Final = 12
TEST: Final = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def threats() -> dict[str, list[tuple[str, str]]]:
    """Return the tests that each row of the table of threats names, by the threat."""
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    table = text.partition("\n## Threats\n")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("|")]
    _head, _rule, *threats = rows
    return {row[0]: TEST.findall(row[-1]) for row in threats}


@cache
def found_in(path: Path) -> set[str]:
    """Return the names of the tests in a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_there_are_threats() -> None:
    assert len(threats()) >= FEWEST_THREATS


@pytest.mark.parametrize("threat", threats())
def test_a_threat_names_tests_and_all_of_them_exist(threat: str) -> None:
    named = threats()[threat]
    assert named
    assert [name for path, name in named if name not in found_in(ROOT / path)] == []
