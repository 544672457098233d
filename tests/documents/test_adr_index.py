"""docs/adr/README.md: the index knows every record, and every number without one."""

import re
from typing import Final

import pytest

from given.house import ROOT

RECORDS: Final = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
INDEX: Final = (ROOT / "docs" / "adr" / "README.md").read_text(encoding="utf-8")
ROW: Final = re.compile(r"^\| \[(\d+)\]\((\S+)\) \| (.+) \| (.+) \|$", re.MULTILINE)
NEVER_USED: Final = re.compile(r"^Numbers that were never used: (.+)\.$", re.MULTILINE)
RANGE: Final = re.compile(r"(\d+)(?: to (\d+))?")
REPLACED_BY: Final = re.compile(r"(?:replaced by record|place was taken by ADR) (\d+)")


def rows() -> list[tuple[int, str, str]]:
    """The number, the file and the state of each record in the index, as they stand."""
    return [(int(number), file, state) for number, file, _, state in ROW.findall(INDEX)]


def never_used() -> list[int]:
    """The numbers that the index names as never used."""
    [text] = NEVER_USED.findall(INDEX)
    ends = [(int(first), int(last or first)) for first, last in RANGE.findall(text)]
    return [number for first, last in ends for number in range(first, last + 1)]


def status(record: str) -> str:
    """The paragraph of a record that says whether it is in force."""
    text = (ROOT / "docs" / "adr" / record).read_text(encoding="utf-8")
    return " ".join(text.partition("\nStatus: ")[2].partition("\n\n")[0].split())


def test_every_record_is_listed_once_in_order() -> None:
    assert [file for _, file, _ in rows()] == [path.name for path in RECORDS]


def test_a_row_has_the_number_of_its_record() -> None:
    assert [(n, file) for n, file, _ in rows() if int(file.partition("-")[0]) != n] == []


def test_every_number_is_a_record_or_was_never_used() -> None:
    used = [number for number, _, _ in rows()]
    assert sorted([*used, *never_used()]) == list(range(1, max(used) + 1))


@pytest.mark.parametrize(("number", "file", "state"), rows())
def test_a_record_is_in_force_as_its_status_says(number: int, file: str, state: str) -> None:
    assert status(file)
    replaced_by = REPLACED_BY.findall(status(file))
    assert re.findall(r"\[(\d+)\]", state) == replaced_by
    assert (state == "yes") == (not replaced_by)
