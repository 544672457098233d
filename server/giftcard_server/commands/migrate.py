"""`giftcard migrate`: bring a database to the schema of this version."""

from __future__ import annotations

from giftcard_server.commands.exits import refusing, settings_or_refuse
from giftcard_server.keys.key_ring import existing_ring_of
from giftcard_storage import database


def migrate() -> None:
    """Bring the database that GIFTCARD_DATABASE_URL names to this version's schema.

    Servers on PostgreSQL leave migrating to this command, so that it happens once and on purpose.
    A database with unencrypted personal data needs the key ring of its servers.
    """
    settings = settings_or_refuse()
    url = settings.database_url
    # Without a setting for the ring a server would refuse to start; this command may need no ring.
    names_ring = settings.keys is not None or settings.key_file is not None
    has_ring = names_ring or not url.engine.needs_given_keys
    with refusing("migrate"):
        names = database.migrate(url, existing_ring_of(settings) if has_ring else None)
    print(f"{url}: {', '.join(names) if names else 'nothing to do'}")  # noqa: T201 - the command's output
