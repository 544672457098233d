"""Buying a card and cancelling its purchase (R2-R6, R10, R25, R28, R29)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from giftcard_rules.cards import (
    Card,
    CardOrigin,
    CardState,
    change_card,
    require_unspent,
    timestamp,
)
from giftcard_rules.commands import Cancel, Cancelled, Issue, Issued, NewCard, PaymentMethod
from giftcard_rules.deadlines import deadline, expiry, local_day
from giftcard_rules.decisions import CardPurchase, Decision, Person, PersonRole
from giftcard_rules.ledger import Posting, PostingKind
from giftcard_rules.reasons import DeclinedError, Reason, require

if TYPE_CHECKING:
    from datetime import datetime

    from giftcard_rules.commands import RequestKey
    from giftcard_rules.terms import Market, Terms


def issue(command: Issue, other_card_id: str | None, terms: Terms, now: datetime) -> Decision:
    """Make a card for a purchase. `other_card_id`: the card that the purchase order has already."""
    amount, purchase = command.amount, command.purchase
    require(
        amount.currency == terms.currency,
        otherwise=Reason.CURRENCY_MISMATCH,
        currency_code=terms.currency,
    )
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
        currency_code=terms.currency,
    )

    card = new_card(
        command.new_card,
        command.key,
        amount.amount_minor,
        CardOrigin.PURCHASE,
        terms,
        now,
        purchase_order_id=purchase.order_id,
    )
    posting = Posting(PostingKind.ISSUE, card.card_id, card.initial_minor)
    bought = CardPurchase(
        card.card_id,
        terms.market,
        purchase.order_id,
        purchase.payment_method,
        purchase.payment_reference,
        command.design,
    )
    people = [Person(card.card_id, PersonRole.PURCHASER, command.purchaser, None, command.message)]
    if command.recipient is not None:  # R8
        people.append(Person(card.card_id, PersonRole.RECIPIENT, command.recipient))
    return Decision(Issued(card), (card,), (), (posting,), bought, tuple(people))


def cancel(
    command: Cancel,
    card: Card,
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
    require(card.state is CardState.ACTIVE, otherwise=Reason.CARD_HELD)  # R28
    terms = market.terms
    bought_on = local_day(card.issued_at, terms.time_zone)
    too_late = deadline(bought_on, terms.cancellation_days, market.is_working_day, terms.time_zone)
    require(
        card.origin is not CardOrigin.PURCHASE or now < too_late,
        otherwise=Reason.CANCELLATION_WINDOW_CLOSED,
        deadline=timestamp(too_late),
    )
    if purchase is None:
        raise DeclinedError(Reason.NOT_A_PURCHASED_CARD)

    posting = Posting(PostingKind.CANCEL, card.card_id, card.balance_minor)
    cancelled = change_card(card, CardState.CANCELLED, balance_minor=0)
    outcome = Cancelled(
        cancelled, card.balance_minor, purchase.payment_method, purchase.payment_reference
    )
    return Decision(outcome, (cancelled,), (), (posting,))


def new_card(
    made: NewCard,
    key: RequestKey,
    amount_minor: int,
    origin: CardOrigin,
    terms: Terms,
    now: datetime,
    *,
    purchase_order_id: str,
) -> Card:
    """Return a card that is usable at once (R6), valid for the market's months (R12)."""
    return Card(
        card_id=made.card_id,
        market=terms.market,
        currency=terms.currency,
        origin=origin,
        state=CardState.ACTIVE,
        blocked=False,
        initial_minor=amount_minor,
        balance_minor=amount_minor,
        held_minor=0,
        hold_id=None,
        issued_at=now,
        expires_at=expiry(now, terms.validity_months, terms.time_zone),
        last4=made.last4,
        key_id=made.key_id,
        caller=key.caller,
        request_id=key.request_id,
        purchase_order_id=purchase_order_id,
        version=1,
    )
