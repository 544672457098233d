"""Links and paths in the documents lead somewhere."""

import re
from pathlib import Path
from typing import Final

import pytest

from given.house import ROOT

DOCUMENTS: Final = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/**/*.md"))]
LINK: Final = re.compile(r"\]\(([^)\s]+)\)")
HEADING: Final = re.compile(r"^#+ (.+)$", re.MULTILINE)
BLOCK: Final = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
FOLDERS: Final = "protos|rules|storage|server|client|tests|bench|docs"
PATH: Final = re.compile(rf"`((?:{FOLDERS})/[\w./]+)(?:::\w+)?`")


def prose(document: Path) -> str:
    """A document without its blocks of code."""
    return BLOCK.sub("", document.read_text(encoding="utf-8"))


def anchors(document: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub and GitLab make them."""
    headings = HEADING.findall(prose(document))
    return {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}


def leads_somewhere(link: str, document: Path) -> bool:
    """Whether a link from a document to a file of ours, and its anchor, are there."""
    path, _, anchor = link.partition("#")
    target = (document.parent / path).resolve() if path else document
    return target.exists() and (not anchor or anchor in anchors(target))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_to_what_is_there(document: Path) -> None:
    links = [link for link in LINK.findall(prose(document)) if "://" not in link]
    assert [link for link in links if not leads_somewhere(link, document)] == []


# Records of decisions name files as they were, and the index what became of them.
@pytest.mark.parametrize(
    "document",
    [path for path in DOCUMENTS if path.parent.name != "adr"],
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_paths_that_are_named_are_there(document: Path) -> None:
    paths = PATH.findall(prose(document))
    assert [path for path in paths if not (ROOT / path).exists()] == []
