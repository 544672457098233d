"""All commands of `giftcard`: one for each RPC, what the server package adds, and `demo`."""

from importlib import metadata
from typing import Annotated

import typer

from giftcard_client.cli.authorization_commands import (
    authorization,
    authorizations,
    extend,
    preview_reverse,
)
from giftcard_client.cli.demo.command import demo
from giftcard_client.cli.event_commands import events
from giftcard_client.cli.exit_codes import EXIT_CODES_HELP
from giftcard_client.cli.people_commands import people_commands
from giftcard_client.cli.privacy_commands import privacy_commands
from giftcard_client.cli.refund_commands import refund_commands
from giftcard_client.cli.remote_command import remote_command
from giftcard_client.cli.rpc_commands import (
    authorize,
    cancel,
    capture,
    issue,
    market_terms,
    reverse,
    validate,
)
from giftcard_client.cli.sandbox_commands import sandbox_card, sandbox_clock
from giftcard_client.cli.server_commands import DEMO, add_server_commands, is_service_installed
from giftcard_client.cli.support_commands import support_commands

DISTRIBUTION = "giftcard-client"


def run() -> None:
    """Run the command that is named on the command line."""
    giftcard()()


def giftcard() -> typer.Typer:
    """Return all commands; those of the server are imported only when they are run."""
    app = typer.Typer(
        name="giftcard",
        help="Gift cards as a payment method.",
        epilog=EXIT_CODES_HELP,
        no_args_is_help=True,
        context_settings={"help_option_names": ["--help", "-h"]},
        rich_markup_mode="markdown",
        # Pretty tracebacks show local variables, which may hold codes.
        pretty_exceptions_enable=False,
    )
    app.callback()(_giftcard)
    for command in (
        *(issue, validate, authorize, capture, reverse, cancel),
        *(authorization, authorizations, extend, preview_reverse),
        *(market_terms, sandbox_clock, sandbox_card),
    ):
        app.command()(remote_command(command))
    app.add_typer(refund_commands())
    app.add_typer(support_commands())
    app.add_typer(privacy_commands())
    app.add_typer(events, name="events")
    people = people_commands()
    app.add_typer(people)
    add_server_commands(app, {"events": events, "people": people})
    if is_service_installed():
        app.command(DEMO)(demo)
    return app


def _show_version(is_wanted: bool) -> None:  # noqa: FBT001 - typer passes it by position
    if is_wanted:
        typer.echo(f"giftcard {metadata.version(DISTRIBUTION)}")
        raise typer.Exit


def _giftcard(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version, and exit."
        ),
    ] = False,
) -> None:
    """Gift cards as a payment method."""
