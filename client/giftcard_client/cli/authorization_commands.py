"""The commands of `giftcard` that look at authorizations, extend holds and preview a reverse."""

from datetime import timedelta

import typer

from giftcard_client import (
    Extended,
    GiftCards,
    ReversePreview,
    ShownAuthorization,
    ShownAuthorizations,
)
from giftcard_client.cli import options as opt
from giftcard_client.cli.option_values import option_contact


def authorization(
    cards: GiftCards,
    authorization_id: opt.ReversedAuthorizationId = None,
    *,
    authorize_request_id: opt.AuthorizeRequestId = None,
) -> ShownAuthorization:
    """Show an authorization as it is now, and the cards that came out of it. Changes nothing."""
    _require_one(authorization_id, authorize_request_id)
    return cards.authorization(authorization_id, authorize_request_id=authorize_request_id)


def authorizations(
    cards: GiftCards, *, market: opt.Market, order_id: opt.OrderId
) -> ShownAuthorizations:
    """Show all authorizations of an order, closed ones too. Changes nothing."""
    return cards.authorizations(market, order_id)


def extend(
    cards: GiftCards,
    authorization_id: opt.AuthorizationId,
    *,
    hold_seconds: opt.ExtendSeconds,
    request_id: opt.RequestId = None,
) -> Extended:
    """Hold longer, from now on, up to the market's longest hold."""
    return cards.extend(authorization_id, timedelta(seconds=hold_seconds), request_id)


def preview_reverse(  # noqa: PLR0913 - one parameter for each option
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
) -> ReversePreview:
    """Show what reverse with the same options would answer now. Changes nothing."""
    _require_one(authorization_id, authorize_request_id)
    return cards.preview_reverse(
        authorization_id,
        authorize_request_id=authorize_request_id,
        reason=reason,
        refund_amount=refund_amount,
        delivered_on=None if delivered_on is None else delivered_on.date(),
        before_delivery=before_delivery,
        exercised_on=None if exercised_on is None else exercised_on.date(),
        beneficiary=option_contact(beneficiary_email, "", ""),
    )


def _require_one(authorization_id: object, authorize_request_id: object) -> None:
    if (authorization_id is None) == (authorize_request_id is None):
        message = "name it by either an authorization id or --authorize-request-id"
        raise typer.BadParameter(message)
