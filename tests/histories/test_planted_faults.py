"""Faults that are planted in the history of a real run are found, each by its name."""

from collections.abc import Callable

import pytest

from giftcard_client.histories.check import check
from giftcard_client.histories.findings import Kind
from given.histories.planted import FAULTS, Plant, at_once, declined, lost
from given.histories.recorded import Recorded, record

Change = Callable[[Recorded, str], None]

# Of one fault: where it is, and where it makes a difference.
MOST_FINDINGS = 3
NUMBERED = [(number, *fault) for number, fault in enumerate(FAULTS, 1)]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    return record(tmp_path_factory.mktemp("recorded"))


def test_the_history_as_it_was_recorded_is_consistent(recorded: Recorded) -> None:
    verdict = check(recorded.calls)
    assert verdict.findings == []
    assert str(verdict).startswith(f"consistent: {len(recorded.calls)} calls (")
    assert verdict.largest > 10


@pytest.mark.parametrize(
    ("name", "plant", "kind"),
    FAULTS,
    ids=[f"{number} {kind.name} in {name}" for number, name, _, kind in NUMBERED],
)
def test_a_planted_fault_is_found(recorded: Recorded, name: str, plant: Plant, kind: Kind) -> None:
    broken = recorded.copy()
    plant(broken, name)
    verdict = check(broken.calls)
    findings = verdict.findings
    named = [finding for finding in findings if finding.kind is kind]
    assert len(named) == 1, str(verdict)
    assert broken[name].number in named[0].calls, str(verdict)
    assert len(findings) <= MOST_FINDINGS, str(verdict)
    assert str(verdict).startswith("NOT consistent")


# What a history may be as well, with the requests of which nothing is known then.
HARMLESS: list[tuple[str, Change, int]] = [
    # Lost answers to what was done, and is answered again.
    ("buy", lost, 0),
    ("authorize", lost, 0),
    ("capture", lost, 0),
    # Lost answers to what was done, as others could see.
    ("authorize the first", lost, 1),
    ("release", lost, 1),
    ("cancel", lost, 1),
    ("prevent", lost, 1),
    # Lost answers to what changed nothing.
    ("capture too much", lost, 1),
    ("look before", lost, 0),
    # Answers in another order than they were asked for, as the calls were under way together.
    ("look after", at_once("authorize", "look before"), 0),
    ("look before", at_once("capture", "look after"), 0),
    ("authorize the released", at_once("release", "authorize the released"), 0),
]


@pytest.mark.parametrize(
    ("name", "change", "unresolved"), HARMLESS, ids=[f"{n} {c.__name__}" for n, c, _ in HARMLESS]
)
def test_what_may_have_happened_is_consistent(
    recorded: Recorded, name: str, change: Change, unresolved: int
) -> None:
    other = recorded.copy()
    change(other, name)
    verdict = check(other.calls)
    assert verdict.is_consistent, str(verdict)
    assert verdict.unresolved == unresolved


def test_what_is_lost_explains_no_more_than_it_may_have_done(recorded: Recorded) -> None:
    broken = recorded.copy()
    lost(broken, "authorize the first")
    declined("CARD_REDEEMED")(broken, "authorize the second")
    (finding,) = check(broken.calls).findings
    assert finding.kind in {Kind.WRONG_REASON, Kind.DECLINED_AGAINST_THE_RULES}
    assert broken["authorize the second"].number in finding.calls


def test_at_least_thirty_kinds_of_faults_are_planted() -> None:
    assert len({kind for _, _, kind in FAULTS}) >= 30
