"""What looking at authorizations needs: those of an order, and the cards that came out of one.

The index of 0001 finds the live authorization of an order alone. This migration only expands: a
server of the version before goes on beside this one. A migration is frozen when it has landed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from giftcard_storage.versions import Effect

if TYPE_CHECKING:
    from peewee import Database
    from playhouse.migrate import SchemaMigrator

EFFECT = Effect.EXPANDS

# In the order in which an order's authorizations are listed, closed ones too.
OF_AN_ORDER = """
    CREATE INDEX authorization_of_order
    ON "authorization" (order_id, market, created_at, authorization_id)
"""
# Few cards are replacements, so the index stays small.
REPLACEMENTS = """
    CREATE INDEX card_came_out_of ON card (authorization_id) WHERE authorization_id IS NOT NULL
"""


def up(_migrator: SchemaMigrator, database: Database) -> None:
    """Make the two indexes."""
    database.execute_sql(OF_AN_ORDER)
    database.execute_sql(REPLACEMENTS)
