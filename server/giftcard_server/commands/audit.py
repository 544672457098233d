"""`giftcard audit`: check every invariant of the ledger over the whole database."""

from __future__ import annotations

import sys
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.progress import Progress

from giftcard_server.commands.answers import Output, OutputFormat
from giftcard_server.commands.audit_report import print_report
from giftcard_server.commands.exits import refusing, settings_or_refuse
from giftcard_storage import database
from giftcard_storage.audit import audit_all
from giftcard_storage.rows import microseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EXIT_DIFFERENCES: Final = 1
# Longer than any command takes, whichever clock of the servers it has its time from.
UNDERWAY: Final = timedelta(minutes=5)


def audit(
    output: OutputFormat = Output.TABLE,
) -> None:
    """Check every invariant of the ledger over the whole database; exit 1 on any difference.

    Reads GIFTCARD_DATABASE_URL. The server may run at the same time: each slice of the walk is a
    snapshot of its own. On a terminal it shows how far it is.
    """
    url = settings_or_refuse().database_url
    with refusing("audit"):
        database.require_schema(url)
        # What is on its way when this begins has been committed, or never will be.
        horizon = datetime.now(UTC) - UNDERWAY
        with closing(database.connect_to_walk(url)) as connection, _progress() as show:
            found = audit_all(connection, horizon=microseconds(horizon), show=show)
    print_report(output, found.totals, found.differences)
    sys.exit(EXIT_DIFFERENCES if found.differences else 0)


@contextmanager
def _progress() -> Iterator[Callable[[float], object]]:
    """Give what shows the progress on a terminal, and nothing where there is none."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("Checking", total=1.0)
        yield lambda part: bar.update(task, completed=part)
