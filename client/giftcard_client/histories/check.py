"""The verdict on a history: everything that is wrong with it, and what its cards must be worth."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from giftcard_client.histories.findings import Finding, Kind, of_search, subject_of
from giftcard_client.histories.model.terms import SECOND, TERMS, Terms
from giftcard_client.histories.model.world import Card, World
from giftcard_client.histories.operations import Operation, components
from giftcard_client.histories.recording.history import Call, Outcome
from giftcard_client.histories.replays import of_answers, of_ids, of_instants
from giftcard_client.histories.search import EFFORT, Found, search

# By how much the clocks of servers and callers may differ, unless told.
TOLERANCE = SECOND // 20

Liability = dict[tuple[str, str], int]


@dataclass(slots=True)
class Verdict:
    """The checker's judgement of a history.

    `liability` is what the cards must be worth by market and currency, in minor units, where the
    history says so: not where an order was not found, or requests are `unresolved`.
    """

    findings: list[Finding] = field(default_factory=list)
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    components: int = 0
    largest: int = 0
    cards: int = 0
    unresolved: int = 0
    liability: Liability = field(default_factory=dict)

    @property
    def is_consistent(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    def __str__(self) -> str:
        """Return a summary of the calls, and every finding."""
        outcomes = ", ".join(f"{count} {outcome}" for outcome, count in self.outcomes.most_common())
        looked_at = (
            f"{self.outcomes.total()} calls ({outcomes}) on {self.cards} cards,"
            f" {self.components} components of at most {self.largest} operations"
        )
        if self.is_consistent:
            return f"consistent: {looked_at}"
        found = "\n".join(f"  {number}. {each}" for number, each in enumerate(self.findings, 1))
        return f"NOT consistent: {looked_at}\n{found}"


def check(
    calls: Sequence[Call],
    *,
    terms: Mapping[str, Terms] = TERMS,
    tolerance: int = TOLERANCE,
    effort: int = EFFORT,
) -> Verdict:
    """Return the verdict on the calls of a run.

    Raises KeyError for a market whose terms are not given.
    """
    verdict = Verdict(outcomes=Counter(call.outcome for call in calls))
    verdict.findings += [*of_answers(calls), *of_ids(calls), *of_instants(calls, tolerance)]
    grouped = components(calls, tolerance)
    verdict.components = len(grouped)
    verdict.largest = max(map(len, grouped), default=0)
    worth: Counter[tuple[str, str]] = Counter()
    for operations in grouped:
        found = search(operations, terms, effort)
        _judge(verdict, operations, found)
        for card in _cards(found.world):
            verdict.cards += 1
            worth[card.market, card.currency] += card.balance + card.held
    verdict.liability = dict(worth)
    return verdict


def _judge(verdict: Verdict, operations: Sequence[Operation], found: Found) -> None:
    verdict.unresolved += sum(each.is_open for each in operations)
    if found.fits is False:
        verdict.findings.append(of_search(operations, found))
    elif found.fits is None:
        calls = tuple(number for each in operations for number in each.calls[:1])
        why = f"{len(operations)} operations, of which {len(found.order)} were put in order."
        subject = subject_of(operations[0])
        verdict.findings.append(Finding(Kind.TOO_MUCH_TO_TELL, subject, calls, why))


def _cards(world: World) -> Iterable[Card]:
    return (value for value in world.values() if isinstance(value, Card))


def compare(verdict: Verdict, found: Mapping[tuple[str, str], int]) -> None:
    """Compare what all cards are worth, by market and currency, with what the calls left on them.

    `found` is the growth of the liability over the run. A difference is added to the findings.
    """
    if verdict.unresolved:
        verdict.findings.append(
            Finding(
                Kind.UNRESOLVED,
                "the sums",
                (),
                f"{verdict.unresolved} requests have no answer, so that the worth"
                " of the cards is not known.",
            )
        )
        return
    expected = Counter(verdict.liability)
    for key in sorted({*expected, *found}):
        if expected[key] != found.get(key, 0):
            market, currency = key
            verdict.findings.append(
                Finding(
                    Kind.LIABILITY_DIFFERS,
                    f"market {market}",
                    (),
                    f"The cards are worth {found.get(key, 0)} minor units of {currency} more than"
                    f" before; after these calls it must be {expected[key]}.",
                )
            )
