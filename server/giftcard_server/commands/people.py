"""`giftcard people`: people in the database itself, where no server can do it.

Showing and forgetting go through the service (`giftcard privacy`), or with `--offline` through the
database, with a warning; both are noted in the timeline of the card. Indexing people of former
versions, and repeating erasures after a restore, are for operators alone.
"""

from __future__ import annotations

import getpass
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import structlog
import typer
from rich.table import Table
from rich.text import Text

from giftcard_rules.acts import ACTOR_CHARACTERS, ActedBy, Ground
from giftcard_rules.decisions import Person
from giftcard_server import logs
from giftcard_server.commands.answers import Output, OutputFormat, answering, print_json
from giftcard_server.commands.exits import refuse, refusing, settings_or_refuse
from giftcard_server.commands.tables import show as show_table
from giftcard_server.keys.key_ring import existing_ring_of
from giftcard_server.opening import journal_of
from giftcard_server.settings import Settings
from giftcard_storage import database
from giftcard_storage.errors import CardUnknownError
from giftcard_storage.people import ActingFor, Loss, Lost
from giftcard_storage.personal.journal import TornJournalError, erasures_in
from giftcard_storage.personal.offline import forget_noted, people_noted
from giftcard_storage.personal.reapplying import reapply
from giftcard_storage.personal.resealing import rehash, reseal

COLUMNS: Final = ("role", "authorization_id", "name", "email", "locale", "message", "lost")
WHY_LOST: Final[dict[Loss, str]] = {
    Loss.RESTRICTED: "restricted",
    Loss.FORGOTTEN: "forgotten",
    Loss.RING_LACKS_KEY: "the ring lacks the key {key_id}",
    Loss.ALTERED: "altered since it was saved, or the ring has another key {key_id}",
}
TRACES: Final = (
    "The database's log and freed space may hold the data key, wrapped, for a while; see"
    " docs/operator.md."
)

_WARNING: Final = "warning: offline, no role is checked and nobody else approves"

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


Offline = Annotated[
    bool, typer.Option("--offline", help="Use the database itself, not the service.")
]
Actor = Annotated[
    str, typer.Option(envvar="GIFTCARD_ACTOR", help="Who does it. Absent: the user's name.")
]


@app.callback()
def _people() -> None:
    """Read, erase and index people in the database itself, without a server (R30, R32)."""


@app.command()
def show(
    card_id: CardId,
    *,
    output: OutputFormat = Output.TABLE,
    offline: Offline = False,
    actor: Actor = "",
) -> None:
    """Show who bought a card, who received it, and who paid with it.

    Reads GIFTCARD_DATABASE_URL and the key ring as a server does. The reading is noted in the
    card's timeline, and logged on standard error at every log level.
    """
    _require_offline(f"giftcard privacy export --card-id {card_id}", offline=offline)
    settings = settings_or_refuse()
    logs.configure("INFO")
    with _refusing("show people", card_id):
        ring = existing_ring_of(settings)
        if ring is None:
            raise CardUnknownError
        database.require_schema(settings.database_url)
        connection = database.connect(settings.database_url)
        try:
            people = people_noted(connection, ring, card_id, _by(actor), datetime.now(UTC))
        finally:
            database.close(connection)
    log.info("people read", card_id=card_id, acting_for=ActingFor.PRIVACY.value)
    _PRINT[output](card_id, [_entry(person) for person in people])


