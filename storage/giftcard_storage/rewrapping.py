"""Wraps data keys anew under the first key of the ring, so that the old one need not stay for them.

People are not read, and nothing of them is written anew: only the key of their key changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from peewee import fn

from giftcard_storage.data_keys import UnwrapError, WrappingKeys
from giftcard_storage.engines import engine_of
from giftcard_storage.errors import StaleError, translated
from giftcard_storage.rows import data_key_of
from giftcard_storage.schema import DataKey as Table
from giftcard_storage.statements import statements_of
from giftcard_storage.transactions import reading, writing

if TYPE_CHECKING:
    from collections.abc import Generator

    from peewee import Database

    from giftcard_rules.codes import KeyRing
    from giftcard_storage.data_keys import DataKey

# Small enough for commands to wait no longer than for each other.
BATCH: Final = 200
_TRIES: Final = 8


class Rewrapped(NamedTuple):
    """How many data keys a transaction wrapped anew, and how many could not be unwrapped."""

    done: int
    out_of_reach: int


def left(database: Database, ring: KeyRing) -> int:
    """Return how many data keys another key than the first one wraps. Reads every data key."""
    query = Table.select(fn.COUNT(Table.card_id)).where(Table.key_id != ring.first.key_id)
    with reading(database), translated():
        ((count,),) = query.tuples().execute(database)
    return int(count)


def rewrap(database: Database, ring: KeyRing, batch: int = BATCH) -> Generator[Rewrapped]:
    """Wrap every data key under the first key of the ring, `batch` of them in a transaction.

    Yields after each transaction. It may be ended and begun again at any time, and servers go on
    meanwhile. Raises `StorageAwayError`, and `StaleError` where people are forgotten all the time.
    """
    wrapping = WrappingKeys(ring)
    after = ("", "")
    tries = _TRIES
    while found := _found(database, ring, after, batch):
        wrapped, out_of_reach = [], 0
        for data_key in found:
            try:
                wrapped.append(wrapping.rewrap(data_key))
            except UnwrapError:
                out_of_reach += 1
        try:
            _save(database, ring, wrapped)
        except StaleError:  # Some of them were forgotten meanwhile.
            tries -= 1
            if not tries:
                raise
            continue
        tries = _TRIES
        after = (found[-1].card_id, found[-1].data_key_id)
        yield Rewrapped(len(wrapped), out_of_reach)


def _found(database: Database, ring: KeyRing, after: tuple[str, str], batch: int) -> list[DataKey]:
    """Return the next data keys, along the primary key. No transaction that writes waits for it."""
    card_id, data_key_id = after
    query = (
        Table.select()
        .where(
            Table.card_id >= card_id,
            (Table.card_id > card_id) | (Table.data_key_id > data_key_id),
            Table.key_id != ring.first.key_id,
        )
        .order_by(Table.card_id, Table.data_key_id)
        .limit(batch)
    )
    with reading(database), translated():
        return [data_key_of(row) for row in query.tuples().execute(database)]


def _save(database: Database, ring: KeyRing, wrapped: list[DataKey]) -> None:
    if not wrapped:
        return
    do = statements_of(engine_of(database))
    rows = [(each.key_id, each.wrapped, each.card_id, each.data_key_id) for each in wrapped]
    noted = [(ring.first.key_id,)]
    with writing(database), translated():
        engine_of(database).save(database, [(do.rewrap_data_key, rows), (do.note_ring_key, noted)])
