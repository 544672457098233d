"""Whether a database's schema is too old, too new or right: its migrations and this code's.

A migration says of itself, in its constant `EFFECT`, what it means for servers that run
without it. One that fences them off adds a row to the table `schema_fence`, which every
transaction that writes reads first.
"""

from __future__ import annotations

from contextvars import ContextVar
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from peewee import SqliteDatabase
from playhouse.migrations import Migration, Runner

from giftcard_storage.errors import FencedOffError, StaleError, translated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from peewee import Database

    from giftcard_rules.codes import KeyRing

MIGRATIONS: Final = Path(__file__).parent / "migrations"
FENCES: Final = "SELECT migration FROM schema_fence"

# The migrations that this code has; a fence of any other one is against it.
_KNOWN: Final = frozenset(path.stem for path in MIGRATIONS.glob("[0-9]*.py"))
_TRIES: Final = 8
# Nothing that reads conflicts with it; every transaction that writes does.
_STOP_WRITERS: Final = "LOCK TABLE schema_fence IN EXCLUSIVE MODE"

# The ring that a migration seals with; the runner passes nothing but the database.
ring_at_hand: ContextVar[KeyRing | None] = ContextVar("ring_at_hand", default=None)


class Effect(StrEnum):
    """What a migration means for servers of the former version that are running."""

    EXPANDS = "only expands: running servers of the former version go on"
    FENCES = "fences off: running servers of the former version cannot write any more"


class Planned(NamedTuple):
    """A migration that a database lacks, and its effect."""

    name: str
    effect: Effect


class RingNeededError(Exception):
    """A migration has people to seal, and no ring was given."""


def status(database: Database) -> list[Migration]:
    """Return the migrations that the database has had or that this code has."""
    migrations: list[Migration] = _runner(database).status()
    return migrations


def planned(migrations: Iterable[Migration]) -> list[Planned]:
    """Return the migrations that are still to be run, in their order."""
    return [Planned(each.name, each.load().EFFECT) for each in migrations if not each.applied]


def up(
    database: Database,
    ring: KeyRing | None,
    announce: Callable[[Planned], object] = lambda _planned: None,
) -> list[str]:
    """Run the migrations that the database lacks, and return their names.

    Each one is announced before it runs. Raises `RingNeededError` before a migration that
    needs a ring changes anything, and `StaleError` where running servers were in its way.
    """
    runner = _runner(database)
    modules = [(each.name, each.load()) for each in runner.status() if not each.applied]
    runner.History.create_table()
    before = ring_at_hand.set(ring)
    try:
        for name, module in modules:
            migration = Planned(name, Effect(module.EFFECT))
            announce(migration)
            _run(runner, migration, module)
    finally:
        ring_at_hand.reset(before)
    return [name for name, _ in modules]


def require_unfenced(fences: Iterable[tuple[str]]) -> None:
    """Raise `FencedOffError` where one of the fences is of a migration that this code lacks.

    A transaction that writes has to read them in a state of the database that cannot change
    until it ends: `Engine.begin_writing`.
    """
    for (name,) in fences:
        if name not in _KNOWN:
            message = f"fenced off by {name}"
            raise FencedOffError(message)


def newer(database: Database, migrations: Sequence[Migration]) -> str:
    """Return why the database is too new for this code; nothing if it is not.

    A newer version may have expanded it, but no migration may have fenced this code off.
    """
    unknown = {migration.name for migration in migrations if migration.path is None}
    if unknown and database.table_exists("schema_fence"):
        unknown &= {name for (name,) in database.execute_sql(FENCES).fetchall()}
    names = ", ".join(sorted(unknown))
    return f"it was made by a newer version of giftcard ({names})" if names else ""


def lacking(migrations: Sequence[Migration]) -> str:
    """Return why the database is too old for this code; nothing if it is not."""
    names = [migration.name for migration in migrations if not migration.applied]
    return f"it lacks {', '.join(names)}: run `giftcard migrate`" if names else ""


def _run(runner: Runner, migration: Planned, module: Any) -> None:  # noqa: ANN401 - Peewee loads it
    """Run a migration as one transaction, again where it and a running server blocked each other.

    Servers take the tables in another order, and PostgreSQL ends one of the two after a second.
    """
    for tries_left in reversed(range(_TRIES)):
        try:
            with translated(), runner.migrator.migration_context():
                if migration.effect is Effect.FENCES:
                    _fence_off(runner.database, migration.name)
                module.up(runner.migrator, runner.database)
                runner.History.create(name=migration.name)
        except StaleError:
            if not tries_left:
                raise
        else:
            return


def _fence_off(database: Database, name: str) -> None:
    """Let nothing write any more that lacks a migration, from the commit of its transaction on.

    Transactions that are writing are waited for, and later ones wait for this one. Migrations
    before the third have no table for it; servers without them cannot write for other reasons.
    """
    if not database.table_exists("schema_fence"):
        return
    if not isinstance(database, SqliteDatabase):  # There, a transaction is the only writer.
        database.execute_sql(_STOP_WRITERS)
    # The name is that of a file of ours.
    database.execute_sql(f"INSERT INTO schema_fence (migration) VALUES ('{name}')")  # noqa: S608


def _runner(database: Database) -> Runner:
    return Runner(database, directory=str(MIGRATIONS))
