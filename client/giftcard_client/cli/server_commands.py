"""The commands of the server package, found by entry point: the client may not import it."""

import gc
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import typer

GROUP = "giftcard.commands"
PACKAGES_OF_THIS_PROJECT = "giftcard"

# Repeated here so that `giftcard --help` need not import the server.
HELP = {
    "serve": "Start the server; its settings come from the environment.",
    "sandbox": "Start a server for tests, whose clock can be moved.",
    "migrate": "Bring the database to the schema of this version.",
    "keys": "Make, rotate and look at the keys that codes are derived from.",
    "clock": "Say that the clock of this machine is right.",
    "reinstate": "Book back what a wrong clock has booked.",
    "audit": "Check every invariant of the ledger over a whole database.",
    "doctor": "Say what is wrong with the settings and all that they name.",
    "mail": "See what people get by e-mail, and what became of it.",
    "terms": "Show the terms that hold in a market on a day.",
    "pause": "Stop issuing or authorizing in a market for a while.",
    "resume": "Let issuing or authorizing go on in a market.",
    "backup": "Copy the embedded database while its server runs, and check the copy.",
    "restore": "Put a backup in the place of the embedded database.",
    "certs": "Make a development authority and certificates, to try mutual TLS.",
}
# A command of the client's that starts a server.
DEMO = "demo"
# The commands of the server's groups that go to a group of the client's with the same name.
SHARED = {
    "events": {"new-generation": "Say that the database was restored from a backup."},
    "people": {
        "reindex": "Seal the people of former versions apart, and hash addresses anew.",
        "reapply-erasures": "Repeat the erasures of a journal after a restore.",
    },
}


def is_service_installed() -> bool:
    """Return whether giftcard-tender is installed beside the client."""
    return bool(entry_points(group=GROUP))


def add_server_commands(app: typer.Typer, groups: Mapping[str, typer.Typer]) -> None:
    """Add the server package's commands; each is imported only when it is run.

    `groups` are the client's own groups; what the server has under the same name joins them.
    """
    if not is_service_installed():
        for name in (*HELP, DEMO):
            _add(app, name, None, _says_that_the_service_is_missing(name), hidden=True)
    for entry_point in entry_points(group=GROUP):
        name = entry_point.name
        if name not in groups:
            _add(app, name, HELP.get(name), _runs(entry_point))
            continue
        for command, help_text in SHARED[name].items():
            _add(groups[name], command, help_text, _runs(entry_point, command))


def server_command(group: str, command: str) -> Callable[[typer.Context], None]:
    """Return what runs a command of a group of the server's, or says that it is not installed."""
    for entry_point in entry_points(group=GROUP, name=group):
        return _runs(entry_point, command)
    return _says_that_the_service_is_missing(f"{group} {command}")


def _add(
    app: typer.Typer,
    name: str,
    help_text: str | None,
    run: Callable[[typer.Context], None],
    *,
    hidden: bool = False,
) -> None:
    app.command(
        name,
        help=help_text,
        hidden=hidden,
        add_help_option=False,
        # The command itself reads all further arguments, --help included.
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    )(run)


def _says_that_the_service_is_missing(name: str) -> Callable[[typer.Context], None]:
    def run(_: typer.Context) -> None:
        sys.exit(
            f"giftcard {name}: the service is not installed here, only its client. Install"
            " giftcard-tender into the same environment: docs/integrator.md says how."
        )

    return run


def _loaded(entry_point: EntryPoint) -> Any:  # noqa: ANN401 - a function or a group of commands
    """Import a command, a fifth faster as nobody looks for garbage meanwhile."""
    gc.disable()
    try:
        return entry_point.load()
    finally:
        gc.freeze()  # Modules live as long as the process.
        gc.enable()


def _runs(entry_point: EntryPoint, *command_of_group: str) -> Callable[[typer.Context], None]:
    def run(ctx: typer.Context) -> None:
        command = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        try:
            loaded = _loaded(entry_point)
            if isinstance(loaded, typer.Typer):
                command = loaded
            else:
                command.command()(loaded)
            command(args=[*command_of_group, *ctx.args], prog_name=f"giftcard {entry_point.name}")
        except ModuleNotFoundError as error:
            # A missing module of this project is a defect, and not an extra that
            # was not installed.
            if (error.name or "").startswith(PACKAGES_OF_THIS_PROJECT):
                raise
            sys.exit(
                f"giftcard {entry_point.name}: {error.name} is missing: giftcard-tender was"
                " installed without all that it needs.\n  pip check   # names what is missing"
            )

    return run
