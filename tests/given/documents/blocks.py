"""The blocks of code on a page, and who runs each.

A block is run by tests/documents/test_blocks.py, unless the line above it names another test:
`<!-- run by tests/... -->`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from given.house import ROOT

BLOCK = re.compile(
    r"(?:^<!-- run by (?P<test>\S+) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """A block: where it begins, its language, its text, and the other test that runs it."""

    page: str
    line: int
    language: str
    text: str
    run_by: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks_of(page: Path) -> Iterator[Block]:
    """Yield the blocks of a page."""
    text = page.read_text(encoding="utf-8")
    for found in BLOCK.finditer(text):
        line = text.count("\n", 0, found.start("language")) + 1
        where = page.relative_to(ROOT).as_posix()
        yield Block(where, line, found["language"], found["text"], found["test"] or "")
