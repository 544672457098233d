"""A migration of a version that is still to come, which only expands or fences this one off."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from peewee import Database

from giftcard_storage import versions
from giftcard_storage.database import DatabaseUrl, migrate
from giftcard_storage.versions import MIGRATIONS, Effect

LATER: Final = "0099_later"
_TEXT: Final = """
from giftcard_storage.versions import Effect
from given.databases import later

EFFECT = Effect.{}

def up(_migrator, database):
    database.execute_sql("ALTER TABLE card ADD COLUMN later TEXT")
    later.running(database)
"""


def running(database: Database) -> None:
    """Do what the test wants to do while the migration runs, and holds its locks."""
    _while_running(database)


def migrate_later(
    url: DatabaseUrl,
    effect: Effect,
    folder: Path,
    while_running: Callable[[Database], object] = lambda _database: None,
) -> list[str]:
    """Migrate a database as a later version would, whose code is made in a folder."""
    global _while_running  # noqa: PLW0603 - a migration is called with nothing but a database
    shutil.copytree(MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / f"{LATER}.py").write_text(_TEXT.format(effect.name))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(versions, "MIGRATIONS", folder)
        _while_running = while_running
        return migrate(url)


_while_running: Callable[[Database], object] = lambda _database: None  # noqa: E731 - replaced by each migration
