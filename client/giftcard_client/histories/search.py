"""The search for an order of a component's operations that the rules allow (Wing, Gong, Lowe).

An operation may come next if no operation that is still to come ended before it began. One that
changes nothing, such as a decline, is placed as soon as it fits, since no later one can need it
elsewhere. One that ends a hold or a card which another operation still needs is never tried. Of the
others, those go first whose answer or window says the earliest time, which is the right choice
almost always, so that a sound history takes about as many steps as it has operations. A combination
of placed operations and world is tried only once; the number of steps is bounded.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final, NamedTuple

from giftcard_client.histories.fitting import Mismatch, mismatch_of, moments
from giftcard_client.histories.model import decide
from giftcard_client.histories.model.terms import Terms
from giftcard_client.histories.model.world import Card, Changes, Hold, Key, World
from giftcard_client.histories.operations import NEVER, Operation
from giftcard_client.histories.recording.history import Outcome

EFFORT: Final = 1_000_000
EFFORT_TO_EXPLAIN: Final = 50_000


@dataclass(frozen=True, slots=True)
class Found:
    """The result of a search.

    `fits` is None where the effort was not enough to tell. `order` is the one that was found, or
    the longest that fits, and `world` what it leads to; `stuck` is why it goes no further.
    """

    fits: bool | None
    order: tuple[Operation, ...]
    world: World
    stuck: tuple[Mismatch, ...] = ()


def search(
    operations: Sequence[Operation], terms: Mapping[str, Terms], effort: int = EFFORT
) -> Found:
    """Look for an order of operations, which are sorted by when they began."""
    found = _Search(operations, terms, effort, looks_ahead=True).run()
    if found.fits is False:
        # No order fits. A search without looking ahead goes further, and so explains better.
        longest = _Search(operations, terms, EFFORT_TO_EXPLAIN, looks_ahead=False).run()
        return replace(longest, fits=False)
    return found


def _needs(operation: Operation) -> Key | None:
    """Return the hold that must be open for what was granted, or the card that must be usable."""
    request, answer = operation.asked.request, operation.answered
    if operation.outcome is not Outcome.GRANTED:
        return None
    match operation.asked.method:
        case "Capture":
            return "hold", request["authorization"]
        case "Reverse" if answer["outcome"] == "RELEASED" and "authorization" in answer:
            return "hold", answer["authorization"]["id"]
        case "Authorize" | "Cancel":
            return "card", operation.asked.card_id
        case _:
            return None


def _is_over(value: object) -> bool:
    """Return whether a card or hold is in a final state."""
    if isinstance(value, Hold):
        return value.state != "OPEN"
    return isinstance(value, Card) and value.state not in {"ACTIVE", "HELD"}


class _Placed(NamedTuple):
    number: int
    former: Changes  # What its changes replaced; None where there was nothing.


@dataclass(slots=True)
class _Frame:
    placed: list[_Placed]
    choices: list[tuple[int, Changes]] = field(default_factory=list)


class _Search:
    def __init__(
        self,
        operations: Sequence[Operation],
        terms: Mapping[str, Terms],
        effort: int,
        *,
        looks_ahead: bool,
    ) -> None:
        self._operations = operations
        self._terms = terms
        self._effort = effort
        required = [n for n, each in enumerate(operations) if each.is_required]
        self._optional = [n for n, each in enumerate(operations) if not each.is_required]
        # The required operations that are not placed, as a list linked both ways; the number
        # after the last operation is its head and its end.
        self._end = len(operations)
        ring = [self._end, *required, self._end]
        self._next = dict(pairwise(ring))
        self._before = {after: before for before, after in pairwise(ring)}
        self._left = len(required)
        # How many of those that are left need a hold or card that is not over.
        self._needs = [_needs(each) for each in operations]
        self._needed = Counter(need for need in self._needs if need) if looks_ahead else Counter()
        self._bits = 0
        self._world: dict[Key, object] = {}
        self._hash = 0
        self._tried: set[tuple[int, int]] = set()
        self._order: list[int] = []
        self._longest: Found | None = None

    def run(self) -> Found:
        frames = [self._look_on([])]
        while self._left:
            if self._effort < 0:
                return self._longest_so_far(fits=None)
            frame = frames[-1]
            if frame.choices:
                number, changes = frame.choices.pop()
                frames.append(self._look_on([self._place(number, changes)]))
                continue
            self._take_back(frames.pop())
            if not frames:
                return self._longest_so_far(fits=False)
        return Found(fits=True, order=self._so_far(), world=dict(self._world))

    def _longest_so_far(self, *, fits: bool | None) -> Found:
        found = self._longest or Found(None, self._so_far(), dict(self._world))
        return replace(found, fits=fits)

    def _so_far(self) -> tuple[Operation, ...]:
        return tuple(self._operations[number] for number in self._order)

    def _look_on(self, placed: list[_Placed]) -> _Frame:
        """Place all operations that change nothing, and return the choices after them."""
        frame = _Frame(placed)
        looked_at: dict[int, list[Changes]] = {}
        stuck: list[Mismatch] = []
        is_new = True
        while is_new:
            is_new = False
            for number in self._enabled():
                if number not in looked_at:
                    is_new = True
                    looked_at[number] = self._fitting(number, stuck)
                    if {} in looked_at[number]:
                        frame.placed.append(self._place(number, {}))
        key = self._bits, self._hash
        if key in self._tried:
            return frame
        self._tried.add(key)
        ready = [n for n in looked_at if not self._bits >> n & 1]
        for number in sorted(ready, key=self._when, reverse=True):
            frame.choices += [
                (number, changes)
                for changes in reversed(looked_at[number])
                if not self._shuts_out_others(number, changes)
            ]
        if not frame.choices and self._left and len(self._order) >= self._longest_length():
            stuck.sort(key=lambda mismatch: mismatch.operation.end)
            self._longest = Found(None, self._so_far(), dict(self._world), tuple(stuck))
        return frame

    def _shuts_out_others(self, number: int, changes: Changes) -> bool:
        """Return whether an operation ends a hold or card that another one still needs."""
        return any(
            self._needed[key] > (self._needs[number] == key)
            for key, value in changes.items()
            if key in self._needed and _is_over(value)
        )

    def _longest_length(self) -> int:
        return len(self._longest.order) if self._longest else 0

    def _when(self, number: int) -> tuple[int, int]:
        operation = self._operations[number]
        return (operation.latest if operation.at is None else operation.at), operation.end

    def _enabled(self) -> list[int]:
        """Return the operations before which none of those that are left ended."""
        found, limit = [], NEVER
        number = self._next[self._end]
        while number != self._end and self._operations[number].begin <= limit:
            found.append(number)
            limit = min(limit, self._operations[number].end)
            number = self._next[number]
        found += [number for number in self._optional if not self._bits >> number & 1]
        return [number for number in found if self._operations[number].begin <= limit]

    def _fitting(self, number: int, stuck: list[Mismatch]) -> list[Changes]:
        """Return the changes of each way in which an operation may come next."""
        operation = self._operations[number]
        found: list[Changes] = []
        mismatches = []
        for moment in moments(self._world, operation, self._terms):
            self._effort -= 1
            decision = decide(self._world, operation.asked, moment, self._terms)
            mismatch = mismatch_of(operation, decision)
            if mismatch is not None:
                mismatches.append(mismatch)
            elif decision.changes not in found:
                found.append(decision.changes)
        if not found and operation.is_required:
            stuck.append(mismatches[0])
        return found

    def _place(self, number: int, changes: Changes) -> _Placed:
        former = {key: self._world.get(key) for key in changes}
        self._change(former, changes)
        self._bits |= 1 << number
        self._order.append(number)
        if self._operations[number].is_required:
            self._left -= 1
            self._count(number, -1)
            before, after = self._before[number], self._next[number]
            self._next[before], self._before[after] = after, before
        return _Placed(number, former)

    def _take_back(self, frame: _Frame) -> None:
        for number, former in reversed(frame.placed):
            self._change({key: self._world.get(key) for key in former}, former)
            self._bits &= ~(1 << number)
            self._order.pop()
            if self._operations[number].is_required:
                self._left += 1
                self._count(number, 1)
                before, after = self._before[number], self._next[number]
                self._next[before] = self._before[after] = number

    def _count(self, number: int, by: int) -> None:
        need = self._needs[number]
        if need is not None and need in self._needed:
            self._needed[need] += by

    def _change(self, former: Changes, changes: Changes) -> None:
        for key, value in changes.items():
            if former[key] is not None:
                self._hash ^= hash((key, former[key]))
            if value is None:
                del self._world[key]
            else:
                self._hash ^= hash((key, value))
                self._world[key] = value
