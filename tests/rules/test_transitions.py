"""Cards and money move only as the tables say, whatever callers do and however time passes."""

import enum
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from giftcard_rules.cards import (
    AUTHORIZATION_TRANSITIONS,
    CARD_TRANSITIONS,
    Authorization,
    AuthorizationState,
    Card,
    CardState,
)
from giftcard_rules.commands import CatchUp, CaughtUp, Command
from giftcard_rules.decisions import Decision
from giftcard_rules.steps import rehold, reinstate
from given.made_facts import (
    FRANCE,
    authorize,
    cancel,
    capture,
    confirm_refund,
    extend,
    issue,
    order,
    reverse,
)
from given.walk import Walk

# Mostly short, so that something happens to cards before they expire.
MOMENTS = st.sampled_from(
    [timedelta(0)] * 6
    + [timedelta(hours=1)] * 3
    + [FRANCE.default_hold] * 3
    + [timedelta(days=15), timedelta(days=170)]
)
HOLD_FOR = st.sampled_from([timedelta(hours=1), timedelta(days=2), timedelta(days=30)])
ORDER_IDS = st.sampled_from(["order-1", "order-2", "order-3"])
CARD_COMMANDS = ["authorize", "authorize", "authorize", "cancel", "cancel", "catch_up", "confirm"]
AUTHORIZATION_COMMANDS = [
    "capture",
    "capture part",
    "reverse",
    "reverse part",
    "extend",
    "confirm part",
]


def about_a_card(name: str, card: Card, data: st.DataObject) -> Command:
    if name == "cancel":
        return cancel(card)
    if name == "catch_up":
        return CatchUp(card.card_id)
    if name == "confirm":
        return confirm_refund(data.draw(st.integers(1, 60_00)), card_id=card.card_id)
    wanted = order(data.draw(st.integers(1, 80_00)), order_id=data.draw(ORDER_IDS))
    return authorize(card.card_id, wanted)


def about_an_authorization(name: str, authorization: Authorization, data: st.DataObject) -> Command:
    amount_minor = data.draw(st.integers(1, 60_00)) if name.endswith("part") else None
    if name == "extend":
        return extend(authorization.authorization_id, data.draw(HOLD_FOR))
    if name.startswith("capture"):
        return capture(authorization.authorization_id, amount_minor)
    if name.startswith("confirm"):
        assert amount_minor is not None
        return confirm_refund(amount_minor, authorization_id=authorization.authorization_id)
    return reverse(authorization.authorization_id, amount_minor)


def next_command(walk: Walk, data: st.DataObject) -> Command:
    """Draw a command about any card or authorization, also about those that are closed."""
    cards = list(walk.facts.cards.values())
    authorizations = list(walk.facts.authorizations.values())
    names = ["issue", *(CARD_COMMANDS if cards else [])]
    names += AUTHORIZATION_COMMANDS if authorizations else []
    name = data.draw(st.sampled_from(names))
    if name in CARD_COMMANDS:
        return about_a_card(name, data.draw(st.sampled_from(cards)), data)
    if name in AUTHORIZATION_COMMANDS:
        return about_an_authorization(name, data.draw(st.sampled_from(authorizations)), data)
    return issue(data.draw(st.integers(20_00, 60_00)))


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_everything_that_happens_is_in_the_tables_and_no_money_gets_lost(
    data: st.DataObject,
) -> None:
    walk = Walk()
    for _ in range(data.draw(st.integers(1, 40))):
        walk.wait(data.draw(MOMENTS))
        walk.decide(next_command(walk, data))


def joined(path: tuple[enum.Enum, ...]) -> str:
    return " ".join(state.name for state in path)


def walked(*steps: Callable[[Walk, Card], object]) -> Walk:
    """Take a new card through the steps, and return the walk."""
    walk = Walk()
    card = walk.bought()
    for step in steps:
        step(walk, card)
    return walk


def hold(walk: Walk, card: Card) -> object:
    return walk.decide(authorize(card.card_id, order()))


def capture_it(walk: Walk, card: Card) -> object:
    return walk.decide(capture(walk.card(card).hold_id or ""))


def extend_it(walk: Walk, card: Card) -> object:
    return walk.decide(extend(walk.card(card).hold_id or "", FRANCE.longest_hold))


