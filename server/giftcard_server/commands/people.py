"""`giftcard people`: show and forget the people of a card, for Customer Service.

It needs database access and a readable key ring. Each reading is logged.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, Final

import structlog
import typer
from rich.table import Table
from rich.text import Text

from giftcard_rules.decisions import Person
from giftcard_server import logs
from giftcard_server.commands.audit_report import Output
from giftcard_server.commands.exits import refuse, refusing, settings_or_refuse
from giftcard_server.commands.tables import show as show_table
from giftcard_server.keys.key_ring import existing_ring_of
from giftcard_storage import database
from giftcard_storage import people as kept
from giftcard_storage.errors import CardUnknownError
from giftcard_storage.people import ActingFor, Loss, Lost

COLUMNS: Final = ("role", "authorization_id", "name", "email", "locale", "message", "lost")
WHY_LOST: Final[dict[Loss, str]] = {
    Loss.FORGOTTEN: "forgotten",
    Loss.RING_LACKS_KEY: "the ring lacks the key {key_id}",
    Loss.ALTERED: "altered since it was saved, or the ring has another key {key_id}",
}
TRACES: Final = (
    "The database's log and freed space may hold the data key, wrapped, for a while; see"
    " docs/operator.md."
)

_ID: Final = re.compile("[0-9a-f]{32}")


def _card_id(typed: str) -> str:
    """Refuse what is not an id without quoting it, since it may be a code."""
    if not _ID.fullmatch(typed):
        message = "a card's id has 32 hex digits, and is not its code"
        raise typer.BadParameter(message)
    return typed


CardId = Annotated[str, typer.Argument(callback=_card_id, help="The card's id: 32 hex digits.")]

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
log = structlog.get_logger(__name__)


@app.callback()
def _people() -> None:
    """Read and forget the people of a card, for Customer Service alone (R30, R32)."""


@app.command()
def show(
    card_id: CardId,
    output: Annotated[
        Output, typer.Option("--output", "-o", help="A table to read, or JSON for programs.")
    ] = Output.TABLE,
) -> None:
    """Show who bought a card, who received it, and who paid with it.

    Reads GIFTCARD_DATABASE_URL and the key ring as a server does. The reading is logged on standard
    error at every log level.
    """
    settings = settings_or_refuse()
    logs.configure("INFO")
    with _refusing("show people", card_id):
        ring = existing_ring_of(settings)
        if ring is None:
            raise CardUnknownError
        database.require_schema(settings.database_url)
        connection = database.connect(settings.database_url)
        try:
            people = kept.people_of(connection, ring, card_id, ActingFor.SUPPORT)
        finally:
            database.close(connection)
    log.info("people read", card_id=card_id, acting_for=ActingFor.SUPPORT.value)
    _PRINT[output](card_id, [_entry(person) for person in people])


@app.command()
def forget(
    card_id: CardId,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
) -> None:
    """Forget for good who bought, received and paid with a card. The card stays as it is.

    Reads GIFTCARD_DATABASE_URL; needs no key ring. Shoppers who pay with the card later are saved
    again.
    """
    settings = settings_or_refuse()
    if not yes:
        typer.confirm(f"Forget the people of card {card_id} for good?", abort=True, err=True)
    logs.configure("INFO")
    with _refusing("forget people", card_id):
        database.require_schema(settings.database_url)
        connection = database.connect(settings.database_url)
        try:
            forgotten = kept.forget(connection, card_id)
        finally:
            database.close(connection)
    log.info("people forgotten", card_id=card_id, acting_for=ActingFor.SUPPORT.value)
    done = "its people are forgotten" if forgotten.data_keys else "there were no people to forget"
    _say(f"card {card_id}: {done}")
    if forgotten.traces_may_remain:
        _say(TRACES)


def _entry(person: Person | Lost) -> dict[str, Any]:
    known: dict[str, Any] = {
        "role": person.role.value,
        "authorization_id": person.authorization_id,
    }
    if isinstance(person, Lost):
        return known | {"lost": WHY_LOST[person.why].format(key_id=person.key_id)}
    contact = person.contact
    values = {"name": contact.name, "email": contact.email, "locale": contact.locale}
    return known | values | {"message": person.message}


def _print_json(card_id: str, entries: Sequence[dict[str, Any]]) -> None:
    _say(json.dumps({"card_id": card_id, "people": entries}))


def _print_table(card_id: str, entries: Sequence[dict[str, Any]]) -> None:
    table = Table(title=f"card {card_id}", title_justify="left")
    for column in COLUMNS:
        table.add_column(column, no_wrap=True)
    for entry in entries:
        table.add_row(*(_printable(entry.get(column) or "") for column in COLUMNS))
    show_table(table)


_PRINT: Final[dict[Output, Callable[[str, Sequence[dict[str, Any]]], None]]] = {
    Output.JSON: _print_json,
    Output.TABLE: _print_table,
}


def _printable(text: str) -> Text:
    """Return a text with escapes in the place of characters that would control a terminal (R5)."""
    written = (c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return Text("".join(written))


@contextmanager
def _refusing(what: str, card_id: str) -> Iterator[None]:
    with refusing(what):
        try:
            yield
        except CardUnknownError:
            refuse(f"there is no card {card_id}", what)


def _say(answer: str) -> None:
    print(answer)  # noqa: T201 - the command's output
