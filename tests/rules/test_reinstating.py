"""Undoing expiries and lapses that a clock which ran ahead has booked."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from giftcard_rules.cards import Authorization, AuthorizationState, Card, CardState
from giftcard_rules.commands import CatchUp
from giftcard_rules.decide import decide
from giftcard_rules.ledger import PostingKind
from giftcard_rules.operator_commands import Reinstate, Reinstated, WhyLeft
from given.made_facts import HOLD_LAPSED, NOW, cancel, order
from given.walk import Walk

REINSTATE, REHOLD = PostingKind.REINSTATE, PostingKind.REHOLD
FAR_AHEAD = timedelta(days=300)
LITTLE_AHEAD = timedelta(days=10)

Story = tuple[Walk, Card, Authorization]


def held(by: timedelta) -> Story:
    """A card is held for an order, and a clock that runs ahead books what ends by then."""
    walk = Walk()
    card = walk.bought()
    hold = walk.authorized(card, order())
    walk.wait(by)
    walk.decide(CatchUp(card.card_id))
    return walk, card, hold


def lapsed() -> Story:
    return held(LITTLE_AHEAD)


def lapsed_and_expired() -> Story:
    return held(FAR_AHEAD)


def used_since() -> Story:
    walk, card, hold = lapsed()
    walk.paid(walk.card(card), order(order_id="order-2"))
    return walk, card, hold


def cancelled_since() -> Story:
    walk, card, hold = lapsed()
    walk.decide(cancel(walk.card(card)))
    return walk, card, hold


def paid_with_another_card() -> Story:
    walk, card, hold = lapsed()
    walk.authorized(walk.bought(), order())
    return walk, card, hold


def paid_with_another_card_and_expired() -> Story:
    walk, card, hold = lapsed_and_expired()
    walk.authorized(walk.bought(), order())
    return walk, card, hold


@pytest.mark.parametrize(
    ("story", "now", "kinds", "why_left"),
    [
        (lapsed, NOW, [REHOLD], None),
        (lapsed_and_expired, NOW, [REINSTATE, REHOLD], None),
        (lapsed, HOLD_LAPSED, [], None),
        (lapsed_and_expired, HOLD_LAPSED, [REINSTATE], None),
        (lapsed_and_expired, NOW + FAR_AHEAD, [], None),
        (used_since, NOW, [], WhyLeft.CARD_HAS_MOVED),
        (cancelled_since, NOW, [], WhyLeft.CARD_HAS_MOVED),
        (paid_with_another_card, NOW, [], WhyLeft.ORDER_HAS_ANOTHER),
        (paid_with_another_card_and_expired, NOW, [REINSTATE], WhyLeft.ORDER_HAS_ANOTHER),
    ],
)
def test_what_came_too_early_is_undone_unless_somebody_relied_on_it(
    story: Callable[[], Story],
    now: datetime,
    kinds: list[PostingKind],
    why_left: WhyLeft | None,
) -> None:
    walk, card, hold = story()
    before = walk.card(card)
    command = Reinstate(
        card_id=card.card_id, lapsed_id=hold.authorization_id, order_id=hold.order_id
    )
    decision = decide(command, walk.facts, walk.markets, now)
    assert decision.outcome == Reinstated(why_left)
    mine = [posting for posting in decision.postings if posting.card_id == card.card_id]
    assert [posting.kind for posting in mine] == kinds
    walk.take(decision)
    after = walk.card(card)
    if REHOLD in kinds:
        assert (after.state, after.hold_id) == (CardState.HELD, hold.authorization_id)
        assert walk.facts.authorizations[hold.authorization_id] == hold
    elif REINSTATE in kinds:
        assert (after.state, after.balance_minor) == (CardState.ACTIVE, card.initial_minor)
    else:
        assert after == before


def test_r33_a_card_that_ended_under_an_open_hold_is_held_again() -> None:
    walk = Walk()
    card = walk.bought()
    walk.now = card.expires_at - timedelta(hours=1)
    hold = walk.authorized(card, order())
    walk.wait(LITTLE_AHEAD)
    walk.decide(CatchUp(card.card_id))
    assert walk.card(card).state is CardState.EXPIRED
    command = Reinstate(
        card_id=card.card_id, lapsed_id=hold.authorization_id, order_id=hold.order_id
    )
    walk.take(decide(command, walk.facts, walk.markets, card.expires_at + timedelta(hours=1)))
    assert walk.card(card).state is CardState.HELD
    walk.now = card.expires_at + timedelta(hours=2)
    walk.captured(hold)
    assert walk.facts.authorizations[hold.authorization_id].state is AuthorizationState.CAPTURED


def test_a_card_whose_holds_did_not_lapse_is_named_alone() -> None:
    walk = Walk()
    card = walk.bought()
    walk.wait(FAR_AHEAD)
    walk.decide(CatchUp(card.card_id))
    decision = decide(Reinstate(card_id=card.card_id), walk.facts, walk.markets, NOW)
    walk.take(decision)
    assert walk.card(card) == card._replace(version=3)
