"""Paying with a card: validate, authorize, capture (R1, R7, R13-R18, R27, R33-R35)."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from giftcard_rules.cards import (
    CLOSED,
    Authorization,
    AuthorizationState,
    Card,
    CardState,
    require_free,
    require_not,
    require_unspent,
)
from giftcard_rules.commands import (
    Authorize,
    Authorized,
    Capture,
    Captured,
)
from giftcard_rules.decisions import Decision, Person, PersonRole
from giftcard_rules.ledger import Posting, PostingKind
from giftcard_rules.new_cards import replacement
from giftcard_rules.pauses import Pausable
from giftcard_rules.questions import Validate, Validated
from giftcard_rules.reasons import DeclinedError, Reason, require
from giftcard_rules.steps import change_authorization, change_card, release

if TYPE_CHECKING:
    from datetime import datetime

    from giftcard_rules.commands import Order
    from giftcard_rules.terms import Market


@lru_cache(maxsize=1024)  # A shop has few categories, and each order line has one.
def is_gift_card(category: str) -> bool:
    """Return whether a category of an order line is the reserved one, however spelled (R18)."""
    letters = "".join(category.casefold().split()).replace("-", "").replace("_", "")
    return letters == "giftcard"


def applicable(
    order: Order,
    named: str,
    card: Card,
    hold: Authorization | None,
    live: Authorization | None,
    market: Market,
    now: datetime,
) -> tuple[int, int]:
    """Return what the card pays of the order and what would be lost, in minor units.

    `hold` is the card's open authorization, `live` the order's open or captured one, which may
    be on another card; `named` is the market that the caller named, `market` the card's.
    """
    require(named == card.market, otherwise=Reason.WRONG_MARKET)  # R7
    require(
        order.total.currency == card.currency,
        otherwise=Reason.CURRENCY_MISMATCH,
        currency_code=card.currency,
    )
    require(Pausable.AUTHORIZE not in market.paused, otherwise=Reason.MARKET_PAUSED)
    require_unspent(card, now)
    require_free(hold, order.order_id)
    require(
        not any(is_gift_card(line.category) for line in order.lines),
        otherwise=Reason.ORDER_HAS_GIFT_CARD_LINE,
    )
    require(not order.discount_codes, otherwise=Reason.ORDER_HAS_DISCOUNT)  # R17
    require(live is None or live.card_id == card.card_id, otherwise=Reason.ORDER_HAS_ANOTHER_CARD)
    ineligible = market.terms_of(card).ineligible_categories
    eligible_minor = sum(
        line.amount_minor for line in order.lines if line.category not in ineligible
    )
    require(eligible_minor > 0, otherwise=Reason.NOTHING_ELIGIBLE)  # R1
    on_card_minor = card.balance_minor + card.held_minor  # R35: the old hold gives way.
    amount_minor = min(on_card_minor, eligible_minor)
    return amount_minor, on_card_minor - amount_minor


def validate(
    command: Validate,
    card: Card,
    hold: Authorization | None,
    live: Authorization | None,
    market: Market,
    now: datetime,
) -> Validated:
    """Return what Authorize would answer, and change nothing.

    Without an order: whether some order could use the card now. Where it is held, that is the
    order that holds it (R35).
    """
    amount_minor = lost_minor = 0
    try:
        if command.order is None:
            require(command.market == card.market, otherwise=Reason.WRONG_MARKET)  # R7
            require(Pausable.AUTHORIZE not in market.paused, otherwise=Reason.MARKET_PAUSED)
            require_unspent(card, now)
        else:
            amount_minor, lost_minor = applicable(
                command.order, command.market, card, hold, live, market, now
            )
    except DeclinedError as declined:
        return unusable(declined.reason, card, command)
    return Validated(
        reason=None,
        card=card,
        currency=command.currency,
        applicable_minor=amount_minor,
        remaining_due_minor=command.due_minor - amount_minor,
        forfeited_minor=lost_minor,
    )


def unusable(reason: Reason, card: Card | None, command: Validate) -> Validated:
    """Answer that the card pays nothing of the order, and why; `card` None: it is not known."""
    return Validated(
        reason=reason,
        card=card,
        currency=command.currency,
        applicable_minor=0,
        remaining_due_minor=command.due_minor,
        forfeited_minor=0,
    )


def authorize(
    command: Authorize,
    card: Card,
    hold: Authorization | None,
    live: Authorization | None,
    market: Market,
    now: datetime,
) -> Decision:
    """Set money aside on a card for an order; a hold for the same order is replaced (R35)."""
    amount_minor, lost_minor = applicable(
        command.order, command.market, card, hold, live, market, now
    )
    postings: tuple[Posting, ...] = ()
    replaced: tuple[Authorization, ...] = ()
    if hold is not None:
        card, released, given_back = release(card, hold, by=PostingKind.RELEASE)
        postings, replaced = (given_back,), (released,)
    opened = _opened(command, card, hold, amount_minor, lost_minor, market, now)
    held = change_card(
        card,
        CardState.HELD,
        balance_minor=lost_minor,
        held_minor=amount_minor,
        hold_id=opened.authorization_id,
    )
    set_aside = Posting(PostingKind.AUTHORIZE, card.card_id, amount_minor, opened.authorization_id)
    customer = Person(
        card_id=card.card_id,
        role=PersonRole.CUSTOMER,
        contact=command.customer,
        authorization_id=opened.authorization_id,
    )
    return Decision(
        outcome=Authorized(opened),
        cards=(held,),
        authorizations=(*replaced, opened),
        postings=(*postings, set_aside),
        people=(customer,),
    )


def _opened(
    command: Authorize,
    card: Card,
    replaced: Authorization | None,
    amount_minor: int,
    lost_minor: int,
    market: Market,
    now: datetime,
) -> Authorization:
    """Return a new hold; the longest one counts from the first of its chain (R35).

    What the replaced hold was granted stays, should the market's longest hold be shorter now.
    """
    first_held_at, latest = now, now + market.longest_hold
    if replaced is not None:
        first_held_at = replaced.first_held_at or replaced.created_at
        latest = max(first_held_at + market.longest_hold, replaced.expires_at)
    return Authorization(
        authorization_id=command.authorization_id,
        card_id=card.card_id,
        market=card.market,
        currency=card.currency,
        order_id=command.order.order_id,
        state=AuthorizationState.OPEN,
        order_total_minor=command.order.total.amount_minor,
        authorized_minor=amount_minor,
        forfeited_minor=lost_minor,
        created_at=now,
        expires_at=min(now + (command.hold_for or market.default_hold), latest),
        first_held_at=first_held_at,
    )


def capture(
    command: Capture,
    authorization: Authorization,
    card: Card,
    market: Market,
    now: datetime,
) -> Decision:
    """Take what was set aside; the card is used from then on (R14).

    What the order did not need is lost (R14); what was set aside and is not taken comes
    back as a new card (R27). A hold taken in time is captured also after the card's expiry
    (R33), but never past its own (R34).
    """
    _require_currency(command, authorization)
    require(not card.blocked, otherwise=Reason.CARD_BLOCKED)  # R37
    require_not(authorization, *CLOSED)
    amount_minor = _amount_to_capture(command, authorization)
    other_minor = _amount_of_other_tenders(command, authorization)

    def posting(kind: PostingKind, amount_minor: int, to: str | None = None) -> Posting:
        return Posting(kind, card.card_id, amount_minor, authorization.authorization_id, to)

    captured = change_authorization(
        authorization,
        AuthorizationState.CAPTURED,
        captured_minor=amount_minor,
        other_tender_minor=other_minor,
        captured_at=now,
    )
    postings = [posting(PostingKind.CAPTURE, amount_minor)]
    cards = [change_card(card, CardState.REDEEMED, balance_minor=0)]
    back: Card | None = None
    back_minor = authorization.authorized_minor - amount_minor
    if back_minor > 0:
        back = replacement(command, back_minor, card, authorization, market, now)
        postings.append(posting(PostingKind.REISSUE, back_minor, back.card_id))
        cards.append(back)
    if card.balance_minor > 0:
        postings.append(posting(PostingKind.FORFEIT, card.balance_minor))
    return Decision(
        outcome=Captured(captured, back),
        cards=tuple(cards),
        authorizations=(captured,),
        postings=tuple(postings),
    )


def _require_currency(command: Capture, authorization: Authorization) -> None:
    amounts = (command.amount, command.other_tender_amount)
    require(
        all(amount is None or amount.currency == authorization.currency for amount in amounts),
        otherwise=Reason.CURRENCY_MISMATCH,
        currency_code=authorization.currency,
    )


def _amount_to_capture(command: Capture, authorization: Authorization) -> int:
    """Return what to take, in minor units: all that was set aside, unless less is asked for."""
    authorized_minor = authorization.authorized_minor
    amount_minor = authorized_minor if command.amount is None else command.amount.amount_minor
    require(
        amount_minor <= authorized_minor,
        otherwise=Reason.AMOUNT_EXCEEDS_AUTHORIZED,
        authorized_amount_minor=authorized_minor,
        currency_code=authorization.currency,
    )
    return amount_minor


def _amount_of_other_tenders(command: Capture, authorization: Authorization) -> int:
    """Return what the order's other tenders took: all that remained due, unless told (R24)."""
    amount, due_minor = command.other_tender_amount, authorization.remaining_due_minor
    other_minor = due_minor if amount is None else amount.amount_minor
    require(
        other_minor <= due_minor,
        otherwise=Reason.AMOUNT_EXCEEDS_AUTHORIZED,
        remaining_due_minor=due_minor,
        currency_code=authorization.currency,
    )
    return other_minor
