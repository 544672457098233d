"""`giftcard backup` and `giftcard restore`: whole copies of the embedded database."""

from __future__ import annotations

import dataclasses
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from giftcard_server.clocks.judged_clock import utc_now
from giftcard_server.commands.answers import Answer, Output, OutputFormat, answering
from giftcard_server.commands.exits import refuse, refusing, settings_or_refuse
from giftcard_server.keys import whole_files
from giftcard_server.keys.key_ring import existing_ring_of
from giftcard_server.process.open_files import processes_with
from giftcard_storage import backups, database
from giftcard_storage.database import DatabaseUrl
from giftcard_storage.events import EventLog
from giftcard_storage.personal.journal import TornJournalError, erasures_in
from giftcard_storage.personal.reapplying import reapply

if TYPE_CHECKING:
    from giftcard_server.settings import Settings
    from giftcard_storage.audit import Difference
    from giftcard_storage.personal.journal import Erasure

EXIT_DIFFERENCES: Final = 1


def backup(
    to: Annotated[Path, typer.Argument(help="The file to make. It must not exist.")],
    *,
    keys_to: Annotated[
        Path | None,
        typer.Option(help="A file to make with the key ring, in another folder than the backup."),
    ] = None,
    output: OutputFormat = Output.TABLE,
) -> None:
    """Copy the embedded database while its server runs, check the copy, and make it durable.

    Every page and every invariant of the ledger is checked on the copy; exit code 1: it differs.
    The key ring is not in it. Without the ring no card of a backup can be found, and with both,
    all codes can be made: keep them apart. Reads GIFTCARD_DATABASE_URL.
    """
    what = "back up"
    settings = settings_or_refuse()
    source = _embedded(settings, what)
    if keys_to is not None and keys_to.resolve().parent == to.resolve().parent:
        refuse("--keys-to: the key ring and the backup belong into different folders", what)
    with refusing(what), answering(output) as answer:
        backups.copy_whole(source, to)
        _end_if_different(answer, to, backups.differences_in(to))
        done = f"Backed up {source} to {to}: every page and every invariant was checked."
        answer.say(done, database=source, backup=to, keys=None)
        if keys_to is None:
            answer.say(f"The key ring is not in it. Keep a copy of {settings.key_path} elsewhere.")
            return
        try:
            whole_files.create(keys_to, settings.key_path.read_bytes(), whole_files.OWNER_ALONE)
        except OSError as error:
            refuse(f"--keys-to: {keys_to}: {error.strerror}", what)
        answer.say(f"The key ring is in {keys_to}.", keys=keys_to)


def restore(
    backup_file: Annotated[Path, typer.Argument(metavar="BACKUP", help="The file to restore.")],
    *,
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Set the database aside that is there; it is kept."),
    ] = False,
    output: OutputFormat = Output.TABLE,
) -> None:
    """Check a backup, put it in the place of the embedded database, and begin a generation.

    Stop the server first: it is refused while a process has the database open. Consumers of
    events learn with their next call that what was told after the backup is forgotten. Who was
    erased since then, by the journal of GIFTCARD_ERASURE_JOURNAL, is erased again. Compare the
    ledger with the order system and the payment provider afterwards. Reads GIFTCARD_DATABASE_URL.
    Exit code 1: the backup differs from itself, and nothing was changed.
    """
    what = "restore"
    settings = settings_or_refuse()
    place = _embedded(settings, what)
    _require_unused(place, what, replace=replace)
    now = utc_now()
    aside = place.with_name(f"{place.name}.replaced-{now:%Y%m%dT%H%M%SZ}")
    had_one = place.exists()
    with refusing(what), answering(output) as answer:
        erasures = _erasures(settings, what)
        _end_if_different(answer, backup_file, backups.differences_in(backup_file))
        prepared = backups.copied_beside(backup_file, place)
        try:
            begun = _prepare(DatabaseUrl.of_file(prepared), settings, erasures)
            backups.put_in_place(prepared, place, aside)
        finally:
            backups.remove(prepared)  # Where it is in its place, there is nothing left of it.
        answer.say(f"Restored {backup_file} to {place}.", backup=backup_file, database=place)
        kept = f"The database that was there is kept: {aside}" if had_one else ""
        answer.say(kept, kept=aside if had_one else None)
        answer.say(begun.said(), **dataclasses.asdict(begun))


def _erasures(settings: Settings, what: str) -> list[Erasure]:
    """Return the erasures of the journal, which a backup does not know; none without a journal."""
    journal = settings.erasure_journal
    if journal is None or not journal.exists():
        return []
    try:
        return list(erasures_in(journal))
    except TornJournalError as error:
        refuse(f"{journal}: {error}", what)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """The generation of events that a restore has begun, and who was erased again."""

    generation: str
    after_position: int
    erasures: int
    people_erased_again: int

    def said(self) -> str:
        """Return it as sentences for people."""
        begun = f"Generation {self.generation} of events has begun after position"
        sentences = f"{begun} {self.after_position}."
        if self.erasures:
            again = f"{self.people_erased_again} people of {self.erasures} erasures"
            sentences += f"\n{again} were erased again."
        return sentences


def _prepare(url: DatabaseUrl, settings: Settings, erasures: list[Erasure]) -> Begun:
    """Migrate a copy, begin a generation, and erase again whom the journal names."""
    now, ring = utc_now(), existing_ring_of(settings)
    database.migrate(url, ring)
    with closing(database.connect(url)) as connection:
        events = EventLog(connection)
        last = events.last_position()
        generation = events.begin_generation(now)
        people = 0
        if ring is not None:
            people = sum(each.people for each in reapply(connection, ring, erasures, now))
    return Begun(
        generation=generation,
        after_position=last,
        erasures=len(erasures),
        people_erased_again=people,
    )


def _embedded(settings: Settings, what: str) -> Path:
    url = settings.database_url
    if not url.engine.has_one_writer:
        refuse("GIFTCARD_DATABASE_URL is PostgreSQL: use its own tools, such as pg_dump", what)
    return url.path


def _require_unused(place: Path, what: str, *, replace: bool) -> None:
    if place.exists() and not replace:
        refuse(f"{place} is there: with --replace it is set aside, and kept", what)
    processes = processes_with(place)
    if processes:
        listed = ", ".join(map(str, processes))
        refuse(f"{place} is in use by process {listed}: stop the server first", what)


def _end_if_different(answer: Answer, path: Path, differences: list[Difference]) -> None:
    if not differences:
        return
    answer.say(differences=[dataclasses.asdict(each) for each in differences])
    for each in differences:
        answer.say(
            f"{each.invariant}: {each.subject}: expected {each.expected}, found {each.found}"
        )
    print(f"{path} is not a sound ledger.", file=sys.stderr)  # noqa: T201 - the command's output
    raise typer.Exit(EXIT_DIFFERENCES)
