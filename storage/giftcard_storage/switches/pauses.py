"""What operators have stopped for a while, as every server on the database reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from giftcard_rules.pauses import Pausable
from giftcard_storage.errors import translated
from giftcard_storage.rows import instant, microseconds
from giftcard_storage.switches import tables
from giftcard_storage.transactions import reading, writing

if TYPE_CHECKING:
    from datetime import datetime

    from peewee import Database


class Pause(NamedTuple):
    """An act that is stopped in a market: since when, by which operator and on which ground."""

    market: str
    act: Pausable
    paused_at: datetime
    actor: str
    ground: str


def pauses(database: Database) -> list[Pause]:
    """Return what is stopped now, by market and act. Raises `StorageAwayError`."""
    table = tables.Pause
    query = table.select().order_by(table.market, table.act)
    with reading(database), translated():
        return [
            Pause(market, Pausable(act), instant(paused_at), actor, ground)
            for market, act, paused_at, actor, ground in query.tuples().execute(database)
        ]


def pause(database: Database, paused: Pause) -> bool:
    """Stop an act in a market; return False where it was stopped already, which stays as it is."""
    row = paused._asdict() | {
        "act": paused.act.value,
        "paused_at": microseconds(paused.paused_at),
    }
    statement = tables.Pause.insert(row).on_conflict_ignore()
    with writing(database), translated():
        statement.execute(database)
        found = tables.Pause.select(tables.Pause.paused_at, tables.Pause.actor).where(
            tables.Pause.market == paused.market, tables.Pause.act == paused.act.value
        )
        rows = list(found.tuples().execute(database))
    return rows == [(row["paused_at"], row["actor"])]


def resume(database: Database, market: str, act: Pausable) -> bool:
    """Let an act go on in a market; return False where it was not stopped."""
    table = tables.Pause
    statement = table.delete().where(table.market == market, table.act == act.value)
    with writing(database), translated():
        removed: int = statement.execute(database)
    return removed > 0
