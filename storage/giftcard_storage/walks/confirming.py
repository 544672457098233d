"""Looking again at what looks wrong, until two looks in a row agree on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from giftcard_storage.walks.found import liability_differences

if TYPE_CHECKING:
    from collections.abc import Callable

    from giftcard_storage.walks.found import Difference
    from giftcard_storage.walks.walking import Slice, Walking

_LOOKS: Final = 5


def confirmed(walking: Walking, seen: Slice, wait: Callable[[], bool]) -> list[Difference]:
    """Return the differences of a slice that two snapshots have in common, word for word.

    What was changed between them is looked at once more, as nobody can say yet what it is. `wait`
    lets a moment pass before each look, and returns True to have it given up.
    """
    before = [*seen.differences, *liability_differences(seen.totals)]
    in_both: list[Difference] = []
    for _ in range(_LOOKS):
        if not before or wait():
            return []
        again = walking.look_again(seen)
        known = {_told(each) for each in before}
        in_both = [each for each in again if _told(each) in known]
        if len(in_both) == len(again):
            return in_both
        before = again
    return in_both


def _told(difference: Difference) -> tuple[str, ...]:
    return difference.invariant, difference.subject, difference.expected, difference.found
