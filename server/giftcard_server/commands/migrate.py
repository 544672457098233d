"""`giftcard migrate`: bring a database to the schema of this version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from giftcard_server.commands.answers import Output, OutputFormat, answering
from giftcard_server.commands.exits import refusing, settings_or_refuse
from giftcard_server.keys.key_ring import existing_ring_of
from giftcard_storage import database

if TYPE_CHECKING:
    from giftcard_storage.versions import Planned


def migrate(
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would run, and change nothing.")
    ] = False,
    output: OutputFormat = Output.TABLE,
) -> None:
    """Bring the database that GIFTCARD_DATABASE_URL names to this version's schema.

    Servers on PostgreSQL leave migrating to this command, so that it happens once and on purpose.
    Before each migration runs, it says whether servers of the former version go on beside it.
    A database with unencrypted personal data needs the key ring of its servers.
    """
    settings = settings_or_refuse()
    url = settings.database_url
    # Without a setting for the ring a server would refuse to start; this command may need no ring.
    names_ring = settings.keys is not None or settings.key_file is not None
    has_ring = names_ring or not url.engine.needs_given_keys
    if dry_run:
        with refusing("migrate"):
            planned = database.planned(url)
        lines = [f"{each.name} {each.effect}" for each in planned]
        steps = [{"name": each.name, "effect": each.effect} for each in planned]
        with answering(output) as answer:
            answer.say("\n".join(lines) or f"{url}: nothing to do", planned=steps)
        return
    with refusing("migrate"):
        ring = existing_ring_of(settings) if has_ring else None
        names = database.migrate(url, ring, _announce)
    with answering(output) as answer:
        answer.say(f"{url}: {', '.join(names) if names else 'nothing to do'}", migrated=names)


def _announce(planned: Planned) -> None:
    typer.echo(f"{planned.name} {planned.effect}", err=True)
