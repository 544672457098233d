"""Looking at authorizations, holding longer, and previews of a Reverse (R21, R34, R35, R37)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from giftcard_rules.authorization_calls import Extended, Previewed
from giftcard_rules.cards import CLOSED, require_not
from giftcard_rules.commands import Reversed, ReverseOutcome
from giftcard_rules.decisions import Decision
from giftcard_rules.ledger import PostingKind
from giftcard_rules.reasons import Reason, require
from giftcard_rules.returns import deadline_of
from giftcard_rules.steps import extend as extended_hold

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from giftcard_rules.authorization_calls import ExtendAuthorization
    from giftcard_rules.cards import Authorization, Card
    from giftcard_rules.commands import Reverse
    from giftcard_rules.terms import Market


def extend(
    command: ExtendAuthorization,
    authorization: Authorization,
    card: Card,
    market: Market,
    now: datetime,
) -> Decision:
    """Hold for longer, up to the longest hold of the chain (R35); no hold gets shorter."""
    require(not card.blocked, otherwise=Reason.CARD_BLOCKED)  # R37
    require_not(authorization, *CLOSED)
    first_held_at = authorization.first_held_at or authorization.created_at
    wanted = min(now + command.hold_for, first_held_at + market.longest_hold)
    held, hold = extended_hold(card, authorization, max(authorization.expires_at, wanted))
    return Decision(outcome=Extended(hold), cards=(held,), authorizations=(hold,))


def preview(
    command: Reverse,
    decision: Decision,
    card_of: Callable[[str], tuple[Card, Authorization | None, Market]],
) -> Previewed:
    """Return what a decided Reverse would answer; `card_of` finds the card that had paid."""
    answer = decision.outcome
    assert isinstance(answer, Reversed)
    if answer.authorization is None:
        return Previewed(outcome=answer.outcome)
    card, _, market = card_of(answer.authorization.card_id)
    is_refunded = answer.outcome is ReverseOutcome.REFUNDED
    restored = (each.amount_minor for each in decision.postings if each.kind is PostingKind.RESTORE)
    return Previewed(
        outcome=answer.outcome,
        currency=answer.authorization.currency,
        gift_card_minor=answer.gift_card_minor,
        other_tender_minor=answer.other_tender_minor,
        restored_minor=sum(restored),
        deadline=deadline_of(command, card, market) if is_refunded else None,
    )
