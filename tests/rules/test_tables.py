"""The tables of states and postings agree, and no step outside of them is possible."""

import enum
import re
from itertools import product
from pathlib import Path

import pytest

import giftcard_rules
from giftcard_rules.cards import (
    AUTHORIZATION_TRANSITIONS,
    CARD_TRANSITIONS,
    CLOSED,
    LIVE,
    SPENT,
    AuthorizationState,
    CardState,
)
from giftcard_rules.ledger import TO_ANOTHER_CARD, PostingKind
from giftcard_rules.steps import change_authorization, change_card
from given.made_facts import Books, order

USABLE = {CardState.ACTIVE, CardState.HELD}


def test_every_stored_state_of_a_card_is_in_its_table() -> None:
    assert set(CARD_TRANSITIONS) == set(CardState) - {CardState.BLOCKED}
    assert CardState.BLOCKED not in set().union(*CARD_TRANSITIONS.values())


def test_a_card_in_a_final_state_leaves_it_only_when_its_expiry_is_undone() -> None:
    assert set(SPENT) == set(CARD_TRANSITIONS) - USABLE
    for state in SPENT:
        undone = {CardState.ACTIVE} if state is CardState.EXPIRED else set()
        assert CARD_TRANSITIONS[state] <= {state} | undone


def test_every_state_of_an_authorization_is_in_its_table() -> None:
    assert set(AUTHORIZATION_TRANSITIONS) == set(AuthorizationState)
    for state, follows in AUTHORIZATION_TRANSITIONS.items():
        is_open_after = state in {AuthorizationState.OPEN, AuthorizationState.LAPSED}
        assert (AuthorizationState.OPEN in follows) is is_open_after


def test_every_state_of_an_authorization_but_open_is_final_and_has_its_reason() -> None:
    assert set(CLOSED) == set(AuthorizationState) - {AuthorizationState.OPEN}
    for state in CLOSED:
        undone = {AuthorizationState.OPEN} if state is AuthorizationState.LAPSED else set()
        assert AUTHORIZATION_TRANSITIONS[state] <= {state} | undone


def test_an_order_has_a_card_while_money_is_set_aside_or_captured() -> None:
    assert {AuthorizationState.OPEN, AuthorizationState.CAPTURED} == LIVE


def test_a_posting_leads_to_another_card_where_money_comes_back() -> None:
    assert {PostingKind.REISSUE, PostingKind.REFUND, PostingKind.RESTORE} == TO_ANOTHER_CARD


def arrow(step: tuple[enum.Enum, enum.Enum]) -> str:
    """Name a parameter of a test by the states that a step leads from and to."""
    return " -> ".join(state.name for state in step)


@pytest.mark.parametrize("step", [*product(CARD_TRANSITIONS, CardState)], ids=arrow)
def test_a_card_takes_no_step_outside_of_its_table(step: tuple[CardState, CardState]) -> None:
    before, after = step
    card = Books().bought()._replace(state=before)
    if after in CARD_TRANSITIONS[before]:
        assert change_card(card, after, balance_minor=0).state is after
    else:
        with pytest.raises(AssertionError, match=f"{before} -> {after}"):
            change_card(card, after, balance_minor=0)


@pytest.mark.parametrize("step", [*product(AuthorizationState, repeat=2)], ids=arrow)
def test_an_authorization_takes_no_step_outside_of_its_table(
    step: tuple[AuthorizationState, AuthorizationState],
) -> None:
    before, after = step
    books = Books()
    authorization = books.authorized(books.bought(), order())._replace(state=before)
    if after in AUTHORIZATION_TRANSITIONS[before]:
        assert change_authorization(authorization, after).state is after
    else:
        with pytest.raises(AssertionError, match=f"{before} -> {after}"):
            change_authorization(authorization, after)


def test_only_one_file_changes_cards_and_authorizations() -> None:
    folder = Path(giftcard_rules.__file__).parent
    # Decisions may be added to: what they hold of cards and authorizations has been changed before.
    of_others = re.compile(r"(?<!\bdecision)(?<!\bdecided)\._replace\(")
    changing = [
        path.name for path in folder.glob("*.py") if of_others.search(path.read_text("utf-8"))
    ]
    assert changing == ["steps.py"]
