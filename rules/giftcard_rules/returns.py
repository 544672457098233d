"""Giving money back: releases, refunds, and requests that never arrived (R21-R24, R26, R36)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from giftcard_rules.cards import (
    Authorization,
    AuthorizationState,
    Card,
    CardState,
    change_authorization,
    change_card,
    expire,
    release,
    require_not,
    timestamp,
)
from giftcard_rules.commands import (
    Reverse,
    Reversed,
    ReverseOutcome,
    ReverseReason,
)
from giftcard_rules.deadlines import deadline
from giftcard_rules.decisions import Decision, Person, PersonRole
from giftcard_rules.ledger import Posting, PostingKind
from giftcard_rules.new_cards import replacement
from giftcard_rules.reasons import Reason, require

if TYPE_CHECKING:
    from datetime import datetime

    from giftcard_rules.commands import RequestKey
    from giftcard_rules.terms import Market


def prevent(authorize: RequestKey) -> Decision:
    """Make sure that an Authorize which has not arrived is refused should it arrive (R36)."""
    return Decision(outcome=Reversed(ReverseOutcome.PREVENTED), prevents=authorize)


def reverse(
    command: Reverse,
    authorization: Authorization,
    card: Card,
    market: Market,
    now: datetime,
) -> Decision:
    """Release an open hold, or refund a captured authorization to a new card (R23)."""
    amount = command.refund_amount
    require(
        amount is None or amount.currency == authorization.currency,
        otherwise=Reason.CURRENCY_MISMATCH,
        currency_code=authorization.currency,
    )
    require_not(authorization, AuthorizationState.RELEASED, AuthorizationState.LAPSED)
    if authorization.state is AuthorizationState.OPEN:
        return _release(authorization, card, now)
    return _refund(command, authorization, card, market, now)


def _release(hold: Authorization, card: Card, now: datetime) -> Decision:
    """Give the card back its money: it was not used (R14). Past its expiry it expires (R33)."""
    freed, released, posting = release(card, hold, by=PostingKind.RELEASE)
    freed, expiry = expire(freed, now)
    return Decision(
        outcome=Reversed(ReverseOutcome.RELEASED, released),
        cards=(freed,),
        authorizations=(released,),
        postings=(posting, *expiry),
    )


def _refund(
    command: Reverse,
    authorization: Authorization,
    card: Card,
    market: Market,
    now: datetime,
) -> Decision:
    """Refund first what the card paid in all, then what the other tender paid (R24)."""
    amount_minor = _amount_to_refund(command, authorization)
    if command.reason is ReverseReason.CHANGE_OF_MIND:  # R26: no other reason has a limit.
        _require_in_time(command, market, now)

    not_refunded_minor = authorization.captured_minor - authorization.refunded_minor
    to_card_minor = min(amount_minor, not_refunded_minor)
    to_other_minor = amount_minor - to_card_minor
    refunded = change_authorization(
        authorization,
        AuthorizationState.CAPTURED,
        refunded_minor=to_card_minor,
        refunded_other_minor=to_other_minor,
    )
    used = change_card(card, CardState.REDEEMED, balance_minor=0)
    outcome = Reversed(ReverseOutcome.REFUNDED, refunded, to_card_minor, to_other_minor)
    if to_card_minor == 0:
        return Decision(outcome=outcome, cards=(used,), authorizations=(refunded,))
    back = replacement(command, to_card_minor, card, authorization, market.terms, now)
    posting = Posting(
        PostingKind.REFUND,
        card.card_id,
        to_card_minor,
        authorization.authorization_id,
        back.card_id,
    )
    return Decision(
        outcome=replace(outcome, replacement=back),
        cards=(used, back),
        authorizations=(refunded,),
        postings=(posting,),
        people=_recipient(command, back),
    )


def _amount_to_refund(command: Reverse, authorization: Authorization) -> int:
    """Return what to refund, in minor units: all that is left, unless a part is asked for (R22)."""
    amount, refundable_minor = command.refund_amount, authorization.refundable_minor
    amount_minor = refundable_minor if amount is None else amount.amount_minor
    require(
        0 < amount_minor <= refundable_minor,
        otherwise=Reason.AMOUNT_EXCEEDS_REFUNDABLE,
        refundable_amount_minor=refundable_minor,
        currency_code=authorization.currency,
    )
    return amount_minor


def _require_in_time(command: Reverse, market: Market, now: datetime) -> None:
    """Decline a change of mind after its last day (R21)."""
    assert command.delivered_on is not None, "a change of mind without its day of delivery"
    terms = market.terms
    too_late = deadline(
        command.delivered_on, terms.return_days, market.is_working_day, terms.time_zone
    )
    require(now < too_late, otherwise=Reason.RETURN_WINDOW_CLOSED, deadline=timestamp(too_late))


def _recipient(command: Reverse, back: Card) -> tuple[Person, ...]:
    """Return the person who gets the new card, if one is named.

    Otherwise it goes to the customer of the authorization, who is stored already.
    """
    if command.beneficiary is None:
        return ()
    recipient = Person(card_id=back.card_id, role=PersonRole.RECIPIENT, contact=command.beneficiary)
    return (recipient,)
