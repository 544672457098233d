"""The steps that cards and authorizations take. They are changed here alone, as the tables say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from giftcard_rules.cards import (
    AUTHORIZATION_TRANSITIONS,
    CARD_TRANSITIONS,
    Authorization,
    AuthorizationState,
    Card,
    CardState,
)
from giftcard_rules.ledger import Posting, PostingKind

if TYPE_CHECKING:
    from datetime import datetime

    from giftcard_rules.cards import RefundedFor


def change_card(
    card: Card,
    state: CardState,
    *,
    balance_minor: int,
    held_minor: int = 0,
    hold_id: str | None = None,
) -> Card:
    """Return a card after one step to `state`, with its version counted up."""
    assert state in CARD_TRANSITIONS[card.state], f"{card.state} -> {state}"
    return card._replace(
        state=state,
        balance_minor=balance_minor,
        held_minor=held_minor,
        hold_id=hold_id,
        version=card.version + 1,
    )


def change_authorization(  # noqa: PLR0913 - each is named where it is called
    authorization: Authorization,
    state: AuthorizationState,
    *,
    captured_minor: int = 0,
    other_tender_minor: int | None = None,
    captured_at: datetime | None = None,
    refunded_minor: int = 0,
    refunded_other_minor: int = 0,
    restored_minor: int = 0,
    refunded_for: RefundedFor | None = None,
    expires_at: datetime | None = None,
    refunded_other_at: datetime | None = None,
) -> Authorization:
    """Return an authorization after one step to `state`.

    Amounts are added by the step but for `other_tender_minor`, which it sets like all others
    that are not None.
    """
    before = authorization.state
    assert state in AUTHORIZATION_TRANSITIONS[before], f"{before} -> {state}"
    told = authorization.other_tender_minor if other_tender_minor is None else other_tender_minor
    return authorization._replace(
        state=state,
        captured_minor=authorization.captured_minor + captured_minor,
        other_tender_minor=told,
        captured_at=captured_at or authorization.captured_at,
        refunded_minor=authorization.refunded_minor + refunded_minor,
        refunded_other_minor=authorization.refunded_other_minor + refunded_other_minor,
        restored_minor=authorization.restored_minor + restored_minor,
        refunded_for=refunded_for or authorization.refunded_for,
        expires_at=expires_at or authorization.expires_at,
        refunded_other_at=refunded_other_at or authorization.refunded_other_at,
    )


def change_block(card: Card, *, blocked_at: datetime | None, expires_at: datetime) -> Card:
    """Return a card that is blocked since `blocked_at`, or not at all, and its new expiry."""
    return card._replace(
        blocked=blocked_at is not None,
        blocked_at=blocked_at,
        expires_at=expires_at,
        version=card.version + 1,
    )


def extend(card: Card, hold: Authorization, expires_at: datetime) -> tuple[Card, Authorization]:
    """Let an open hold lapse at `expires_at`; its card is held as before, and counts a version."""
    held = change_card(
        card,
        CardState.HELD,
        balance_minor=card.balance_minor,
        held_minor=card.held_minor,
        hold_id=card.hold_id,
    )
    return held, change_authorization(hold, AuthorizationState.OPEN, expires_at=expires_at)


def release(
    card: Card, hold: Authorization, *, by: PostingKind
) -> tuple[Card, Authorization, Posting]:
    """Move what is set aside back to the card; it was not used (R14). `by` RELEASE or LAPSE."""
    state = AuthorizationState.LAPSED if by is PostingKind.LAPSE else AuthorizationState.RELEASED
    worth_minor = card.balance_minor + card.held_minor
    freed = change_card(card, CardState.ACTIVE, balance_minor=worth_minor)
    posting = Posting(by, card.card_id, card.held_minor, hold.authorization_id)
    return freed, change_authorization(hold, state), posting


def expire(card: Card, now: datetime) -> tuple[Card, tuple[Posting, ...]]:
    """Book the expiry of a card that is past it and has no open hold (R12, R33).

    A hold that outlives its card keeps the value from expiring; where the card is blocked
    meanwhile, the block does so until it ends: what is written off never becomes breakage (R37).
    """
    if card.state is not CardState.ACTIVE or now < card.expires_at:
        return card, ()
    if card.blocked_at is not None and card.expires_at <= card.blocked_at:
        return card, ()
    posting = Posting(PostingKind.EXPIRE, card.card_id, card.balance_minor)
    return change_card(card, CardState.EXPIRED, balance_minor=0), (posting,)


def reinstate(card: Card) -> tuple[Card, Posting]:
    """Undo the expiry of a card: it is worth again what it was when the expiry was booked."""
    posting = Posting(PostingKind.REINSTATE, card.card_id, card.initial_minor)
    return change_card(card, CardState.ACTIVE, balance_minor=card.initial_minor), posting


def rehold(card: Card, lapsed: Authorization) -> tuple[Card, Authorization, Posting]:
    """Undo the lapse of a hold: its money is set aside on the ACTIVE card again."""
    amount_minor = lapsed.authorized_minor
    held = change_card(
        card,
        CardState.HELD,
        balance_minor=card.balance_minor - amount_minor,
        held_minor=amount_minor,
        hold_id=lapsed.authorization_id,
    )
    posting = Posting(PostingKind.REHOLD, card.card_id, amount_minor, lapsed.authorization_id)
    return held, change_authorization(lapsed, AuthorizationState.OPEN), posting


def catch_up(
    card: Card, hold: Authorization | None, now: datetime
) -> tuple[Card, Authorization | None, tuple[Posting, ...]]:
    """Book what time alone has done: a hold that lapsed (R34), a card that expired (R12, R33).

    Every command looks at a card through this, so correctness needs no background job.
    """
    postings: tuple[Posting, ...] = ()
    if hold is not None and card.hold_id == hold.authorization_id and hold.expires_at <= now:
        card, hold, lapse = release(card, hold, by=PostingKind.LAPSE)
        postings = (lapse,)
    card, expiry = expire(card, now)
    return card, hold, postings + expiry
