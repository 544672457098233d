"""The commands of `giftcard` that call the server, one for each RPC."""

from datetime import timedelta

import typer

from giftcard_client import (
    Authorized,
    Cancelled,
    Captured,
    Contact,
    GiftCards,
    Issued,
    MarketTerms,
    PaymentMethod,
    Purchase,
    Reversed,
    Validation,
)
from giftcard_client.cli import options as opt
from giftcard_client.cli.option_values import (
    option_contact,
    option_order,
    option_order_if_any,
    read_code,
)


def issue(  # noqa: PLR0913 - one parameter for each option
    cards: GiftCards,
    *,
    market: opt.Market,
    amount: opt.CardAmount,
    order_id: opt.OrderId,
    payment_reference: opt.PaymentReference,
    purchaser_email: opt.PurchaserEmail,
    purchaser_name: opt.Name = "",
    purchaser_locale: opt.Locale = "",
    recipient_email: opt.RecipientEmail = None,
    recipient_name: opt.Name = "",
    recipient_locale: opt.Locale = "",
    payment_method: opt.PaidBy = "BANK_CARD",
    discounts: opt.Discounts = None,
    design: opt.Design = "",
    message: opt.Message = "",
    deliver_on: opt.DeliverOn = None,
    request_id: opt.RequestId = None,
) -> Issued:
    """Make a card for a paid purchase, and show its code."""
    method = PaymentMethod(payment_method)
    return cards.issue(
        market=market,
        amount=amount,
        purchase=Purchase(order_id, payment_reference, method, discounts or []),
        purchaser=Contact(purchaser_email, purchaser_name, purchaser_locale),
        recipient=option_contact(recipient_email, recipient_name, recipient_locale),
        design=design,
        message=message,
        deliver_on=None if deliver_on is None else deliver_on.date(),
        request_id=request_id,
    )


def validate(
    cards: GiftCards,
    *,
    market: opt.Market,
    order_id: opt.ValidatedOrderId = None,
    total: opt.OrderTotal = None,
    lines: opt.OrderLines = None,
    discounts: opt.Discounts = None,
    attempt_key: opt.AttemptKey = "",
) -> Validation:
    """Show what is on a card or, with an order, how much of it the card would pay and would lose.

    Changes nothing. Asks for the code, or reads it from standard input.
    """
    order = option_order_if_any(order_id, total, lines, discounts)
    return cards.validate(read_code(), market=market, order=order, attempt_key=attempt_key)


def authorize(  # noqa: PLR0913 - one parameter for each option
    cards: GiftCards,
    *,
    market: opt.Market,
    order_id: opt.OrderId,
    customer_email: opt.CustomerEmail,
    customer_name: opt.Name = "",
    customer_locale: opt.Locale = "",
    total: opt.OrderTotal = None,
    lines: opt.OrderLines = None,
    discounts: opt.Discounts = None,
    hold_seconds: opt.HoldSeconds = None,
    attempt_key: opt.AttemptKey = "",
    request_id: opt.RequestId = None,
) -> Authorized:
    """Set money aside on a card for an order.

    Asks for the code, or reads it from standard input.
    """
    order = option_order(order_id, total, lines, discounts)
    return cards.authorize(
        read_code(),
        market=market,
        order=order,
        customer=Contact(customer_email, customer_name, customer_locale),
        hold_for=None if hold_seconds is None else timedelta(seconds=hold_seconds),
        attempt_key=attempt_key,
        request_id=request_id,
    )


def capture(
    cards: GiftCards,
    authorization_id: opt.AuthorizationId,
    *,
    amount: opt.CapturedAmount = None,
    other_tender_amount: opt.OtherTenderAmount = None,
    request_id: opt.RequestId = None,
) -> Captured:
    """Take the money that was set aside; the rest of the card's value is lost."""
    return cards.capture(
        authorization_id,
        amount=amount,
        other_tender_amount=other_tender_amount,
        request_id=request_id,
    )


def reverse(  # noqa: PLR0913 - one parameter for each option
    cards: GiftCards,
    authorization_id: opt.ReversedAuthorizationId = None,
    *,
    reason: opt.WhyReversed,
    authorize_request_id: opt.AuthorizeRequestId = None,
    refund_amount: opt.RefundAmount = None,
    delivered_on: opt.DeliveredOn = None,
    before_delivery: opt.BeforeDelivery = False,
    exercised_on: opt.ExercisedOn = None,
    beneficiary_email: opt.BeneficiaryEmail = None,
    beneficiary_name: opt.Name = "",
    beneficiary_locale: opt.Locale = "",
    request_id: opt.RequestId = None,
) -> Reversed:
    """Undo an authorize: release a hold, or give captured money back on a new card."""
    if (authorization_id is None) == (authorize_request_id is None):
        message = "name what to undo, by either an authorization id or --authorize-request-id"
        raise typer.BadParameter(message)
    return cards.reverse(
        authorization_id=authorization_id,
        authorize_request_id=authorize_request_id,
        reason=reason,
        refund_amount=refund_amount,
        delivered_on=None if delivered_on is None else delivered_on.date(),
        before_delivery=before_delivery,
        exercised_on=None if exercised_on is None else exercised_on.date(),
        beneficiary=option_contact(beneficiary_email, beneficiary_name, beneficiary_locale),
        request_id=request_id,
    )


def cancel(
    cards: GiftCards,
    *,
    order_id: opt.OrderId,
    exercised_on: opt.ExercisedOn = None,
    actor: opt.Actor = "",
    note: opt.Note = "",
    request_id: opt.RequestId = None,
) -> Cancelled:
    """Cancel the purchase of a wholly unused card, and show the amount to pay back.

    Asks for the code, or reads it from standard input.
    """
    return cards.cancel(
        read_code(),
        purchase_order_id=order_id,
        exercised_on=None if exercised_on is None else exercised_on.date(),
        actor=actor,
        note=note,
        request_id=request_id,
    )


# Not `terms`, which shows operators what the settings of their machine say, on any day.
def market_terms(cards: GiftCards, *, market: opt.Market) -> MarketTerms:
    """Show the terms that a server sells cards under now."""
    return cards.terms(market)