def undo(walk: Walk, card: Card) -> object:
    authorization = list(walk.facts.authorizations.values())[-1]
    return walk.decide(reverse(authorization.authorization_id, None))


def lapse(walk: Walk, card: Card) -> None:
    walk.wait(FRANCE.default_hold)


def outlive(walk: Walk, card: Card) -> None:
    walk.now = card.expires_at


def catch_it_up(walk: Walk, card: Card) -> object:
    return walk.decide(CatchUp(card.card_id))


def cancel_it(walk: Walk, card: Card) -> object:
    return walk.decide(cancel(card))


def pay_it_back(walk: Walk, card: Card) -> object:
    return walk.confirmed(1, card_id=card.card_id)


def reinstate_it(walk: Walk, card: Card) -> None:
    reinstated, posting = reinstate(walk.card(card))
    walk.take(Decision(outcome=CaughtUp(), cards=(reinstated,), postings=(posting,)))


def rehold_it(walk: Walk, card: Card) -> None:
    lapsed = list(walk.facts.authorizations.values())[-1]
    held, opened, posting = rehold(walk.card(card), lapsed)
    walk.take(
        Decision(outcome=CaughtUp(), cards=(held,), authorizations=(opened,), postings=(posting,))
    )


ACTIVE, HELD, REDEEMED = CardState.ACTIVE, CardState.HELD, CardState.REDEEMED
CANCELLED, EXPIRED = CardState.CANCELLED, CardState.EXPIRED
# The paths that one command can take a card along, and the steps of which the last does so.
WAYS = {
    (ACTIVE, HELD): [hold],
    (ACTIVE, CANCELLED): [cancel_it],
    (ACTIVE, EXPIRED): [outlive, catch_it_up],
    (CANCELLED, CANCELLED): [cancel_it, pay_it_back],
    (EXPIRED, ACTIVE): [outlive, catch_it_up, reinstate_it],
    (HELD, HELD): [hold, extend_it],
    (HELD, ACTIVE): [hold, undo],
    (HELD, REDEEMED): [hold, capture_it],
    (REDEEMED, REDEEMED): [hold, capture_it, undo],
    (HELD, ACTIVE, HELD): [hold, hold],
    (HELD, ACTIVE, EXPIRED): [hold, outlive, catch_it_up],
    (HELD, ACTIVE, CANCELLED): [hold, lapse, cancel_it],
}
OPEN, CAPTURED = AuthorizationState.OPEN, AuthorizationState.CAPTURED
RELEASED, LAPSED = AuthorizationState.RELEASED, AuthorizationState.LAPSED
WAYS_OF_AN_AUTHORIZATION = {
    (OPEN, OPEN): [hold, extend_it],
    (OPEN, CAPTURED): [hold, capture_it],
    (OPEN, RELEASED): [hold, undo],
    (OPEN, LAPSED): [hold, lapse, catch_it_up],
    (LAPSED, OPEN): [hold, lapse, catch_it_up, rehold_it],
    (CAPTURED, CAPTURED): [hold, capture_it, undo],
}


def test_there_is_a_way_for_every_step_of_a_card() -> None:
    table = {(state, after) for state, follows in CARD_TRANSITIONS.items() for after in follows}
    assert {path for path in WAYS if len(path) == 2} == table
    assert {step for path in WAYS for step in pairwise(path)} == table


def test_there_is_a_way_for_every_step_of_an_authorization() -> None:
    table = AUTHORIZATION_TRANSITIONS.items()
    assert set(WAYS_OF_AN_AUTHORIZATION) == {
        (state, after) for state, follows in table for after in follows
    }


@pytest.mark.parametrize("path", WAYS, ids=joined)
def test_one_command_takes_a_card_along_the_path(path: tuple[CardState, ...]) -> None:
    assert path in walked(*WAYS[path]).paths


@pytest.mark.parametrize("step", WAYS_OF_AN_AUTHORIZATION, ids=joined)
def test_one_command_takes_an_authorization_along_the_step(
    step: tuple[AuthorizationState, AuthorizationState],
) -> None:
    assert step in walked(*WAYS_OF_AN_AUTHORIZATION[step]).steps
