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
    """Make sure that an Authorize which never arrived never will be decided (R36)."""
    return Decision(outcome=Reversed(ReverseOutcome.PREVENTED), prevents=authorize)


def reverse(
    command: Reverse,
    authorization: Authorization,
    card: Card,
    market: Market,
    now: datetime,
) -> Decision:
    """Release an open hold, or refund a captured one to a new card (R23)."""
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
    """The card was not used (R14); past its expiry it is an expired card (R33)."""
    freed, released, posting = release(card, hold, by=PostingKind.RELEASE)
    freed, expiry = expire(freed, now)
    outcome = Reversed(ReverseOutcome.RELEASED, released)
    return Decision(
        outcome=outcome,
        cards=(freed,),
        authorizations=(released,),
        postings=(posting, *expiry),
    )


def _refund(
    command: Reverse,
    paid: Authorization,
    card: Card,
    market: Market,
    now: datetime,
) -> Decision:
    """Give back first what the card had paid in all, then what the other tender had (R24)."""
    terms = market.terms
    left_minor = paid.refundable_minor
    amount_minor = (
        left_minor if command.refund_amount is None else (command.refund_amount.amount_minor)
    )
    require(
        0 < amount_minor <= left_minor,
        otherwise=Reason.AMOUNT_EXCEEDS_REFUNDABLE,
        refundable_amount_minor=left_minor,
        currency_code=paid.currency,
    )
    if command.reason is ReverseReason.CHANGE_OF_MIND:  # R26: nothing else has a limit.
        assert command.delivered_on is not None, "a change of mind without its day of delivery"
        too_late = deadline(
            command.delivered_on,
            terms.return_days,
            market.is_working_day,
            terms.time_zone,
        )
        require(now < too_late, otherwise=Reason.RETURN_WINDOW_CLOSED, deadline=timestamp(too_late))

    to_card_minor = min(amount_minor, paid.captured_minor - paid.refunded_minor)
    to_other_minor = amount_minor - to_card_minor
    refunded = change_authorization(
        paid,
        AuthorizationState.CAPTURED,
        refunded_minor=to_card_minor,
        refunded_other_minor=to_other_minor,
    )
    used = change_card(card, CardState.REDEEMED, balance_minor=0)
    outcome = Reversed(ReverseOutcome.REFUNDED, refunded, to_card_minor, to_other_minor)
    if to_card_minor == 0:
        return Decision(outcome=outcome, cards=(used,), authorizations=(refunded,))
    back = replacement(command, to_card_minor, card, paid, terms, now)
    posting = Posting(
        PostingKind.REFUND, card.card_id, to_card_minor, paid.authorization_id, back.card_id
    )
    return Decision(
        outcome=replace(outcome, replacement=back),
        cards=(used, back),
        authorizations=(refunded,),
        postings=(posting,),
        people=_recipient(command, back),
    )


def _recipient(command: Reverse, back: Card) -> tuple[Person, ...]:
    """Who gets the new card; where nobody is named, Authorize's customer, who is known."""
    if command.beneficiary is None:
        return ()
    recipient = Person(card_id=back.card_id, role=PersonRole.RECIPIENT, contact=command.beneficiary)
    return (recipient,)
