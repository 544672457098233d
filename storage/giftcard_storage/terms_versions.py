"""The versions of terms that cards were sold under, as a server looks at them when it starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from giftcard_rules.decisions import TermsVersion
from giftcard_storage import schema
from giftcard_storage.errors import translated
from giftcard_storage.rows import microseconds
from giftcard_storage.transactions import reading, writing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from peewee import Database


def noted(database: Database) -> list[TermsVersion]:
    """Return every version that is noted, by market and day."""
    table = schema.TermsVersion
    query = table.select().order_by(table.market, table.in_force_from)
    with reading(database), translated():
        return [TermsVersion(*row) for row in query.tuples().execute(database)]


def markets_of_undated_cards(database: Database) -> list[str]:
    """Return the markets with cards that live under what has always held. Reads every card."""
    card = schema.Card
    query = card.select(card.market).where(card.terms_from.is_null()).distinct()
    with reading(database), translated():
        return sorted(market for (market,) in query.tuples().execute(database))


def were_sold(database: Database, market: str, since: datetime) -> bool:
    """Return whether a card was bought in a market at or after an instant. May read every card."""
    card = schema.Card
    query = card.select(card.card_id).where(
        card.market == market, card.origin == "PURCHASE", card.issued_at >= microseconds(since)
    )
    with reading(database), translated():
        return bool(list(query.limit(1).tuples().execute(database)))


def note(database: Database, versions: Sequence[TermsVersion]) -> None:
    """Note versions, except those of which something was noted before."""
    rows = [version._asdict() for version in versions]
    statement = schema.TermsVersion.insert_many(rows).on_conflict_ignore()
    with writing(database), translated():
        statement.execute(database)