@app.command()
def forget(
    card_id: CardId,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    output: OutputFormat = Output.TABLE,
    offline: Offline = False,
    actor: Actor = "",
) -> None:
    """Forget for good who bought, received and paid with a card. The card stays as it is.

    Reads GIFTCARD_DATABASE_URL; needs no key ring. The erasure is noted in the card's timeline and
    in the erasure journal, if there is one. Shoppers who pay with the card later are saved again.
    """
    _require_offline(f"giftcard privacy erase --card-id {card_id}", offline=offline)
    settings = settings_or_refuse()
    if not yes:
        typer.confirm(f"Forget the people of card {card_id} for good?", abort=True, err=True)
    logs.configure("INFO")
    with _refusing("forget people", card_id):
        database.require_schema(settings.database_url)
        connection = database.connect(settings.database_url)
        try:
            forgotten = forget_noted(
                connection, card_id, _by(actor), datetime.now(UTC), journal_of(settings)
            )
        finally:
            database.close(connection)
    log.info("people forgotten", card_id=card_id, acting_for=ActingFor.PRIVACY.value)
    done = "its people are forgotten" if forgotten.data_keys else "there were no people to forget"
    traces = forgotten.traces_may_remain
    with answering(output) as answer:
        answer.say(f"card {card_id}: {done}", card_id=card_id, data_keys=forgotten.data_keys)
        answer.say(TRACES if traces else "", traces_may_remain=traces)


@app.command()
def reindex(output: OutputFormat = Output.TABLE) -> None:
    """Seal the people of former versions apart, so that they can be found and erased one by one.

    Also hashes addresses anew that another key than the first one of the ring has hashed: run it
    before a key is retired. It may be stopped and begun again; servers go on meanwhile.
    """
    settings = settings_or_refuse()
    logs.configure("INFO")
    with refusing("reindex people"), _connected(settings) as connection:
        ring = existing_ring_of(settings)
        if ring is None:
            refuse("there are no cards yet", "reindex people")
        apart = sum(each.people for each in reseal(connection, ring))
        anew = sum(each.people for each in rehash(connection, ring))
    with answering(output) as answer:
        done = f"{apart} people were sealed apart, {anew} addresses were hashed anew"
        answer.say(done, sealed_apart=apart, hashed_anew=anew)


@app.command("reapply-erasures")
def reapply_erasures(
    journal: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The journal.")],
    output: OutputFormat = Output.TABLE,
) -> None:
    """Repeat the erasures of a journal after the database was restored from a backup.

    It may be stopped and begun again: people who were erased already are passed over. Needs the
    key ring.
    """
    settings = settings_or_refuse()
    logs.configure("INFO")
    with refusing("reapply erasures"), _connected(settings) as connection:
        ring = existing_ring_of(settings)
        if ring is None:
            refuse("there are no cards yet", "reapply erasures")
        try:
            erasures = list(erasures_in(journal))
        except TornJournalError as error:
            refuse(f"{journal}: {error}", "reapply erasures")
        done = list(reapply(connection, ring, erasures, datetime.now(UTC)))
    people, left = sum(each.people for each in done), sum(each.out_of_reach for each in done)
    log.info("erasures repeated", erasures=len(done), people=people, out_of_reach=left)
    with answering(output) as answer:
        again = f"{len(done)} erasures were read, and {people} people erased again"
        answer.say(again, erasures=len(done), people_erased_again=people, out_of_reach=left)
    if left:
        why = f"{left} people are still there: the ring does not open what they share with others"
        refuse(f"{why}. Repeat it with their key", "erase everybody")


@contextmanager
def _connected(settings: Settings) -> Iterator[database.Connection]:
    database.require_schema(settings.database_url)
    connection = database.connect(settings.database_url)
    try:
        yield connection
    finally:
        database.close(connection)


def _require_offline(instead: str, *, offline: bool) -> None:
    """Refuse without `--offline`, and name the command that goes through the service."""
    if not offline:
        message = f"use `{instead}`, which goes through the service, or --offline"
        raise typer.BadParameter(message)
    print(_WARNING, file=sys.stderr)  # noqa: T201 - a warning to who types it


def _by(actor: str) -> ActedBy:
    return ActedBy((actor or getpass.getuser())[:ACTOR_CHARACTERS], Ground.OTHER)


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
    print_json({"card_id": card_id, "people": entries})


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
