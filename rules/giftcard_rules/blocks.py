"""Blocking a card, lifting the block, and writing off what was charged back (R37)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from giftcard_rules.cards import (
    Authorization,
    Card,
    CardState,
    require_unended,
)
from giftcard_rules.commands import Acted, UnblockCard
from giftcard_rules.deadlines import end_of_day, local_day
from giftcard_rules.decisions import Decision
from giftcard_rules.ledger import Posting, PostingKind
from giftcard_rules.reasons import Reason, require
from giftcard_rules.steps import change_block, change_card, expire, reinstate, release

if TYPE_CHECKING:
    from datetime import datetime
    from zoneinfo import ZoneInfo

_INSTANT = timedelta(microseconds=1)


def block(card: Card, now: datetime) -> Decision:
    """Block a card in any state; one that is blocked stays so, from the first time on."""
    if card.blocked:
        return Decision(outcome=Acted(card))
    blocked = change_block(card, blocked_at=now, expires_at=card.expires_at)
    return Decision(outcome=Acted(blocked), cards=(blocked,), block_of=card.card_id)


def unblock(command: UnblockCard, card: Card, zone: ZoneInfo, now: datetime) -> Decision:
    """Lift a block, and give back the days that it took from the card's validity, if told to.

    An expiry that was booked during the block is undone where its days come back.
    """
    require(card.blocked, otherwise=Reason.CARD_NOT_BLOCKED)
    expires_at = card.expires_at
    postings: tuple[Posting, ...] = ()
    if command.restore_validity and _was_valid_when_blocked(card):
        expires_at = _later(card, zone, now)
        if card.state is CardState.EXPIRED and now < expires_at:
            card, reinstated = reinstate(card)
            postings = (reinstated,)
    free = change_block(card, blocked_at=None, expires_at=expires_at)
    free, expiry = expire(free, now)
    return Decision(
        outcome=Acted(free),
        cards=(free,),
        postings=postings + expiry,
        block_of=card.card_id,
    )


def write_off(card: Card, hold: Authorization | None) -> Decision:
    """Move all that a blocked card is worth to CHARGEBACK: its purchase was charged back.

    Nothing of it ends as breakage: an open hold is released, and an expiry that was booked
    during the block is undone first. The card becomes CANCELLED, and stays blocked.
    """
    expired_by_block = card.state is CardState.EXPIRED and _was_valid_when_blocked(card)
    if not expired_by_block:
        require_unended(card)
    require(card.blocked, otherwise=Reason.CARD_NOT_BLOCKED)
    postings: tuple[Posting, ...] = ()
    released: tuple[Authorization, ...] = ()
    if hold is not None:
        card, freed, given_back = release(card, hold, by=PostingKind.RELEASE)
        postings, released = (given_back,), (freed,)
    if expired_by_block:
        card, reinstated = reinstate(card)
        postings = (reinstated,)
    charged_back = Posting(PostingKind.CHARGE_BACK, card.card_id, card.balance_minor)
    written_off = change_card(card, CardState.CANCELLED, balance_minor=0)
    return Decision(
        outcome=Acted(written_off),
        cards=(written_off,),
        authorizations=released,
        postings=(*postings, charged_back),
    )


def _was_valid_when_blocked(card: Card) -> bool:
    """Return whether the block, and not time alone, ended what was left of the validity."""
    return card.blocked_at is not None and card.blocked_at < card.expires_at


def _later(card: Card, zone: ZoneInfo, now: datetime) -> datetime:
    """Return when the card expires once it got back as many days as the block lasted.

    Days are the market's; a card that came back blocked loses none before it was issued.
    """
    assert card.blocked_at is not None
    blocked_from = local_day(max(card.blocked_at, card.issued_at), zone)
    # Another server's clock may have been ahead of this one's when the card was blocked.
    days = max(local_day(now, zone) - blocked_from, timedelta(0))
    last_valid_day = local_day(card.expires_at - _INSTANT, zone)
    return end_of_day(last_valid_day + days, zone)
