"""Which migrations a database has had, and which this code has: too old, too new, or right."""

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

# What a migration seals with: the runner hands nothing on to it but the database.
ring_at_hand: ContextVar[KeyRing | None] = ContextVar("ring_at_hand", default=None)


class RingNeededError(Exception):
    """There are people to be sealed, and no ring is at hand."""


def status(database: Database) -> list[Migration]:
    """Return the migrations that the database has had, and those that this code has."""
    migrations: list[Migration] = _runner(database).status()
    return migrations


def up(database: Database, ring: KeyRing | None) -> list[str]:
    """Run the migrations that the database lacks, and return their names.

    Raises `RingNeededError`, and leaves what that migration would have changed as it is.
    """
    before = ring_at_hand.set(ring)
    try:
        names: list[str] = _runner(database).up()
    finally:
        ring_at_hand.reset(before)
    return names


def newer(migrations: Sequence[Migration]) -> str:
    """Say what the database has had and this code does not know; nothing where all is known."""
    names = [migration.name for migration in migrations if migration.path is None]
    return f"it was made by a newer version of giftcard ({', '.join(names)})" if names else ""


def lacking(migrations: Sequence[Migration]) -> str:
    """Say what the database lacks; nothing where it has all."""
    names = [migration.name for migration in migrations if not migration.applied]
    return f"it lacks {', '.join(names)}: run `giftcard migrate`" if names else ""


def _runner(database: Database) -> Runner:
    return Runner(database, directory=str(MIGRATIONS))
