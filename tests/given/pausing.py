"""What an operator may stop or bound, as changes of a situation."""

from giftcard_rules.pauses import Pausable
from given.situations import Change, Situation

__all__ = ["Pausable", "a_ceiling_of_nothing", "paused"]


def paused(act: Pausable) -> Change:
    """Return the change that stops an act in every market."""
    return lambda it: it.change_markets(paused=frozenset({act}))


def a_ceiling_of_nothing(it: Situation) -> None:
    """Have every card exceed the ceiling of its caller."""
    it.change_markets(issue_ceiling_minor=0)
