"""Buying a card and cancelling its purchase (R2-R6, R10, R25, R28, R29)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from giftcard_rules.cards import (
    CardOrigin,
    CardState,
    require_free,
    require_unspent,
    timestamp,
)
from giftcard_rules.ceilings import IssuedValue, require_below_ceiling, slice_of
from giftcard_rules.commands import Cancel, Cancelled, Issue, Issued, PaymentMethod
from giftcard_rules.deadlines import end_of_day, exercised_day, last_day, local_day
from giftcard_rules.decisions import CardPurchase, Decision, Person, PersonRole
from giftcard_rules.ledger import Posting, PostingKind
from giftcard_rules.new_cards import purchased_card
from giftcard_rules.pauses import Pausable
from giftcard_rules.reasons import DeclinedError, MalformedError, Reason, require
from giftcard_rules.refunds import due_of_cancelled
from giftcard_rules.steps import change_card

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from giftcard_rules.act_commands import CancelPurchase
    from giftcard_rules.cards import Authorization, Card
    from giftcard_rules.terms import Market, Terms


def issue(
    command: Issue,
    other_card_id: str | None,
    issued: Sequence[IssuedValue],
    market: Market,
    now: datetime,
) -> Decision:
    """Make a card for a purchase, under the terms that are in force now (R38).

    `other_card_id`: the card that the purchase order or its payment reference has already.
    `issued`: what the caller has issued in the market of late.
    """
    purchase = command.purchase
    design = _design(command, market.terms_at(now))
    _require_on_sale(command, other_card_id, issued, market, now)
    card = purchased_card(command, market, now)
    posting = Posting(PostingKind.ISSUE, card.card_id, card.initial_minor)
    bought = CardPurchase(
        card.card_id,
        market.name,
        purchase.order_id,
        purchase.payment_method,
        purchase.payment_reference,
        design,
        command.deliver_on,
    )
    return Decision(
        outcome=Issued(card),
        cards=(card,),
        postings=(posting,),
        purchase=bought,
        people=_people(command, card),
        issued_value=_counted(card, market, now),
    )


def _require_on_sale(
    command: Issue,
    other_card_id: str | None,
    issued: Sequence[IssuedValue],
    market: Market,
    now: datetime,
) -> None:
    """Decline what is not sold: in this market, to this purchase, for this amount, or now."""
    amount, purchase = command.amount, command.purchase
    terms = market.terms_at(now)
    require(
        amount.currency == market.currency,
        otherwise=Reason.CURRENCY_MISMATCH,
        currency_code=market.currency,
    )
    require(Pausable.ISSUE not in market.paused, otherwise=Reason.MARKET_PAUSED)
    require(other_card_id is None, otherwise=Reason.PURCHASE_HAS_ANOTHER_CARD)  # R10
    require(
        purchase.payment_method is PaymentMethod.BANK_CARD,
        otherwise=Reason.PAYMENT_METHOD_NOT_ACCEPTED,
    )
    require(not purchase.discount_codes, otherwise=Reason.PURCHASE_HAS_DISCOUNT)  # R3
    require(
        terms.min_amount_minor <= amount.amount_minor <= terms.max_amount_minor,
        otherwise=Reason.AMOUNT_OUT_OF_RANGE,
        min_amount_minor=terms.min_amount_minor,
        max_amount_minor=terms.max_amount_minor,
        currency_code=market.currency,
    )
    require_below_ceiling(issued, amount.amount_minor, market.issue_ceiling_minor, now)


def _counted(card: Card, market: Market, now: datetime) -> IssuedValue | None:
    """Return what counts for the ceiling, None where the market has none."""
    if market.issue_ceiling_minor is None:
        return None
    return IssuedValue(card.caller, market.name, slice_of(now), card.initial_minor)


def _design(command: Issue, terms: Terms) -> str:
    """Return the design, by default the first on offer. Raises `MalformedError` (R4).

    The edge knows each design of each version, but not the day on which a request is decided.
    """
    design = command.design or terms.designs[0]
    if design not in terms.designs:
        raise MalformedError(field="design", why=terms.design_choice)
    return design


def _people(command: Issue, card: Card) -> tuple[Person, ...]:
    """Return the buyer, with the message (R5, R9), and the recipient, if there is one (R8)."""
    buyer = Person(
        card_id=card.card_id,
        role=PersonRole.PURCHASER,
        contact=command.purchaser,
        message=command.message,
    )
    if command.recipient is None:
        return (buyer,)
    recipient = Person(card_id=card.card_id, role=PersonRole.RECIPIENT, contact=command.recipient)
    return buyer, recipient


def cancel(
    command: Cancel | CancelPurchase,
    card: Card,
    hold: Authorization | None,
    purchase: CardPurchase | None,
    market: Market,
    now: datetime,
) -> Decision:
    """Cancel the purchase of a wholly unused card (R25), named by order number and code (R28).

    `purchase` is that of the card, None for a card that was not bought.
    """
    require(
        command.purchase_order_id in {card.purchase_order_id, card.refund_order_id},
        otherwise=Reason.CARD_NOT_FOUND,
    )
    require_unspent(card, now)
    require_free(hold)  # R28
    zone = market.time_zone
    day = exercised_day(command.exercised_on, card.issued_at, now, zone)
    bought_on = local_day(card.issued_at, zone)
    last = last_day(bought_on, market.terms_of(card).cancellation_days, market.is_working_day)
    require(
        card.origin is not CardOrigin.PURCHASE or day <= last,
        otherwise=Reason.CANCELLATION_WINDOW_CLOSED,
        deadline=timestamp(end_of_day(last, zone)),
    )
    if purchase is None:
        raise DeclinedError(Reason.NOT_A_PURCHASED_CARD)

    posting = Posting(PostingKind.CANCEL, card.card_id, card.balance_minor)
    cancelled = change_card(card, CardState.CANCELLED, balance_minor=0)
    outcome = Cancelled(
        cancelled, card.balance_minor, purchase.payment_method, purchase.payment_reference
    )
    return Decision(
        outcome=outcome,
        cards=(cancelled,),
        postings=(posting,),
        refund_due=due_of_cancelled(card, card.balance_minor, now),
    )
