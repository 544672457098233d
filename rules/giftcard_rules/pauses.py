"""What an operator may stop for a while in a market: giving out value, and taking it.

Capture, Reverse and Cancel are never stopped: they finish what was begun, and customers have a
right to them.
"""

from __future__ import annotations

import enum


class Pausable(enum.Enum):
    """An act that a pause stops."""

    ISSUE = "issue"
    AUTHORIZE = "authorize"
