"""The commands at a sandbox: `giftcard sandbox-clock`, which moves it too, and `sandbox-card`."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from giftcard_client.cli import options as opt
from giftcard_client.cli.option_values import option_amount
from giftcard_client.sandbox import ClockReading, Sandbox, SandboxCard
from giftcard_client.values import Money
from giftcard_client.vocabulary import SandboxCardState

Days = Annotated[
    float | None,
    typer.Option("--forward-days", min=0.0, metavar="DAYS", help="Move it forward by so much."),
]
Moment = Annotated[
    datetime | None,
    typer.Option(
        "--forward-to",
        formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"],
        metavar="TIME",
        help="Move it to a time in UTC, such as 2027-06-30 or 2027-06-30T08:00:00Z.",
    ),
]
State = Annotated[
    SandboxCardState, typer.Option(case_sensitive=False, help="What the card shall be.")
]
Amount = Annotated[
    Money | None,
    typer.Option(
        parser=option_amount, metavar="AMOUNT", help="Like 12.34 or '12.34 EUR'. Absent: 50.00."
    ),
]


def sandbox_clock(
    sandbox: Sandbox, *, forward_days: Days = None, forward_to: Moment = None
) -> ClockReading:
    """Show the clock of a sandbox, or move it forward for everybody there."""
    if forward_days is not None and forward_to is not None:
        message = "move it either by --forward-days or --forward-to"
        raise typer.BadParameter(message)
    if forward_days:
        sandbox.advance(by=timedelta(days=forward_days))
    if forward_to is not None:
        sandbox.advance(to=forward_to.replace(tzinfo=UTC))
    return sandbox.clock()


def sandbox_card(
    sandbox: Sandbox,
    *,
    state: State = SandboxCardState.ACTIVE,
    market: opt.Market = "fr",
    amount: Amount = None,
    request_id: opt.RequestId = None,
) -> SandboxCard:
    """Make a card in the state that a test needs; its code is shown with --show-code."""
    return sandbox.make_card(state, market=market, amount=amount, request_id=request_id)
