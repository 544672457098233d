"""The codes that make something go wrong on purpose, in one table; docs/sandbox.md shows it.

Each is a well-formed code, so that every check of a client accepts it.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final

from giftcard_rules.codes import CODE_CHARACTERS, Code, check_character
from giftcard_rules.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping


class Fault(enum.Enum):
    """What a code does that pays: the behaviour of a service that works, and one that fails."""

    NONE = "pays as any card does"
    UNAVAILABLE_TWICE = "the first two tries are UNAVAILABLE, and later ones are answered"
    LATE = "what is asked for is done at once, and answered after 5 seconds"
    ANSWER_LOST = "the first try is carried out and answered UNAVAILABLE; a retry gets the answer"
    HELD_FOR_NOW = "CARD_HELD, until the clock was moved past the hold of another order"


# The numbers are part of the contract: a reason or a fault keeps the code that it has.
REASONS: Final[Mapping[int, Reason]] = {
    101: Reason.TOO_MANY_ATTEMPTS,
    102: Reason.REQUEST_ID_REUSED,
    103: Reason.ANSWER_RETIRED,
    104: Reason.REQUEST_PREVENTED,
    105: Reason.CARD_NOT_FOUND,
    106: Reason.WRONG_MARKET,
    107: Reason.CURRENCY_MISMATCH,
    108: Reason.MARKET_PAUSED,
    109: Reason.CARD_BLOCKED,
    110: Reason.CARD_CANCELLED,
    111: Reason.CARD_REDEEMED,
    112: Reason.CARD_EXPIRED,
    113: Reason.CARD_HELD,
    114: Reason.ORDER_HAS_GIFT_CARD_LINE,
    115: Reason.ORDER_HAS_DISCOUNT,
    116: Reason.ORDER_HAS_ANOTHER_CARD,
    117: Reason.NOTHING_ELIGIBLE,
    118: Reason.EXERCISE_DAY_OUT_OF_RANGE,
    119: Reason.CANCELLATION_WINDOW_CLOSED,
    120: Reason.NOT_A_PURCHASED_CARD,
}
FAULTS: Final[Mapping[int, Fault]] = {
    900: Fault.NONE,
    901: Fault.UNAVAILABLE_TWICE,
    902: Fault.LATE,
    903: Fault.ANSWER_LOST,
    904: Fault.HELD_FOR_NOW,
}
_PREFIX: Final = "TESTCARD"


def code_of(number: int) -> Code:
    """Return the code of a number of the table: `TEST-CARD-0105-000X`."""
    data = f"{_PREFIX}{number:04d}".ljust(CODE_CHARACTERS - 1, "0")
    return Code(data + check_character(data))


BY_CODE: Final[Mapping[str, Reason | Fault]] = {
    **{code_of(number).characters: reason for number, reason in REASONS.items()},
    **{code_of(number).characters: fault for number, fault in FAULTS.items()},
}


def table() -> str:
    """Return the table of the page, in Markdown."""
    rows = [
        *(f"| `{code_of(n).shown}` | {reason.value} |" for n, reason in REASONS.items()),
        *(f"| `{code_of(n).shown}` | {fault.value} |" for n, fault in FAULTS.items()),
    ]
    return "\n".join(["| code | what it does |", "|---|---|", *rows])
