"""The commands `giftcard people`: through the service, or with `--offline` the server's own."""

from collections.abc import Callable
from typing import Annotated

import typer

from giftcard_client import PersonErased, Privacy, Who
from giftcard_client.cli import options as opt
from giftcard_client.cli.acting import Acting
from giftcard_client.cli.privacy_commands import Exported
from giftcard_client.cli.remote_command import remote_command
from giftcard_client.cli.server_commands import server_command

NAME = "people"
OFFLINE = "--offline"

CardId = Annotated[str, typer.Argument(help="The card's id: 32 hex digits.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")]


def show(
    privacy: Privacy,
    card_id: CardId,
    *,
    acting: Acting,
) -> Exported:
    """Show what is known of a card's people, as `giftcard privacy export --card-id` does.

    With --offline it reads the database itself, without a server; `show ID --offline --help`.
    """
    found = privacy.export(Who(card_id=card_id), acting)
    return Exported(found.schema_version, found.document)


def forget(
    privacy: Privacy,
    card_id: CardId,
    *,
    yes: Yes = False,
    acting: Acting,
    request_id: opt.RequestId = None,
) -> PersonErased:
    """Forget a card's people for good, or propose to, as `giftcard privacy erase --card-id` does.

    With --offline it changes the database itself, without a server; `forget ID --offline --help`.
    """
    if not yes:
        typer.confirm(f"Forget the people of card {card_id} for good?", abort=True, err=True)
    return privacy.erase(Who(card_id=card_id), acting, request_id=request_id)


def people_commands() -> typer.Typer:
    """Return the commands as one group, which the server's own commands for people join."""
    group = typer.Typer(
        name=NAME,
        help="Show or forget who is kept beside a card.",
        no_args_is_help=True,
        rich_markup_mode="markdown",
        pretty_exceptions_enable=False,
    )
    for command in (show, forget):
        group.command(
            help=command.__doc__,
            add_help_option=False,
            # Whichever command it is reads all further arguments, --help included.
            context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
            name=command.__name__,
        )(_remote_or_offline(command))
    return group


def _remote_or_offline(command: Callable[..., object]) -> Callable[[typer.Context], None]:
    name = command.__name__

    def run(ctx: typer.Context) -> None:
        if OFFLINE in ctx.args:
            server_command(NAME, name)(ctx)
            return
        remote = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        remote.command(name)(remote_command(command))
        remote(args=ctx.args, prog_name=f"giftcard {NAME} {name}")

    return run
