"""`giftcard keys`: make a key ring, list it, rotate it, and check that a server can start with it.

No command ever shows a secret.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress

from giftcard_rules.codes import KeyRing
from giftcard_server.commands.answers import Output, OutputFormat, answering
from giftcard_server.commands.exits import refuse, refusing, settings_or_refuse
from giftcard_server.commands.keys_report import print_check, print_uses, uses_of
from giftcard_server.errors import KeysRefusedError, StartRefusedError
from giftcard_server.keys import key_file
from giftcard_server.keys.key_ring import existing_ring_of
from giftcard_server.keys.known_cards import mistakes_of
from giftcard_server.settings import Settings
from giftcard_server.shared_overview import SharedOverview
from giftcard_storage import database, rewrapping
from giftcard_storage.errors import StorageError
from giftcard_storage.overview import Holdings

EXIT_CANNOT_START: Final = 1
EXIT_SOME_LEFT: Final = 1
TO_BE_MADE: Final = "there is no ring yet: a server makes one beside its database"

Path_ = Annotated[Path, typer.Argument(help="The file that GIFTCARD_KEY_FILE names.")]
MistakesOn = Callable[[KeyRing], list[str]]

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def _keys() -> None:
    """Make and check key rings. A key ring is enough to derive the codes of all its cards."""


@app.command()
def new(path: Path_, output: OutputFormat = Output.TABLE) -> None:
    """Make a key ring with one new key, in a file that its owner alone can read."""
    with _refusing("make keys", path):
        try:
            key_file.make(path)
        except FileExistsError:
            refuse(f"there is a key file {path} already, and it stays as it is", "make keys")
        key_id = key_file.read(path).first.key_id
    with answering(output) as answer:
        answer.say(f"{path}: one new key", path=path, key_id=key_id)


@app.command()
def rotate(
    path: Path_,
    *,
    later: Annotated[
        bool, typer.Option("--later", help="Put the key last: new cards do not use it yet.")
    ] = False,
    to: Annotated[
        str | None, typer.Option(help="Make no key; put the one with this id first.")
    ] = None,
    output: OutputFormat = Output.TABLE,
) -> None:
    """Put a new key first, for new cards. Old keys stay, since their cards need them.

    Servers read the file when they start. Servers that share a database must all know a key before
    any of them uses it: rotate with --later, restart all, rotate with --to, restart all.
    """
    if later and to is not None:
        message = "--later and --to are two steps"
        raise typer.BadParameter(message)
    with _refusing("rotate keys", path), answering(output) as answer:
        if to is not None:
            key_file.put_first(path, to)
            key_id, done = to, "is first now"
        elif later:
            key_id, done = key_file.add_last(path).keys[-1].key_id, "is new, and last"
        else:
            key_id, done = key_file.rotate(path).first.key_id, "is new, and first"
        is_first, is_new = not later, to is None
        answer.say(
            f"{path}: {key_id} {done}", path=path, key_id=key_id, is_new=is_new, is_first=is_first
        )


@app.command("list")
def list_keys(
    path: Annotated[
        Path | None, typer.Argument(help="A key file. Absent: the ring that the settings name.")
    ] = None,
    output: OutputFormat = Output.TABLE,
) -> None:
    """Show the keys of a ring and, where the database answers, how many cards each has.

    Two rings with equal fingerprints have equal keys.
    """
    settings = settings_or_refuse()
    try:
        ring = key_file.read(path) if path else existing_ring_of(settings)
    except (KeysRefusedError, StartRefusedError, StorageError) as error:
        refuse(str(error), "list keys")
    remarks = [] if ring else [TO_BE_MADE]
    holdings: list[Holdings] | None = None
    sealed: dict[str, int] = {}
    try:
        with _cards_of(settings) as (holdings, sealed, _):
            pass
    except StorageError as error:
        remarks.append(f"cards were not counted: {error}")
    print_uses(output, uses_of(ring, holdings, sealed), remarks)


@app.command()
def check(output: OutputFormat = Output.TABLE) -> None:
    """Check whether a server with these settings could start with its keys; exit 1 if not.

    It can where each key that live cards need is in the ring, and is the one that they were made
    with. Exit 2 where the check itself is not possible. Nothing is changed.
    """
    settings = settings_or_refuse()
    ring, mistakes = None, []
    try:
        try:
            ring = existing_ring_of(settings)
        except StartRefusedError as error:
            mistakes = [str(error)]
        with _cards_of(settings) as (holdings, sealed, mistakes_on):
            mistakes += mistakes_on(ring) if ring else []
    except StorageError as error:
        refuse(str(error), "check keys")
    remarks = [] if ring or mistakes else [TO_BE_MADE]
    print_check(output, uses_of(ring, holdings, sealed), remarks, mistakes)
    sys.exit(EXIT_CANNOT_START if mistakes else 0)


@app.command()
def rewrap(output: OutputFormat = Output.TABLE) -> None:
    """Wrap the data keys of all people under the first key, so that no person needs an old one.

    Servers go on meanwhile. It may be stopped and run again at any time; exit 1 where some data
    keys could not be unwrapped, as their key is not in the ring.
    """
    settings = settings_or_refuse()
    with refusing("rewrap people"), answering(output) as answer:
        ring = existing_ring_of(settings)
        if ring is None:
            answer.say(TO_BE_MADE, key_id=None, done=0, out_of_reach=0)
            return
        url = settings.database_url
        database.require_schema(url)
        with closing(database.connect(url)) as connection:
            done, out_of_reach = _rewrapped(connection, ring)
        first = ring.first.key_id
        answer.say(f"{done} data keys are under {first} now", key_id=first, done=done)
        left = f"{out_of_reach} data keys cannot be unwrapped with this ring"
        answer.say(left if out_of_reach else "", out_of_reach=out_of_reach)
    sys.exit(EXIT_SOME_LEFT if out_of_reach else 0)


def _rewrapped(connection: database.Connection, ring: KeyRing) -> tuple[int, int]:
    """Rewrap all, and return how many data keys are done and how many are out of reach."""
    total = rewrapping.left(connection, ring)
    done = out_of_reach = 0
    with _progress() as progress:
        task = progress.add_task("data keys", total=total)
        for each in rewrapping.rewrap(connection, ring):
            done, out_of_reach = done + each.done, out_of_reach + each.out_of_reach
            progress.update(task, completed=done + out_of_reach)
    return done, out_of_reach


def _progress() -> Progress:
    """Return a progress bar, which is shown on a terminal alone."""
    console = Console(stderr=True)
    columns = (*Progress.get_default_columns(), MofNCompleteColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal)


@contextmanager
def _cards_of(settings: Settings) -> Iterator[tuple[list[Holdings], dict[str, int], MistakesOn]]:
    """Yield a database's holdings, its people by key, and what finds the mistakes of a ring.

    Without an embedded database there are no cards yet. Raises `StorageError`.
    """
    url = settings.database_url
    if database.is_to_be_made(url):
        yield [], {}, lambda _: []
        return
    database.require_schema(url)
    with closing(SharedOverview(url)) as overview:
        holdings, in_use = overview.holdings(), overview.keys_in_use()

        def mistakes_on(ring: KeyRing) -> list[str]:
            return mistakes_of(holdings, in_use, overview.made_by, ring, settings.known_markets)

        yield holdings, overview.sealed(), mistakes_on


@contextmanager
def _refusing(what: str, path: Path) -> Iterator[None]:
    try:
        yield
    except KeysRefusedError as error:
        refuse(str(error), what)
    except OSError as error:
        refuse(f"key file {path}: {error.strerror}", what)
