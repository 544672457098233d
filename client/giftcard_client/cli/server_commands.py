"""The commands of the server package, found by entry point: the client may not import it."""

import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points

import typer

GROUP = "giftcard.commands"
PACKAGES_OF_THIS_PROJECT = "giftcard"

# Repeated here so that `giftcard --help` need not import the server.
HELP = {
    "serve": "Start the server; its settings come from the environment.",
    "migrate": "Bring the database to the schema of this version.",
    "keys": "Make, rotate and look at the keys that codes are derived from.",
    "audit": "Check every invariant of the ledger over a whole database.",
    "people": "Show or forget who is kept beside a card; for Customer Service.",
    "terms": "Show the terms that hold in a market on a day.",
    "certs": "Make a development authority and certificates, to try mutual TLS.",
}


def add_server_commands(app: typer.Typer) -> None:
    """Add the server package's commands; each is imported only when it is run."""
    for entry_point in entry_points(group=GROUP):
        app.command(
            entry_point.name,
            help=HELP.get(entry_point.name),
            add_help_option=False,
            # The command itself reads all further arguments, --help included.
            context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
        )(_runs(entry_point))


def _runs(entry_point: EntryPoint) -> Callable[[typer.Context], None]:
    def run(ctx: typer.Context) -> None:
        command = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        try:
            loaded = entry_point.load()
            if isinstance(loaded, typer.Typer):
                command = loaded
            else:
                command.command()(loaded)
            command(args=ctx.args, prog_name=f"giftcard {entry_point.name}")
        except ModuleNotFoundError as error:
            # A missing module of this project is a defect, and not an extra that
            # was not installed.
            if (error.name or "").startswith(PACKAGES_OF_THIS_PROJECT):
                raise
            sys.exit(
                f"giftcard {entry_point.name}: the server is not installed"
                f" ({error.name} is missing). To install it:\n"
                "  pip install 'giftcard-tender[server]'"
            )

    return run
