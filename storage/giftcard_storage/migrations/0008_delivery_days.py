"""The day on whose morning a card is mailed, as its buyer chose it.

An ISO day in the market's time zone; NULL is at once, which is what a server of the version
before leaves: this migration only expands. A migration is frozen when it has landed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from giftcard_storage.versions import Effect

if TYPE_CHECKING:
    from peewee import Database
    from playhouse.migrate import SchemaMigrator

EFFECT = Effect.EXPANDS


def up(_migrator: SchemaMigrator, database: Database) -> None:
    """Add the column."""
    database.execute_sql("ALTER TABLE purchase ADD COLUMN deliver_on TEXT")
