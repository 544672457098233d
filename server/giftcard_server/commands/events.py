"""`giftcard events new-generation`: after a restore, tell consumers that positions begin anew."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated, Final

import typer

from giftcard_server.clocks.judged_clock import utc_now
from giftcard_server.commands.answers import Output, OutputFormat, answering
from giftcard_server.commands.exits import refuse, refusing, settings_or_refuse
from giftcard_storage import database
from giftcard_storage.errors import StaleError
from giftcard_storage.events import EventLog

WHAT: Final = "begin a generation of events"

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def _events() -> None:
    """Decide about the log of events."""


@app.command()
def new_generation(
    *,
    last_common: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="The last position that the backup held, if servers ran since the restore.",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    output: OutputFormat = Output.TABLE,
) -> None:
    """Say that the database was restored from a backup. Run it before servers start on it again.

    Positions that were given after the backup will be given again, to other events. Consumers of
    the former generation are told so with their next call, and go on after the last position that
    both have in common. Reads GIFTCARD_DATABASE_URL. Nothing else is changed.
    """
    url = settings_or_refuse().database_url
    with refusing(WHAT), answering(output) as answer:
        database.require_schema(url)
        with closing(database.connect(url)) as connection:
            events = EventLog(connection)
            last = events.last_position()
            common = last if last_common is None else last_common
            if common > last:
                refuse(f"no position after {last} was given in this database", WHAT)
            answer.tell(f"The newest position in the database is {last}.")
            answer.tell(f"Consumers will forget what they were told after position {common}.")
            if not yes:
                typer.confirm("Was the database restored from a backup?", abort=True, err=True)
            try:
                generation = events.begin_generation(utc_now(), common)
            except StaleError:
                refuse("somebody else has begun one at the same moment", WHAT)
        done = f"Generation {generation} has begun."
        answer.say(done, generation=generation, after_position=common)
