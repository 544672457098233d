"""`giftcard reinstate`: book back expiries and lapses that a wrong clock has booked."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from giftcard_rules.ledger import PostingKind
from giftcard_server.commands.answers import Output, OutputFormat, print_json
from giftcard_server.commands.exits import refuse, refusing, settings_or_refuse
from giftcard_server.commands.tables import money, show
from giftcard_server.deciding.reinstating import Entry, Reinstating
from giftcard_server.errors import ClockWrongError, ContendedError
from giftcard_server.opening import judged_clock_of
from giftcard_server.settings import Settings
from giftcard_storage import database, early
from giftcard_storage.store import Store

WHAT: Final = "reinstate"
EXIT_LEFT: Final = 1
BOOKED: Final = {PostingKind.REINSTATE: "expiry", PostingKind.REHOLD: "lapse"}


def reinstate(
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be booked; change nothing.")
    ] = False,
    output: OutputFormat = Output.TABLE,
) -> None:
    """Book back expiries and lapses that were booked before their time; exit 1 if some are left.

    A clock that runs ahead books them. A card is worth again what it was; a hold is open again if
    nobody has used its card since and its order has no other card. Reads GIFTCARD_DATABASE_URL.
    Servers may run at the same time. The clock of this machine is judged as a server's is.
    """
    settings = settings_or_refuse()
    entries: list[Entry] = []
    with refusing(WHAT), ExitStack() as opened:
        database.require_schema(settings.database_url)
        try:
            _run(settings, opened, entries, dry_run=dry_run)
        except ClockWrongError as error:
            refuse(str(error), WHAT)
        except ContendedError:
            refuse("servers change the same cards all the time: try again", WHAT)
        finally:  # Whatever ends it, these are booked.
            _PRINT[output](entries, is_dry=dry_run)
    sys.exit(EXIT_LEFT if any(entry.why_left for entry in entries) else 0)


def _run(settings: Settings, opened: ExitStack, entries: list[Entry], *, dry_run: bool) -> None:
    url = settings.database_url
    clock = judged_clock_of(settings, opened, None, marks=False)
    overview, connection = database.connect_to_look_over(url), database.connect(url)
    for each in (overview, connection):
        opened.callback(database.close, each)
    now = clock.now()
    last_lapses = partial(early.last_lapses, connection)
    markets = settings.known_markets
    reinstating = Reinstating(Store(connection), last_lapses, markets, clock.now)
    lapses, expired = early.lapsed_early(overview, now), early.expired_early(overview, now)
    for entry in reinstating.run(lapses, expired, dry=dry_run):
        entries.append(entry)  # noqa: PERF402 - one by one, as each is booked


def _print_json(entries: Sequence[Entry], *, is_dry: bool) -> None:  # noqa: ARG001 - as the other
    print_json([dataclasses.asdict(entry) for entry in entries])


def _print_table(entries: Sequence[Entry], *, is_dry: bool) -> None:
    console = Console(highlight=False)
    if not entries:
        console.print("Nothing was booked before its time.")
        return
    done = "would be booked back" if is_dry else "booked back"
    table = Table()
    for column in ("card", "booked", "authorization", "amount", "ends at", "result"):
        table.add_column(column, no_wrap=True)
    for entry in entries:
        table.add_row(
            entry.card_id,
            BOOKED[entry.kind],
            entry.authorization_id or "",
            money(entry.amount_minor, entry.currency),
            f"{entry.ends_at:%Y-%m-%d %H:%M} UTC",
            f"left: {entry.why_left.value}" if entry.why_left else done,
        )
    show(table)


_PRINT: Final = {Output.JSON: _print_json, Output.TABLE: _print_table}
