"""Whether a database's schema is too old, too new or right: its migrations and this code's."""

from __future__ import annotations

from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Final

from playhouse.migrations import Migration, Runner

if TYPE_CHECKING:
    from collections.abc import Sequence

    from peewee import Database

    from giftcard_rules.codes import KeyRing

MIGRATIONS: Final = Path(__file__).parent / "migrations"

# The ring that a migration seals with; the runner passes nothing but the database.
ring_at_hand: ContextVar[KeyRing | None] = ContextVar("ring_at_hand", default=None)


class RingNeededError(Exception):
    """A migration has people to seal, and no ring was given."""


def status(database: Database) -> list[Migration]:
    """Return the migrations that the database has had or that this code has."""
    migrations: list[Migration] = _runner(database).status()
    return migrations


def up(database: Database, ring: KeyRing | None) -> list[str]:
    """Run the migrations that the database lacks, and return their names.

    Raises `RingNeededError` before a migration that needs a ring changes anything.
    """
    before = ring_at_hand.set(ring)
    try:
        names: list[str] = _runner(database).up()
    finally:
        ring_at_hand.reset(before)
    return names


def newer(migrations: Sequence[Migration]) -> str:
    """Return why the database is too new for this code; nothing if it is not."""
    names = [migration.name for migration in migrations if migration.path is None]
    return f"it was made by a newer version of giftcard ({', '.join(names)})" if names else ""


def lacking(migrations: Sequence[Migration]) -> str:
    """Return why the database is too old for this code; nothing if it is not."""
    names = [migration.name for migration in migrations if not migration.applied]
    return f"it lacks {', '.join(names)}: run `giftcard migrate`" if names else ""


def _runner(database: Database) -> Runner:
    return Runner(database, directory=str(MIGRATIONS))
