"""Seals the people of former versions under data keys of their own, and makes their search hashes.

Until then they share the data key of their card, so that nobody could be erased alone. Cards are
taken in small transactions: it may be ended and begun again at any time, and servers go on. People
whose address was hashed with another key than the first one of the ring get their hash anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from cryptography.exceptions import InvalidTag
from peewee import SQL, Tuple

from giftcard_storage.data_keys import RingLacksKeyError, UnwrapError, WrappingKeys
from giftcard_storage.engines import engine_of
from giftcard_storage.errors import StaleError, translated
from giftcard_storage.people import values_of
from giftcard_storage.people_search import hash_of
from giftcard_storage.rows import data_key_of
from giftcard_storage.schema import DataKey as KeyTable
from giftcard_storage.schema import Person as PersonTable
from giftcard_storage.sealing import context_of, sealed_values
from giftcard_storage.statements import statements_of
from giftcard_storage.transactions import reading, writing

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from peewee import Database

    from giftcard_rules.codes import KeyRing
    from giftcard_storage.data_keys import DataKey
    from giftcard_storage.rows import Row

# So small that commands wait no longer than for each other.
CARDS_AT_ONCE: Final = 100
PEOPLE_AT_ONCE: Final = 200
_TRIES: Final = 8
# The role of a shared data key whose people cannot be opened although the ring has its key.
_STAYS_SHARED: Final = "SHARED"


class Resealed(NamedTuple):
    """How many people a transaction sealed apart, or indexed anew."""

    people: int


def reseal(
    database: Database, ring: KeyRing, cards_at_once: int = CARDS_AT_ONCE
) -> Generator[Resealed]:
    """Seal apart everybody who shares a data key that the ring can open; yield after each commit.

    A data key that nobody needs any more is deleted. Those that the ring lacks are left for a ring
    that has them. Raises `StorageAwayError`, and `StaleError` where people are erased all the time.
    """
    resealer = _Resealer(ring)
    after, tries = "", _TRIES
    while card_ids := _cards_with_shared_keys(database, ring, after, cards_at_once):
        try:
            with writing(database), translated():
                people = resealer.reseal(database, card_ids)
        except StaleError:
            tries -= 1
            if not tries:
                raise
            continue
        after, tries = card_ids[-1], _TRIES
        yield Resealed(people)
    with translated():
        if after:  # The old data keys shall leave the log, too.
            engine_of(database).clear_log(database)


def reseal_card(database: Database, ring: KeyRing, card_id: str) -> int:
    """Seal the people of one card apart, in the transaction that is open; return how many."""
    return _Resealer(ring).reseal(database, [card_id])


def rehash(
    database: Database, ring: KeyRing, people_at_once: int = PEOPLE_AT_ONCE
) -> Generator[Resealed]:
    """Make the search hashes of other keys anew with the first one of the ring.

    Reads every person once, `people_at_once` in a transaction; yields after each commit.
    """
    wrapping, table = WrappingKeys(ring), PersonTable
    key = (table.card_id, table.role, table.authorization_id)
    after: tuple[str, ...] = ("", "", "")
    while True:
        query = (
            table.select(*key, table.sealed, table.data_key_id)
            .where(Tuple(*key) > after, table.search_key_id != ring.first.key_id)
            .order_by(*key)
            .limit(people_at_once)
        )
        with reading(database), translated():
            found: list[Row] = list(query.tuples().execute(database))
        if not found:
            return
        with writing(database), translated():
            hashed = sum(_rehash(database, ring, wrapping, row) for row in found)
        after = found[-1][:3]
        yield Resealed(hashed)


def _rehash(database: Database, ring: KeyRing, wrapping: WrappingKeys, row: Row) -> int:
    card_id, role, authorization_id, sealed, data_key_id = row
    query = KeyTable.select().where(
        KeyTable.card_id == card_id, KeyTable.data_key_id == data_key_id
    )
    for found in query.tuples().execute(database):
        try:
            cipher = wrapping.unwrap(data_key_of(found))
            names = context_of(card_id, role, authorization_id)
            _, email, _, _ = values_of(cipher, bytes(sealed), names)
        except (UnwrapError, InvalidTag, ValueError):
            return 0
        changes = {"search_hash": hash_of(ring, email), "search_key_id": ring.first.key_id}
        changed: int = (
            PersonTable.update(changes)
            .where(
                PersonTable.card_id == card_id,
                PersonTable.role == role,
                PersonTable.authorization_id == authorization_id,
                PersonTable.data_key_id == data_key_id,
            )
            .execute(database)
        )
        return changed
    return 0


def _cards_with_shared_keys(database: Database, ring: KeyRing, after: str, limit: int) -> list[str]:
    """Return the next cards whose people share a data key of the ring, by the partial index."""
    query = (
        KeyTable.select(KeyTable.card_id)
        .where(
            SQL("role = ''"),
            KeyTable.card_id > after,
            KeyTable.key_id.in_([key.key_id for key in ring.keys]),
        )
        .distinct()
        .order_by(KeyTable.card_id)
        .limit(limit)
    )
    with reading(database), translated():
        return [card_id for (card_id,) in query.tuples().execute(database)]


class _Resealer:
    """Seals the people of some cards apart, all of them in a few statements."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring
        self._wrapping = WrappingKeys(ring)

    def reseal(self, database: Database, card_ids: Sequence[str]) -> int:
        """Seal apart the people who share a data key of these cards; return how many."""
        query = KeyTable.select().where(KeyTable.card_id.in_(card_ids), KeyTable.role == "")
        shared = [data_key_of(row) for row in query.tuples().execute(database)]
        people = self._people_of(database, card_ids)
        made: list[Row] = []
        changed: list[Row] = []
        gone: list[str] = []
        stays: list[str] = []
        for data_key in shared:
            try:
                apart = self._apart(data_key, people.get((data_key.card_id, data_key.data_key_id)))
            except RingLacksKeyError:
                continue
            except (UnwrapError, InvalidTag, ValueError):
                stays.append(data_key.data_key_id)
                continue
            gone.append(data_key.data_key_id)
            made += [own for own, _ in apart]
            changed += [row for _, row in apart]
        self._save(database, made, changed)
        if gone:
            _of(card_ids, gone, KeyTable.delete(), database)
        if stays:
            _of(card_ids, stays, KeyTable.update(role=_STAYS_SHARED), database)
        return len(changed)

    def _apart(self, shared: DataKey, people: Sequence[Row] | None) -> list[tuple[Row, Row]]:
        """Return for each person under a data key the rows of an own one, and of the person."""
        cipher = self._wrapping.unwrap(shared)
        apart = []
        for card_id, role, authorization_id, _, sealed in people or ():
            names = context_of(card_id, role, authorization_id)
            values = values_of(cipher, bytes(sealed), names)
            own, own_cipher = self._wrapping.make(card_id, role, authorization_id)
            hashed = hash_of(self._ring, values[1]), self._ring.first.key_id
            key = card_id, role, authorization_id, shared.data_key_id
            row = (own.data_key_id, sealed_values(own_cipher, values, names), *hashed, *key)
            apart.append((own.row, row))
        return apart

    def _save(self, database: Database, made: list[Row], changed: list[Row]) -> None:
        engine, do = engine_of(database), statements_of(engine_of(database))
        if changed:
            noted: list[Row] = [(self._ring.first.key_id,)]
            savings = (
                (do.insert_data_key, made),
                (do.reseal_person, changed),
                (do.note_ring_key, noted),
            )
            engine.save(database, savings)

    @staticmethod
    def _people_of(database: Database, card_ids: Sequence[str]) -> dict[tuple[str, str], list[Row]]:
        """Return the people of cards as sealed, by card and data key."""
        table = PersonTable
        columns = (table.card_id, table.role, table.authorization_id)
        query = table.select(*columns, table.data_key_id, table.sealed).where(
            table.card_id.in_(card_ids)
        )
        found: dict[tuple[str, str], list[Row]] = {}
        for row in query.tuples().execute(database):
            found.setdefault((row[0], row[3]), []).append(row)
        return found


def _of(card_ids: Sequence[str], data_key_ids: list[str], query: Any, database: Database) -> None:  # noqa: ANN401 - a Peewee query of any kind
    """Run a change of shared data keys. Raises `StaleError` where one of them is gone."""
    where = (
        KeyTable.card_id.in_(card_ids),
        KeyTable.data_key_id.in_(data_key_ids),
        KeyTable.role == "",
    )
    if query.where(*where).execute(database) != len(data_key_ids):
        raise StaleError
