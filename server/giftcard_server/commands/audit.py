"""`giftcard audit`: check every invariant of the ledger over the whole database."""

from __future__ import annotations

import sys
from typing import Annotated, Final

import typer

from giftcard_server.commands.audit_report import Output, print_report
from giftcard_server.commands.exits import refusing, settings_or_refuse
from giftcard_storage import audit as auditing
from giftcard_storage import database
from giftcard_storage.transactions import reading

EXIT_DIFFERENCES: Final = 1


def audit(
    output: Annotated[
        Output, typer.Option("--output", "-o", help="A table to read, or JSON for programs.")
    ] = Output.TABLE,
) -> None:
    """Check every invariant of the ledger over the whole database; exit 1 on any difference.

    Reads GIFTCARD_DATABASE_URL. The server may run at the same time.
    """
    url = settings_or_refuse().database_url
    with refusing("audit"):
        database.require_schema(url)
        connection = database.connect_to_look_over(url)
        try:
            with reading(connection):
                totals, differences = auditing.totals(connection), auditing.audit(connection)
        finally:
            connection.close()
    print_report(output, totals, differences)
    sys.exit(EXIT_DIFFERENCES if differences else 0)
