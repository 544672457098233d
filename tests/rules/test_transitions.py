"""Whatever callers do and however time passes, cards and money move only as the tables say."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from giftcard_rules.cards import (
    CARD_TRANSITIONS,
    CLOSED,
    LIVE,
    SPENT,
    Authorization,
    AuthorizationState,
    Card,
    CardState,
)
from giftcard_rules.commands import CatchUp, Command
from giftcard_rules.decisions import Decision
from giftcard_rules.facts import Facts
from giftcard_rules.ledger import LIABILITY, MOVES, TO_ANOTHER_CARD, Account, Posting, PostingKind
from giftcard_rules.terms import FRANCE
from given.made_facts import Books, authorize, cancel, capture, issue, order, reverse

OF_A_CARD = {Account.CARD, Account.HELD, Account.SETTLED}
USABLE = {CardState.ACTIVE, CardState.HELD}


def test_every_stored_state_says_what_may_follow_it() -> None:
    assert set(CARD_TRANSITIONS) == set(CardState) - {CardState.BLOCKED}
    assert CardState.BLOCKED not in set().union(*CARD_TRANSITIONS.values())


def test_a_card_that_can_pay_no_more_never_can_again() -> None:
    assert set(SPENT) == set(CARD_TRANSITIONS) - USABLE
    for state in SPENT:
        assert CARD_TRANSITIONS[state] <= {state}


def test_every_state_of_an_authorization_but_open_says_why_it_is_closed() -> None:
    assert set(CLOSED) == set(AuthorizationState) - {AuthorizationState.OPEN}


def test_an_order_has_a_card_while_money_is_set_aside_or_taken() -> None:
    assert {AuthorizationState.OPEN, AuthorizationState.CAPTURED} == LIVE


def test_a_kind_of_posting_leads_to_another_card_where_money_comes_back() -> None:
    assert {PostingKind.REISSUE, PostingKind.REFUND} == TO_ANOTHER_CARD
    assert {Account.CARD, Account.HELD} == LIABILITY


class Walk(Books):
    """Books that look at every step which is taken."""

    def __init__(self) -> None:
        super().__init__()
        self.accounts: Counter[tuple[str, Account]] = Counter()
        self.steps: set[tuple[CardState | None, CardState]] = set()

    def decide(self, command: Command) -> Decision:
        cards, authorizations = dict(self.facts.cards), dict(self.facts.authorizations)
        decision = super().decide(command)
        for posting in decision.postings:
            self.post(posting)
        for card in decision.cards:
            self.look_at_card(cards.get(card.card_id), card)
        for authorization in decision.authorizations:
            look_at_authorization(authorizations.get(authorization.authorization_id), authorization)
        self.look_at_money()
        look_at_orders(self.facts)
        return decision

    def post(self, posting: Posting) -> None:
        """Move the money, and see that no account of a card falls below nothing."""
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

    def look_at_card(self, before: Card | None, card: Card) -> None:
        assert card.version > before.version if before else card.version == 1
        self.steps.add((before.state if before else None, card.state))
        if before is None:
            assert card.state is CardState.ACTIVE
            return
        assert card.state in CARD_TRANSITIONS[before.state]
        unchanged = {"state", "balance_minor", "held_minor", "hold_id", "version"}
        now = {name: getattr(card, name) for name in unchanged}
        assert before._replace(**now) == card

    def look_at_money(self) -> None:
        settled: Counter[str] = Counter()
        for paid in self.facts.authorizations.values():
            settled[paid.card_id] += paid.captured_minor - paid.refunded_minor
        for card in self.facts.cards.values():
            assert card.balance_minor == self.accounts[card.card_id, Account.CARD]
            assert card.held_minor == self.accounts[card.card_id, Account.HELD]
            assert settled[card.card_id] == self.accounts[card.card_id, Account.SETTLED]
            worth_minor = card.initial_minor if card.state in USABLE else 0
            assert card.balance_minor + card.held_minor == worth_minor
            assert (card.state is CardState.HELD) is (card.hold_id is not None)
        assert sum(self.accounts.values()) == 0


def look_at_authorization(before: Authorization | None, after: Authorization) -> None:
    if before is None:
        assert after.state is AuthorizationState.OPEN
        return
    if before.state is not AuthorizationState.OPEN:
        assert after.state is before.state is AuthorizationState.CAPTURED
        assert after.captured_minor == before.captured_minor
    assert after.refunded_minor >= before.refunded_minor
    assert 0 <= after.captured_minor <= after.authorized_minor
    assert after.refundable_minor >= 0


def look_at_orders(facts: Facts) -> None:
    live = Counter(
        (authorization.market, authorization.order_id)
        for authorization in facts.authorizations.values()
        if authorization.state in LIVE
    )
    assert all(count == 1 for count in live.values())
    assert set(live) == set(facts.live_orders)


# Mostly little time, so that cards live to see something.
MOMENTS = st.sampled_from(
    [timedelta(0)] * 6
    + [timedelta(hours=1)] * 3
    + [FRANCE.default_hold] * 3
    + [timedelta(days=15), timedelta(days=170)]
)
ORDER_IDS = st.sampled_from(["order-1", "order-2", "order-3"])
CARD_COMMANDS = ["authorize", "authorize", "authorize", "cancel", "catch_up"]
HOLD_COMMANDS = ["capture", "capture part", "reverse", "reverse part"]


def about_a_card(name: str, card: Card, data: st.DataObject) -> Command:
    if name == "cancel":
        return cancel(card)
    if name == "catch_up":
        return CatchUp(card.card_id)
    wanted = order(data.draw(st.integers(1, 80_00)), order_id=data.draw(ORDER_IDS))
    return authorize(card.card_id, wanted)


def about_a_hold(name: str, hold: Authorization, data: st.DataObject) -> Command:
    amount_minor = data.draw(st.integers(1, 60_00)) if name.endswith("part") else None
    if name.startswith("capture"):
        return capture(hold.authorization_id, amount_minor)
    return reverse(hold.authorization_id, amount_minor)


def next_command(walk: Walk, data: st.DataObject) -> Command:
    """Draw a command about anything there is, or has been."""
    cards, holds = list(walk.facts.cards.values()), list(walk.facts.authorizations.values())
    names = ["issue", *(CARD_COMMANDS if cards else []), *(HOLD_COMMANDS if holds else [])]
    name = data.draw(st.sampled_from(names))
    if name in CARD_COMMANDS:
        return about_a_card(name, data.draw(st.sampled_from(cards)), data)
    if name in HOLD_COMMANDS:
        return about_a_hold(name, data.draw(st.sampled_from(holds)), data)
    return issue(data.draw(st.integers(20_00, 60_00)))


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_everything_that_happens_is_in_the_tables_and_money_is_never_lost(
    data: st.DataObject,
) -> None:
    walk = Walk()
    for _ in range(data.draw(st.integers(1, 40))):
        walk.wait(data.draw(MOMENTS))
        walk.decide(next_command(walk, data))


def leads(*steps: Callable[[Walk, Card], object]) -> Walk:
    """Take a new card through the steps."""
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
WAYS = {
    (ACTIVE, HELD): [hold],
    (ACTIVE, CANCELLED): [cancel_it],
    (ACTIVE, EXPIRED): [outlive, catch_it_up],
    (HELD, ACTIVE): [hold, undo],
    (HELD, HELD): [hold, hold],
    (HELD, REDEEMED): [hold, capture_it],
    (HELD, EXPIRED): [hold, outlive, catch_it_up],
    (HELD, CANCELLED): [hold, lapse, cancel_it],
    (REDEEMED, REDEEMED): [hold, capture_it, undo],
}


def test_there_is_a_way_for_everything_that_may_follow() -> None:
    table = {(state, after) for state, follows in CARD_TRANSITIONS.items() for after in follows}
    assert set(WAYS) == table


@pytest.mark.parametrize("step", WAYS, ids=lambda step: f"{step[0].value} {step[1].value}")
def test_what_may_follow_does_follow(step: tuple[CardState, CardState]) -> None:
    assert step in leads(*WAYS[step]).steps
