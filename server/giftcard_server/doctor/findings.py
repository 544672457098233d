"""What a check of the doctor says: a verdict, a sentence, and what to do."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Verdict(enum.StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"  # A server starts and serves, and its operator should know.
    WRONG = "wrong"  # A server does not start, or a part of it does not work.


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. Neither text holds a secret, a code or an address of a person."""

    check: str
    verdict: Verdict
    found: str
    to_do: str = ""


def ok(check: str, found: str) -> Finding:
    """Return that all is well."""
    return Finding(check, Verdict.OK, found)


def warn(check: str, found: str, to_do: str) -> Finding:
    """Return what an operator should know."""
    return Finding(check, Verdict.WARN, found, to_do)


def wrong(check: str, found: str, to_do: str) -> Finding:
    """Return what has to be mended."""
    return Finding(check, Verdict.WRONG, found, to_do)


def is_wrong(findings: Iterable[Finding]) -> bool:
    """Return whether anything has to be mended."""
    return any(each.verdict is Verdict.WRONG for each in findings)
