"""The commands about events: `giftcard events tail` and `compare`."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from giftcard_client import CardState, Event, Events, EventType, GiftCardError, Money, PositionGone
from giftcard_client.cli.amounts import format_amount
from giftcard_client.cli.comparison.saved_events import (
    Comparison,
    NotAnEventError,
    Saved,
    compare,
    saved_events,
)
from giftcard_client.cli.exit_codes import ExitCode, report
from giftcard_client.cli.options import (
    AuthorityFile,
    CertificateFile,
    KeyFile,
    Output,
    OutputFormat,
    Target,
)
from giftcard_client.cli.output import answer_json
from giftcard_client.cli.remote_command import DEFAULT_TARGET, credentials_of

# Where nobody says where to begin: enough to see that something happens.
LAST_EVENTS = 10

After = Annotated[
    int | None,
    typer.Option(
        min=0, help="Begin after this position; 0: with the oldest. Absent: with the last ten."
    ),
]
Types = Annotated[
    list[EventType] | None,
    typer.Option("--type", case_sensitive=False, help="Only this type; may be repeated."),
]
Limit = Annotated[int | None, typer.Option(min=1, help="End after so many events.")]

SavedFile = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help="What the consumer was told, as JSON lines.",
    ),
]

events = typer.Typer(help="Follow what happens to all cards.", no_args_is_help=True)


@events.callback()
def _events() -> None:
    """Follow what happens to all cards."""


@events.command()
def tail(
    *,
    after: After = None,
    types: Types = None,
    limit: Limit = None,
    target: Target = DEFAULT_TARGET,
    output: OutputFormat = Output.TABLE,
    ca: AuthorityFile = None,
    cert: CertificateFile = None,
    key: KeyFile = None,
) -> None:
    """Show events as they are committed, one on each line, until it is interrupted.

    It resumes by itself where the connection or the server ends. Lines of JSON are whole events.
    """
    try:
        with Events(target, credentials=credentials_of(ca, cert, key)) as log:
            for event in itertools.islice(_wanted(log, after, types or []), limit):
                typer.echo(_json(event) if output is Output.JSON else _line(event))
    except GiftCardError as error:
        raise typer.Exit(report(error, {}, output)) from None
    except KeyboardInterrupt:
        raise typer.Exit from None


@events.command("compare")
def compare_saved(
    saved: SavedFile,
    *,
    target: Target = DEFAULT_TARGET,
    output: OutputFormat = Output.TABLE,
    ca: AuthorityFile = None,
    cert: CertificateFile = None,
    key: KeyFile = None,
) -> None:
    """List what a consumer was told and the service does not know, as after a restore.

    FILE has lines of `giftcard events tail --output json`, or the same fields from the
    consumer's own store: event_id, occur_time, position and generation at least. Changes
    nothing. Exit code 3: the service lacks some of them.
    """
    try:
        with (
            saved.open(encoding="utf-8") as lines,
            Events(target, credentials=credentials_of(ca, cert, key)) as log,
        ):
            found = compare(log, saved_events(lines))
    except (NotAnEventError, UnicodeDecodeError) as error:
        said = str(error) if isinstance(error, NotAnEventError) else "it is not text in UTF-8"
        raise typer.BadParameter(said, param_hint="FILE") from None
    except GiftCardError as error:
        raise typer.Exit(report(error, {}, output)) from None
    for each in found.lacking:
        typer.echo(json.dumps(each, ensure_ascii=False) if output is Output.JSON else _told(each))
    if output is Output.TABLE:
        typer.echo(_summary(found))
    raise typer.Exit(ExitCode.DECLINED if found.lacking else ExitCode.OK)


def _told(saved: Saved) -> str:
    """Write a saved event as `tail` writes events; what a store left out is left out."""
    amount = saved.get("amount") or {}
    known = type(amount) is dict and amount.keys() == {"amount_minor", "currency_code"}
    words = [
        f"{saved['position']:>8}",
        saved["occur_time"],
        f"{saved.get('type', ''):<16}",
        saved.get("card_id", ""),
        format_amount(Money(**amount)) if known else "",
        saved.get("order_id") or saved.get("purchase_order_id") or "",
    ]
    return "  ".join(str(word) for word in words if word)


def _summary(found: Comparison) -> str:
    cards = {each.get("card_id") for each in found.lacking}
    sentences = [
        f"{found.compared} saved events were compared.",
        f"{len(found.lacking)} of them, of {len(cards)} cards, are unknown to the service.",
    ]
    if found.removed:
        sentences.append(
            f"{found.removed} are older than all that it keeps, and were not compared."
        )
    return " ".join(sentences)


def _wanted(log: Events, after: int | None, types: list[EventType]) -> Iterator[Event]:
    return log.watch(_latest(log) if after is None else after, types=types)


def _latest(log: Events) -> int:
    """Return the position before the last few events that are left."""
    oldest = 1
    try:
        page = log.read(0, limit=1)
    except PositionGone as gone:
        oldest = gone.oldest_position
        page = log.read(oldest - 1, limit=1)
    return max(oldest - 1, page.last_position - LAST_EVENTS)


def _json(event: Event) -> str:
    return answer_json(event, {}, show_code=False, indent=None)


def _line(event: Event) -> str:
    """Write the position, when, what, which card, how much, and for which order."""
    words = [
        f"{event.position:>8}",
        f"{event.occur_time:%Y-%m-%d %H:%M:%S}",
        f"{event.type:<16}",
        event.card_id,
        format_amount(event.amount) if event.amount else "",
        event.order_id or event.purchase_order_id,
    ]
    if event.card_state is CardState.BLOCKED:
        words.append("blocked")
    return "  ".join(word for word in words if word)
