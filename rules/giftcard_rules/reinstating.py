"""Undoing what a wrong clock has booked: expiries and lapses whose instants still lie ahead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from giftcard_rules import steps
from giftcard_rules.cards import AuthorizationState, CardState
from giftcard_rules.decisions import Decision
from giftcard_rules.operator_commands import Reinstated, WhyLeft

if TYPE_CHECKING:
    from datetime import datetime

    from giftcard_rules.cards import Authorization, Card
    from giftcard_rules.ledger import Posting


def reinstate(
    card: Card, lapsed: Authorization | None, other: Authorization | None, now: datetime
) -> Decision:
    """Undo the expiry of a card (R12) and the lapse of its last hold (R34) that came too early.

    `lapsed` is the hold whose lapse was the last move of the card, but for an expiry; `other` is
    the live authorization of its order (R13). A card with an open hold does not expire (R33), so
    its expiry is undone with the lapse, whenever that card would expire.
    """
    why_left = None
    hold = lapsed if lapsed is not None and _lapsed_early(lapsed, now) else None
    if hold is not None:
        why_left = _why_left(card, other)
        hold = hold if why_left is None else None
    postings: tuple[Posting, ...] = ()
    authorizations: tuple[Authorization, ...] = ()
    if card.state is CardState.EXPIRED and (hold is not None or now < card.expires_at):
        card, expiry = steps.reinstate(card)
        postings = (expiry,)
    if hold is not None:
        card, opened, lapse = steps.rehold(card, hold)
        authorizations, postings = (opened,), (*postings, lapse)
    return Decision(
        outcome=Reinstated(why_left),
        cards=(card,) if postings else (),
        authorizations=authorizations,
        postings=postings,
    )


def _lapsed_early(authorization: Authorization, now: datetime) -> bool:
    return authorization.state is AuthorizationState.LAPSED and now < authorization.expires_at


def _why_left(card: Card, other: Authorization | None) -> WhyLeft | None:
    if card.state not in {CardState.ACTIVE, CardState.EXPIRED}:
        return WhyLeft.CARD_HAS_MOVED
    return None if other is None else WhyLeft.ORDER_HAS_ANOTHER
