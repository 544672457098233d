"""Confirming what the payment provider has paid of the refunds that it owes (R24, R29)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from giftcard_rules.decisions import Decision
from giftcard_rules.ledger import Posting, PostingKind
from giftcard_rules.reasons import Reason, require
from giftcard_rules.refund_commands import RefundConfirmation, RefundConfirmed, RefundDue
from giftcard_rules.steps import change_card

if TYPE_CHECKING:
    from datetime import datetime

    from giftcard_rules.cards import Authorization, Card
    from giftcard_rules.decisions import CardPurchase
    from giftcard_rules.refund_commands import ConfirmRefund


def due_of_cancelled(card: Card, amount_minor: int, now: datetime) -> RefundDue:
    """Return what is due for a purchase that is cancelled now (R29)."""
    return RefundDue(
        card_id=card.card_id,
        authorization_id=None,
        market=card.market,
        currency=card.currency,
        order_id=card.purchase_order_id,
        due_minor=amount_minor,
        confirmed_minor=0,
        due_at=now,
    )


def due_of_refunded(paid: Authorization, known: RefundDue | None) -> RefundDue | None:
    """Return what is due to the other tenders of an order, None where nothing ever was (R24).

    `known` is of the card as it was stored, perhaps before the last refund of the same batch.
    """
    due_minor = paid.refunded_other_minor
    if due_minor == 0:  # What is known would be due for the purchase of the card.
        return None
    if known is not None and known.due_minor == due_minor:
        return known
    due_at = paid.refunded_other_at
    assert due_at is not None, "a refund of this batch that says not when"
    if known is not None:
        since = known.due_at if known.unconfirmed_minor else due_at
        return replace(known, due_minor=due_minor, due_at=since)
    return RefundDue(
        card_id=paid.card_id,
        authorization_id=paid.authorization_id,
        market=paid.market,
        currency=paid.currency,
        order_id=paid.order_id,
        due_minor=due_minor,
        confirmed_minor=0,
        due_at=due_at,
    )


def confirm(
    command: ConfirmRefund,
    due: RefundDue | None,
    card: Card,
    purchase: CardPurchase | None,
    now: datetime,
) -> Decision:
    """Note what was paid of a refund that is due; nobody can confirm more than that.

    The card stays as it is and counts one version up. Of a cancelled purchase the money leaves
    REFUNDS_DUE; what goes to an order's other tenders was in no account of ours. `purchase` is
    how the card was bought, None for the part of other tenders.
    """
    amount = command.amount
    require(
        amount.currency == card.currency,
        otherwise=Reason.CURRENCY_MISMATCH,
        currency_code=card.currency,
    )
    unconfirmed_minor = due.unconfirmed_minor if due else 0
    require(
        due is not None and amount.amount_minor <= unconfirmed_minor,
        otherwise=Reason.REFUND_NOT_DUE,
        due_amount_minor=unconfirmed_minor,
        currency_code=card.currency,
    )
    assert due is not None
    looked_at = change_card(card, card.state, balance_minor=0)
    confirmation = RefundConfirmation(
        card.card_id, looked_at.version, amount.amount_minor, command.provider_reference, now
    )
    paid = PostingKind.REFUND_PAID
    outcome = RefundConfirmed(_confirmed(due, confirmation))
    if purchase is not None:
        outcome = RefundConfirmed(
            outcome.refund_due, purchase.payment_method, purchase.payment_reference
        )
    return Decision(
        outcome=outcome,
        cards=(looked_at,),
        postings=(Posting(paid, card.card_id, amount.amount_minor),) if purchase else (),
        refund_due=outcome.refund_due,
        confirmation=confirmation,
    )


def _confirmed(due: RefundDue, confirmation: RefundConfirmation) -> RefundDue:
    return replace(
        due,
        confirmed_minor=due.confirmed_minor + confirmation.amount_minor,
        confirmed_at=confirmation.confirmed_at,
        provider_reference=confirmation.provider_reference,
    )
