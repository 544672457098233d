"""Text that people typed, made safe to stand among ours: names, and the message of the buyer (R5).

Escaping for HTML is the templates' business. Here is what escaping does not do: controls, line
ends, and the direction of writing.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

FIRST_STRONG_ISOLATE: Final = "\u2068"
POP_ISOLATE: Final = "\u2069"
_ISOLATES: Final = frozenset("\u2066\u2067\u2068")  # Each begins a run that POP_ISOLATE ends.
REPLACEMENT_CHARACTER: Final = "\ufffd"
_JOINERS: Final = frozenset("\u200c\u200d")  # Persian names and families of emoji need them.

# Everything that some program takes for the end of a line.
_LINE_END: Final = re.compile("\r\n|[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]")
LONGEST_SHORT_NAME: Final = 40


def lines_of(text: str) -> list[str]:
    """Return the lines of a text, without controls and without blank lines at its ends."""
    lines = [_printable(line).rstrip() for line in _LINE_END.split(text)]
    while lines and not lines[0]:
        lines.pop(0)
    while lines and not lines[-1]:
        lines.pop()
    return lines


def one_line(text: str) -> str:
    """Return a name as one line without controls, whatever was typed."""
    return " ".join(" ".join(lines_of(text)).split())


def isolated(line: str) -> str:
    """Return a line that cannot change the direction of the text around it.

    It is wrapped into a Unicode isolate, whose direction is that of its first strong letter. An
    end that the line itself contains is dropped unless it belongs to a beginning in the line, so
    that it cannot leave ours; ends that it lacks are added.
    """
    depth = 0
    kept = []
    for character in line:
        if character in _ISOLATES:
            depth += 1
        elif character == POP_ISOLATE:
            if not depth:
                continue
            depth -= 1
        kept.append(character)
    return FIRST_STRONG_ISOLATE + "".join(kept) + POP_ISOLATE * (depth + 1)


def for_header(text: str) -> str:
    """Return a text for a subject: one line without controls, of direction neither."""
    kept = (c for c in one_line(text) if c in _JOINERS or unicodedata.category(c) != "Cf")
    return "".join(kept)


def short_name(name: str) -> str:
    """Return a name for a subject, cut where it is so long that it would fill the line."""
    name = for_header(name)
    if len(name) <= LONGEST_SHORT_NAME:
        return name
    return name[: LONGEST_SHORT_NAME - 1].rstrip() + "…"


def _printable(line: str) -> str:
    """Return a line with a visible sign in the place of controls and of what is no character."""
    line = line.replace("\t", " ")
    return "".join(
        REPLACEMENT_CHARACTER if unicodedata.category(c) in {"Cc", "Cs"} else c for c in line
    )
