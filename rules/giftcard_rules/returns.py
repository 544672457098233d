"""Giving money back: releases, refunds, requests that never arrived (R21-R24, R26, R36, R39)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from giftcard_rules.cards import (
    Authorization,
    AuthorizationState,
    Card,
    CardState,
    RefundedFor,
    require_not,
    timestamp,
)
from giftcard_rules.commands import (
    Reverse,
    Reversed,
    ReverseOutcome,
    ReverseReason,
)
from giftcard_rules.deadlines import end_of_day, exercised_day, last_day
from giftcard_rules.decisions import Decision, Person, PersonRole
from giftcard_rules.ledger import Posting, PostingKind
from giftcard_rules.new_cards import replacement
from giftcard_rules.reasons import Reason, require
from giftcard_rules.steps import change_authorization, change_card, expire, release

if TYPE_CHECKING:
    from datetime import date, datetime

    from giftcard_rules.commands import RequestKey
    from giftcard_rules.terms import Market


def prevent(authorizes: tuple[RequestKey, ...]) -> Decision:
    """Make sure that an Authorize which has not arrived is refused should it arrive (R36)."""
    return Decision(outcome=Reversed(ReverseOutcome.PREVENTED), prevents=authorizes)


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
        # A part of what was not paid yet cannot be refunded, and is not released by mistake.
        require(amount is None, otherwise=Reason.AUTHORIZATION_NOT_CAPTURED)
        exercised_day(command.exercised_on, authorization.created_at, now, market.time_zone)
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
    """Refund first what the card paid in all, then what the other tender paid (R24).

    The refund that completes the order may bring back what the capture had lost, too (R39).
    """
    amount_minor = _amount_to_refund(command, authorization)
    _require_in_time(command, authorization, card, market, now)
    to_card_minor = min(amount_minor, authorization.captured_minor - authorization.refunded_minor)
    to_other_minor = amount_minor - to_card_minor
    why = _refunded_for(command.reason, authorization)
    completes = amount_minor == authorization.refundable_minor
    restored_minor = _restored_amount(authorization, card, why, market, now) if completes else 0
    refunded = change_authorization(
        authorization,
        AuthorizationState.CAPTURED,
        refunded_minor=to_card_minor,
        refunded_other_minor=to_other_minor,
        restored_minor=restored_minor,
        refunded_for=why,
        refunded_other_at=now if to_other_minor else None,
    )
    used = change_card(card, CardState.REDEEMED, balance_minor=0)
    outcome = Reversed(ReverseOutcome.REFUNDED, refunded, to_card_minor, to_other_minor)
    moved = {PostingKind.REFUND: to_card_minor, PostingKind.RESTORE: restored_minor}
    if (back_minor := sum(moved.values())) == 0:
        return Decision(outcome=outcome, cards=(used,), authorizations=(refunded,))
    back = replacement(command, back_minor, card, authorization, market, now)
    return Decision(
        outcome=replace(outcome, replacement=back),
        cards=(used, back),
        authorizations=(refunded,),
        postings=tuple(
            Posting(kind, card.card_id, minor, refunded.authorization_id, back.card_id)
            for kind, minor in moved.items()
            if minor > 0
        ),
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


def _require_in_time(
    command: Reverse, authorization: Authorization, card: Card, market: Market, now: datetime
) -> None:
    """Decline a change of mind after its last day (R21); nothing else has a limit (R26)."""
    zone = market.time_zone
    day = exercised_day(command.exercised_on, authorization.created_at, now, zone)
    if command.reason is not ReverseReason.CHANGE_OF_MIND or command.before_delivery:
        return
    last = _last_day(command, card, market)
    require(
        day <= last,
        otherwise=Reason.RETURN_WINDOW_CLOSED,
        deadline=timestamp(end_of_day(last, zone)),
    )


def _last_day(command: Reverse, card: Card, market: Market) -> date:
    assert command.delivered_on is not None, "a change of mind without its day of delivery"
    return last_day(command.delivered_on, market.terms_of(card).return_days, market.is_working_day)


def deadline_of(command: Reverse, card: Card, market: Market) -> datetime | None:
    """Return the first instant that is too late for a refund (R21); None: it has no limit."""
    if command.reason is not ReverseReason.CHANGE_OF_MIND or command.before_delivery:
        return None
    return end_of_day(_last_day(command, card, market), market.time_zone)


# The reasons that R39 looks at, each with what all parts of an order must share.
_REFUNDED_FOR: Final = {
    ReverseReason.TECHNICAL: RefundedFor.TECHNICAL,
    ReverseReason.NOT_DELIVERED: RefundedFor.NOT_PERFORMED,
    ReverseReason.ORDER_CANCELLED: RefundedFor.NOT_PERFORMED,
}


def _refunded_for(reason: ReverseReason, authorization: Authorization) -> RefundedFor:
    """Return why an order was refunded in all its parts, this one included."""
    why = _REFUNDED_FOR.get(reason, RefundedFor.OTHER)
    is_first = authorization.refunded_minor + authorization.refunded_other_minor == 0
    return why if is_first or why is authorization.refunded_for else RefundedFor.OTHER


def _restored_amount(
    authorization: Authorization, card: Card, why: RefundedFor, market: Market, now: datetime
) -> int:
    """Return what comes back of what the capture lost, as the card was not really used (R39).

    A server of the former version says not when it captured: the hold's beginning counts then.
    """
    captured_at = authorization.captured_at or authorization.created_at
    was_not_used = {
        RefundedFor.TECHNICAL: now < captured_at + market.longest_hold,
        RefundedFor.NOT_PERFORMED: market.terms_of(card).restores_when_not_performed,
        RefundedFor.OTHER: False,
    }
    return authorization.forfeited_minor if was_not_used[why] else 0


def _recipient(command: Reverse, back: Card) -> tuple[Person, ...]:
    """Return the person who gets the new card, if one is named.

    Otherwise it goes to the customer of the authorization, who is stored already.
    """
    if command.beneficiary is None:
        return ()
    recipient = Person(card_id=back.card_id, role=PersonRole.RECIPIENT, contact=command.beneficiary)
    return (recipient,)
