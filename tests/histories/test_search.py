"""The search finds an order exactly where trying all of them finds one."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from giftcard_client.histories.check import check
from giftcard_client.histories.findings import Kind
from giftcard_client.histories.fitting import mismatch_of, moments
from giftcard_client.histories.model import decide
from giftcard_client.histories.model.terms import SECOND, TERMS
from giftcard_client.histories.operations import Operation, components
from giftcard_client.histories.recording.history import Call, Outcome
from giftcard_client.histories.search import search
from given.histories.invented import Inventor

ROUNDS = 300


def some_order_fits(operations: Sequence[Operation], world: dict[Any, Any]) -> bool:
    """Try every order, without any of the search's short cuts."""
    if not any(each.is_required for each in operations):
        return True
    over = min(each.end for each in operations if each.is_required)
    return any(
        some_order_fits([other for other in operations if other is not each], after)
        for each in operations
        if each.begin <= over
        for after in worlds_after(each, world)
    )


def worlds_after(operation: Operation, world: dict[Any, Any]) -> Iterator[dict[Any, Any]]:
    for moment in moments(world, operation, TERMS):
        decision = decide(world, operation.asked, moment, TERMS)
        if mismatch_of(operation, decision) is None:
            yield world | decision.changes


def test_the_search_agrees_with_trying_every_order() -> None:
    chance = random.Random(20_261_125)  # noqa: S311 - which histories
    fitting = 0
    for _ in range(ROUNDS):
        calls = Inventor(random.Random(chance.random())).calls(7)  # noqa: S311 - likewise
        for operations in components(calls, 0):
            found = search(operations, TERMS)
            assert found.fits == some_order_fits(operations, {})
            fitting += found.fits is True
    assert fitting > ROUNDS // 4  # Else they are all of one kind, and prove nothing.


def test_requests_that_were_decided_one_after_the_other_fit() -> None:
    chance = random.Random(20_261_126)  # noqa: S311 - likewise
    for _ in range(ROUNDS):
        inventor = Inventor(random.Random(chance.random()), wrong=0)  # noqa: S311 - likewise
        verdict = check(inventor.calls(30), tolerance=0)
        assert verdict.is_consistent, str(verdict)


@pytest.mark.parametrize("callers", [1, 16, 64])
def test_a_card_that_many_go_for_is_searched_in_about_as_many_steps_as_it_has_calls(
    callers: int,
) -> None:
    chance = random.Random(1)  # noqa: S311 - likewise
    calls = Inventor(chance, wrong=0, cards=1, callers=callers, used=0).calls(1000)
    operations = max(components(calls, 0), key=len)
    assert len(operations) > 900
    assert search(operations, TERMS, effort=len(operations) * (callers + 8)).fits


def test_what_cannot_be_told_with_the_effort_given_is_no_verdict() -> None:
    calls = Inventor(random.Random(1), wrong=0, cards=1, used=0).calls(50)  # noqa: S311 - likewise
    (finding,) = check(calls, tolerance=0, effort=20).findings
    assert finding.kind is Kind.TOO_MUCH_TO_TELL


def test_a_clock_that_differs_within_the_tolerance_is_no_fault() -> None:
    calls = Inventor(random.Random(2), wrong=0).calls(30)  # noqa: S311 - likewise
    late = [
        replace(call, begin_time=call.begin_time - SECOND, end_time=(call.end_time or 0) - SECOND)
        for call in calls
    ]
    assert check(late, tolerance=2 * SECOND).is_consistent
    kinds = {finding.kind for finding in check(late, tolerance=0).findings}
    assert Kind.TIME_OUTSIDE_CALL in kinds


def test_a_call_that_is_known_to_have_done_nothing_is_left_out() -> None:
    calls: list[Call] = Inventor(random.Random(3), wrong=0).calls(10)  # noqa: S311 - likewise
    refused = [replace(calls[0], number=11, outcome=Outcome.REFUSED, request_id="another")]
    assert check(calls + refused, tolerance=0).is_consistent
