"""Every command that prints takes `-o table|json`: a table over the whole command line."""

from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

import pytest
import typer
from typer.main import get_command

from giftcard_client.cli.app import giftcard
from giftcard_client.cli.people_commands import forget, show
from giftcard_client.cli.remote_command import remote_command
from giftcard_client.cli.server_commands import GROUP

# Commands that answer nothing, and why.
WITHOUT: Final = {
    "demo": "a play for people, on a server of its own",
    "sandbox": "serves until it is stopped; says on one line that it is ready",
    "serve": "likewise",
}
# Commands through the service that the database itself answers too.
OFFLINE_TOO: Final = {"people show", "people forget"}
# The click of typer has no types here.
Command = Any


def leaves(name: str, command: Command) -> Iterator[tuple[str, Command]]:
    """Yield every command under a name, with its whole name."""
    for part, inner in getattr(command, "commands", {}).items():
        yield from leaves(f"{name} {part}".strip(), inner)
    if not hasattr(command, "commands"):
        yield name, command


def loaded(entry_point: EntryPoint) -> Command:
    found = entry_point.load()
    app = found if isinstance(found, typer.Typer) else typer.Typer()
    if app is not found:
        app.command()(found)
    return get_command(app)


def all_commands() -> dict[str, Command]:
    """Return each command of the command line; those that hand over to another are that one."""
    by_name = dict(leaves("", get_command(giftcard())))
    for command in (show, forget):
        app = typer.Typer()
        app.command()(remote_command(command))
        by_name[f"people {command.__name__}"] = get_command(app)
    for entry_point in entry_points(group=GROUP):
        by_name.pop(entry_point.name, None)  # It hands over to what follows.
        for name, command in leaves(entry_point.name, loaded(entry_point)):
            by_name[f"{name} --offline" if name in OFFLINE_TOO else name] = command
    return by_name


COMMANDS: Final = all_commands()


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_takes_the_option_output(name: str) -> None:
    options = {option: each for each in COMMANDS[name].params for option in each.opts}
    kinds = [tuple(options[each].type.choices) for each in ("-o", "--output") if each in options]
    assert kinds == ([] if name in WITHOUT else [("table", "json")] * 2)


def test_the_table_has_the_whole_command_line() -> None:
    some = {"validate", "events tail", "support proposals list", "keys rewrap", "mail list"}
    assert COMMANDS.keys() >= some | WITHOUT.keys()
