"""`giftcard clock`: an operator says that the clock of this machine is right."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from giftcard_server.clocks.judged_clock import utc_now
from giftcard_server.clocks.judgement import SERVERS_CLOCK, Anchor, against_anchor, read_clocks
from giftcard_server.commands.answers import Output, OutputFormat, answering
from giftcard_server.commands.exits import refuse, refusing, settings_or_refuse
from giftcard_storage import clock, database

if TYPE_CHECKING:
    from datetime import datetime

WHAT = "accept the clock"
EFFECT = (
    "Servers on this database will go on by this clock. They will book the cards and holds\n"
    "that have ended by it. Marks ahead of it will be removed."
)

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def _clock() -> None:
    """Decide about a clock that the servers do not trust."""


@app.command()
def accept(
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    output: OutputFormat = Output.TABLE,
) -> None:
    """Let the servers on this database take the clock of this machine as right.

    Run it on the server's machine. It removes the marks in the database that are ahead of the
    clock, and reads GIFTCARD_DATABASE_URL. A clock that PostgreSQL's contradicts is not accepted.
    """
    settings = settings_or_refuse()
    url = settings.database_url
    with refusing(WHAT), answering(output) as answer, ExitStack() as opened:
        database.require_schema(url)
        connection = database.connect(url)
        opened.callback(database.close, connection)
        times = clock.times(connection)
        if times.server is not None:
            reading = read_clocks()
            anchor = Anchor(
                times.server.timestamp(), reading.monotonic, reading.boot, SERVERS_CLOCK
            )
            why = against_anchor(reading, anchor, settings.clock_tolerance_seconds)
            if why:
                refuse(f"{why}: set the one that is wrong", WHAT)
        answer.tell(f"The clock of this machine says {_shown(utc_now())}.")
        if times.newest is not None:
            answer.tell(f"The newest mark in the database is {_shown(times.newest)}.")
        answer.tell(EFFECT)
        if not yes:
            typer.confirm("Is that the right time?", abort=True, err=True)
        removed = clock.accept(connection, utc_now())
        done = f"Accepted; marks removed: {removed}. Servers go on within seconds."
        answer.say(done, marks_removed=removed)


def _shown(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%S} UTC"
