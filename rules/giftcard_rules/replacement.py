"""The new card that money comes back on (R23, R27)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from giftcard_rules.cards import Authorization, Card, CardOrigin
from giftcard_rules.purchase import new_card

if TYPE_CHECKING:
    from datetime import datetime

    from giftcard_rules.commands import NewCard, RequestKey
    from giftcard_rules.terms import Terms


def replacement(
    paid: Card,
    authorization: Authorization,
    made: NewCard,
    key: RequestKey,
    amount_minor: int,
    terms: Terms,
    now: datetime,
) -> Card:
    """Return a new card with a different code for money that `paid` had set aside or spent.

    Its validity starts on the day it is issued; it was not bought, so it cannot be
    cancelled (R23).
    """
    card = new_card(
        made,
        key,
        amount_minor,
        CardOrigin.REFUND,
        terms,
        now,
        purchase_order_id=paid.purchase_order_id,
    )
    return card._replace(
        refund_order_id=authorization.order_id,
        replaces_card_id=paid.card_id,
        authorization_id=authorization.authorization_id,
    )
