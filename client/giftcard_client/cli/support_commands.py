"""The commands `giftcard support`: what Customer Service sees of cards, and does to them."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated

import typer

from giftcard_client import GiftCard
from giftcard_client.cli import options as opt
from giftcard_client.cli.acting import By, ByAnybody, ByChargeback, ByRequest
from giftcard_client.cli.option_values import read_code
from giftcard_client.cli.remote_command import remote_command
from giftcard_client.support import Support
from giftcard_client.support_results import (
    CardActedOn,
    CardResent,
    Proposal,
    ProposalClosed,
    PurchaseCancelled,
    ShownCard,
    TimelineEntry,
)

CardId = Annotated[str, typer.Argument(help="The id of the card.")]
ProposalId = Annotated[str, typer.Argument(help="The id of the proposal.")]
OfCard = Annotated[
    str, typer.Option("--card-id", help="All proposals of this card. Absent: all that wait.")
]
AnyMarket = Annotated[str, typer.Option("--market", help="The platform. Absent: each.")]
CodeFlag = Annotated[
    bool, typer.Option("--code", help="By its code: asked for, or read from standard input.")
]
Text = Annotated[str | None, typer.Option()]
OpenPeople = Annotated[
    bool, typer.Option("--open-people", help="Show its people; the timeline notes who has.")
]
RestoreValidity = Annotated[
    bool, typer.Option("--restore-validity", help="Give back the days that the block took.")
]
CorrectedEmail = Annotated[str, typer.Option(help="Send it there instead. Another has to approve.")]


@dataclass(frozen=True, slots=True)
class FoundCards:
    """All cards that were found, as the answer of a command."""

    cards: tuple[GiftCard, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """Everything that happened to a card, as the answer of a command."""

    entries: tuple[TimelineEntry, ...]


@dataclass(frozen=True, slots=True)
class Proposals:
    """Proposals, as the answer of a command."""

    proposals: tuple[Proposal, ...]


def find(
    support: Support,
    *,
    code: CodeFlag = False,
    card_id: Text = None,
    purchase_order_id: Text = None,
    order_id: Text = None,
    payment_reference: Text = None,
    email: Text = None,
    market: AnyMarket = "",
) -> FoundCards:
    """Find cards by one thing that a customer or a bank can name, exactly."""
    named = (card_id, purchase_order_id, order_id, payment_reference, email)
    if sum(value is not None for value in named) + code != 1:
        message = "name the cards in one way, such as --order-id or --code"
        raise typer.BadParameter(message)
    found = support.find(
        code=read_code() if code else None,
        card_id=card_id,
        purchase_order_id=purchase_order_id,
        order_id=order_id,
        payment_reference=payment_reference,
        email=email,
        market=market,
    )
    return FoundCards(tuple(found))


def show(
    support: Support,
    *,
    card_id: CardId,
    open_people: OpenPeople = False,
    by: ByAnybody,
) -> ShownCard:
    """Show a card, its purchase, its replacements, its authorizations and its e-mails."""
    return support.card(card_id, opened_by=by if open_people else None)


def timeline(support: Support, *, card_id: CardId) -> Timeline:
    """Show everything that happened to a card and around it, oldest first."""
    return Timeline(tuple(support.timeline(card_id)))


def block(
    support: Support,
    *,
    card_id: CardId,
    by: By,
    request_id: opt.RequestId = None,
) -> CardActedOn:
    """Let a card pay for nothing until the block is lifted."""
    return support.block(card_id, by=by, request_id=request_id)


def unblock(
    support: Support,
    *,
    card_id: CardId,
    restore_validity: RestoreValidity = False,
    by: By,
    request_id: opt.RequestId = None,
) -> CardActedOn:
    """Lift a block. Another actor has to approve it, unless the settings say otherwise."""
    return support.unblock(
        card_id,
        by=by,
        restore_validity=restore_validity,
        request_id=request_id,
    )


def write_off(
    support: Support,
    *,
    card_id: CardId,
    by: ByChargeback,
    request_id: opt.RequestId = None,
) -> CardActedOn:
    """Write off a blocked card whose purchase was charged back; another actor has to approve."""
    return support.write_off(card_id, by=by, request_id=request_id)


def resend(
    support: Support,
    *,
    card_id: CardId,
    corrected_email: CorrectedEmail = "",
    by: ByRequest,
    request_id: opt.RequestId = None,
) -> CardResent:
    """Send the e-mail with the code again, at most three times a day."""
    return support.resend(
        card_id,
        by=by,
        corrected_email=corrected_email,
        request_id=request_id,
    )


def cancel(
    support: Support,
    *,
    market: opt.Market,
    purchase_order_id: Annotated[str, typer.Option(help="The order number of the purchase.")],
    purchaser_email: Annotated[str, typer.Option(help="The purchaser's own address.")],
    exercised_on: opt.ExercisedOn = None,
    by: ByRequest,
    request_id: opt.RequestId = None,
) -> PurchaseCancelled:
    """Cancel a purchase for a buyer who has no code."""
    return support.cancel_purchase(
        market=market,
        purchase_order_id=purchase_order_id,
        purchaser_email=purchaser_email,
        by=by,
        exercised_on=_day(exercised_on),
        request_id=request_id,
    )


def listed(support: Support, *, card_id: OfCard = "") -> Proposals:
    """Show what waits for an approval, or all proposals of a card."""
    return Proposals(tuple(support.proposals(card_id)))


def approve(
    support: Support,
    *,
    proposal_id: ProposalId,
    by: ByRequest,
    request_id: opt.RequestId = None,
) -> ProposalClosed:
    """Carry out what somebody else has proposed."""
    return support.approve(proposal_id, by=by, request_id=request_id)


def reject(
    support: Support,
    *,
    proposal_id: ProposalId,
    by: ByRequest,
    request_id: opt.RequestId = None,
) -> ProposalClosed:
    """Close a proposal without carrying it out."""
    return support.reject(proposal_id, by=by, request_id=request_id)


def support_commands() -> typer.Typer:
    """Return the commands as one group, in which the proposals are another."""
    group = _group("support", "What Customer Service sees of cards, and does to them.")
    for command in (find, show, timeline, block, unblock, write_off, resend, cancel):
        group.command()(remote_command(command))
    proposals = _group("proposals", "Acts that another actor has to approve.")
    proposals.command("list")(remote_command(listed))
    proposals.command()(remote_command(approve))
    proposals.command()(remote_command(reject))
    group.add_typer(proposals)
    return group


def _group(name: str, help_text: str) -> typer.Typer:
    return typer.Typer(
        name=name,
        help=help_text,
        no_args_is_help=True,
        rich_markup_mode="markdown",
        pretty_exceptions_enable=False,
    )


def _day(moment: datetime | None) -> date | None:
    return moment.date() if moment else None
