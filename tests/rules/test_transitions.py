"""Cards and money move only as the tables say, whatever callers do and however time passes."""

import enum
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from giftcard_rules.cards import (
    AUTHORIZATION_TRANSITIONS,
    CARD_TRANSITIONS,
    LIVE,
    Authorization,
    AuthorizationState,
    Card,
    CardState,
)
from giftcard_rules.commands import CatchUp, Command
from giftcard_rules.decisions import Decision
from giftcard_rules.facts import Facts
from giftcard_rules.ledger import MOVES, TO_ANOTHER_CARD, Account, Posting
from giftcard_rules.terms import FRANCE
from given.made_facts import Books, authorize, cancel, capture, issue, order, reverse

OF_A_CARD = {Account.CARD, Account.HELD, Account.SETTLED}
USABLE = {CardState.ACTIVE, CardState.HELD}


class Walk(Books):
    """Books that check every step."""

    def __init__(self) -> None:
        super().__init__()
        self.accounts: Counter[tuple[str, Account]] = Counter()
        self.steps: set[tuple[AuthorizationState, AuthorizationState]] = set()
        self.paths: set[tuple[CardState, ...]] = set()

    def decide(self, command: Command) -> Decision:
        cards, authorizations = dict(self.facts.cards), dict(self.facts.authorizations)
        decision = super().decide(command)
        for posting in decision.postings:
            self.post(posting)
        for card in decision.cards:
            self.check_card(cards.get(card.card_id), card)
        for authorization in decision.authorizations:
            self.check_authorization(
                authorizations.get(authorization.authorization_id), authorization
            )
        self.check_money()
        check_orders(self.facts)
        return decision

    def post(self, posting: Posting) -> None:
        """Move the money, and check that no account of a card becomes negative."""
        assert posting.amount_minor > 0
        assert (posting.to_card_id is not None) is (posting.kind in TO_ANOTHER_CARD)
        assert posting.to_card_id != posting.card_id
        source, destination = MOVES[posting.kind]
        to_card_id = posting.to_card_id or posting.card_id
        from_key = (posting.card_id if source in OF_A_CARD else "", source)
        to_key = (to_card_id if destination in OF_A_CARD else "", destination)
        self.accounts[from_key] -= posting.amount_minor
        self.accounts[to_key] += posting.amount_minor
        assert self.accounts[from_key] >= 0 or source is Account.PAYMENTS

    def check_card(self, before: Card | None, card: Card) -> None:
        """Check that one path leads here, with as many steps as were added to the version."""
        if before is None:
            assert card.version == 1
            assert card.state is CardState.ACTIVE
            return
        assert card.version > before.version
        paths = [
            path
            for path in paths_from(before.state, card.version - before.version)
            if path[-1] is card.state
        ]
        assert len(paths) == 1
        self.paths.update(paths)
        changing = ("state", "balance_minor", "held_minor", "hold_id", "version")
        assert before._replace(**{name: getattr(card, name) for name in changing}) == card

    def check_authorization(self, before: Authorization | None, after: Authorization) -> None:
        if before is None:
            assert after.state is AuthorizationState.OPEN
            return
        self.steps.add((before.state, after.state))
        assert after.state in AUTHORIZATION_TRANSITIONS[before.state]
        if before.state is not AuthorizationState.OPEN:
            assert after.state is before.state is AuthorizationState.CAPTURED
            assert after.captured_minor == before.captured_minor
        assert after.refunded_minor >= before.refunded_minor
        assert 0 <= after.captured_minor <= after.authorized_minor
        assert after.refundable_minor >= 0

    def check_money(self) -> None:
        settled: Counter[str] = Counter()
        for each in self.facts.authorizations.values():
            settled[each.card_id] += each.captured_minor - each.refunded_minor
        for card in self.facts.cards.values():
            assert card.balance_minor == self.accounts[card.card_id, Account.CARD]
            assert card.held_minor == self.accounts[card.card_id, Account.HELD]
            assert settled[card.card_id] == self.accounts[card.card_id, Account.SETTLED]
            worth_minor = card.initial_minor if card.state in USABLE else 0
            assert card.balance_minor + card.held_minor == worth_minor
            assert (card.state is CardState.HELD) is (card.hold_id is not None)
        assert sum(self.accounts.values()) == 0


def paths_from(state: CardState, steps: int) -> list[tuple[CardState, ...]]:
    """Return every path of that many steps that the table allows, the first state included."""
    paths: list[tuple[CardState, ...]] = [(state,)]
    for _ in range(steps):
        paths = [(*path, after) for path in paths for after in CARD_TRANSITIONS[path[-1]]]
    return paths


def check_orders(facts: Facts) -> None:
    live = Counter(
        (authorization.market, authorization.order_id)
        for authorization in facts.authorizations.values()
        if authorization.state in LIVE
    )
    assert all(count == 1 for count in live.values())
    assert set(live) == set(facts.live_orders)


# Mostly short, so that something happens to cards before they expire.
MOMENTS = st.sampled_from(
    [timedelta(0)] * 6
    + [timedelta(hours=1)] * 3
    + [FRANCE.default_hold] * 3
    + [timedelta(days=15), timedelta(days=170)]
)
ORDER_IDS = st.sampled_from(["order-1", "order-2", "order-3"])
CARD_COMMANDS = ["authorize", "authorize", "authorize", "cancel", "catch_up"]
AUTHORIZATION_COMMANDS = ["capture", "capture part", "reverse", "reverse part"]


def about_a_card(name: str, card: Card, data: st.DataObject) -> Command:
    if name == "cancel":
        return cancel(card)
    if name == "catch_up":
        return CatchUp(card.card_id)
    wanted = order(data.draw(st.integers(1, 80_00)), order_id=data.draw(ORDER_IDS))
    return authorize(card.card_id, wanted)


def about_an_authorization(name: str, authorization: Authorization, data: st.DataObject) -> Command:
    amount_minor = data.draw(st.integers(1, 60_00)) if name.endswith("part") else None
    if name.startswith("capture"):
        return capture(authorization.authorization_id, amount_minor)
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


ACTIVE, HELD, REDEEMED = CardState.ACTIVE, CardState.HELD, CardState.REDEEMED
CANCELLED, EXPIRED = CardState.CANCELLED, CardState.EXPIRED
# The paths that one command can take a card along, and the steps of which the last does so.
WAYS = {
    (ACTIVE, HELD): [hold],
    (ACTIVE, CANCELLED): [cancel_it],
    (ACTIVE, EXPIRED): [outlive, catch_it_up],
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
    (OPEN, CAPTURED): [hold, capture_it],
    (OPEN, RELEASED): [hold, undo],
    (OPEN, LAPSED): [hold, lapse, catch_it_up],
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
