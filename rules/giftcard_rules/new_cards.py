"""New cards: for a purchase (R6, R12), and for money that comes back (R23, R27)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from giftcard_rules.cards import Authorization, Card, CardOrigin, CardState
from giftcard_rules.deadlines import expiry

if TYPE_CHECKING:
    from datetime import datetime

    from giftcard_rules.commands import Capture, Issue, Reverse
    from giftcard_rules.terms import Market, Terms


def purchased_card(command: Issue, market: Market, now: datetime) -> Card:
    """Return a card that is usable at once (R6), under the terms in force now (R12, R38)."""
    return _new_card(
        command,
        command.amount.amount_minor,
        market,
        market.terms_at(now),
        now,
        origin=CardOrigin.PURCHASE,
        purchase_order_id=command.purchase.order_id,
    )


def replacement(
    command: Capture | Reverse,
    amount_minor: int,
    old: Card,
    authorization: Authorization,
    market: Market,
    now: datetime,
) -> Card:
    """Return a new card with a different code for money that `old` had set aside or spent.

    Its validity starts on the day it is issued, and is that of the terms of the purchase that it
    goes back to (R38). It was not bought, so it cannot be cancelled (R23). It is blocked where
    `old` is, from the same time on (R37).
    """
    return _new_card(
        command,
        amount_minor,
        market,
        market.terms_of(old),
        now,
        origin=CardOrigin.REFUND,
        purchase_order_id=old.purchase_order_id,
        refund_order_id=authorization.order_id,
        replaces_card_id=old.card_id,
        authorization_id=authorization.authorization_id,
        blocked_at=(old.blocked_at or now) if old.blocked else None,
    )


def _new_card(  # noqa: PLR0913 - each is named where it is called
    command: Issue | Capture | Reverse,
    amount_minor: int,
    market: Market,
    terms: Terms,
    now: datetime,
    *,
    origin: CardOrigin,
    purchase_order_id: str,
    refund_order_id: str | None = None,
    replaces_card_id: str | None = None,
    authorization_id: str | None = None,
    blocked_at: datetime | None = None,
) -> Card:
    return Card(
        card_id=command.new_card.card_id,
        market=market.name,
        currency=market.currency,
        origin=origin,
        state=CardState.ACTIVE,
        blocked=blocked_at is not None,
        initial_minor=amount_minor,
        balance_minor=amount_minor,
        held_minor=0,
        hold_id=None,
        issued_at=now,
        expires_at=expiry(now, terms.validity_months, market.time_zone),
        last4=command.new_card.last4,
        key_id=command.new_card.key_id,
        caller=command.key.caller,
        request_id=command.key.request_id,
        purchase_order_id=purchase_order_id,
        refund_order_id=refund_order_id,
        replaces_card_id=replaces_card_id,
        authorization_id=authorization_id,
        version=1,
        blocked_at=blocked_at,
        terms_from=terms.in_force_from,
    )
