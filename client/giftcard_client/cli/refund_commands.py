"""The commands `giftcard refunds`: what the payment provider owes, and that it has paid."""

from dataclasses import dataclass

import typer

from giftcard_client import RefundConfirmed, RefundDue, Refunds
from giftcard_client.cli import options as opt
from giftcard_client.cli.remote_command import remote_command


@dataclass(frozen=True, slots=True)
class RefundsDue:
    """All that nobody has confirmed yet, as the answer of a command."""

    refunds_due: tuple[RefundDue, ...]


def due(refunds: Refunds, *, market: opt.Market) -> RefundsDue:
    """Show the refunds that the payment provider owes and nobody has confirmed."""
    return RefundsDue(tuple(refunds.due(market)))


def confirm(
    refunds: Refunds,
    *,
    card_id: opt.CancelledCardId = None,
    authorization_id: opt.RefundedAuthorizationId = None,
    amount: opt.ConfirmedAmount,
    provider_reference: opt.ProviderReference,
    request_id: opt.RequestId = None,
) -> RefundConfirmed:
    """Note that the payment provider has paid a refund, or a part of it."""
    if (card_id is None) == (authorization_id is None):
        message = "name the refund, by either --card-id or --authorization-id"
        raise typer.BadParameter(message)
    return refunds.confirm(
        card_id=card_id,
        authorization_id=authorization_id,
        amount=amount,
        provider_reference=provider_reference,
        request_id=request_id,
    )


def refund_commands() -> typer.Typer:
    """Return the commands as one group."""
    group = typer.Typer(
        name="refunds",
        help="Refunds that the payment provider owes.",
        no_args_is_help=True,
        rich_markup_mode="markdown",
        pretty_exceptions_enable=False,
    )
    for command in (due, confirm):
        group.command()(remote_command(command))
    return group
