"""Repeats the erasures of a journal on a database that was restored from a backup (R32)."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from giftcard_rules.acts import Act, ActedBy, ActKind, Ground
from giftcard_storage.acts.entries import record_acts
from giftcard_storage.acts.tables import Act as ActTable
from giftcard_storage.engines import engine_of
from giftcard_storage.errors import PersonOutOfReachError, StaleError, translated
from giftcard_storage.personal.changing import erase, erase_notes
from giftcard_storage.transactions import writing

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from datetime import datetime

    from peewee import Database

    from giftcard_rules.codes import KeyRing
    from giftcard_rules.person_acts import Slot
    from giftcard_storage.personal.journal import Erasure

# Who acts in the timeline, as the backup does not know who has.
ACTOR: Final = "erasure journal"
_TRIES: Final = 8


class Reapplied(NamedTuple):
    """What a line of the journal came to.

    `people` were there and are erased now. Those `out_of_reach` share a data key with others that
    the ring does not open, so that they cannot be erased alone, and are still there.
    """

    people: int
    out_of_reach: int = 0


def reapply(
    database: Database, ring: KeyRing, erasures: Iterable[Erasure], now: datetime
) -> Generator[Reapplied]:
    """Erase everybody whom a journal names and who is there, a line in a transaction.

    It may be ended and begun again at any time, and servers go on. People who are not there, since
    the backup is older than they, are passed over. Yields after each line. Raises
    `StorageAwayError`, and `StaleError` where others change the same people all the time.
    """
    for erasure in erasures:
        yield _erase_again(database, ring, erasure, now, _TRIES)
    with translated():
        engine_of(database).clear_log(database)


def _erase_again(
    database: Database, ring: KeyRing, erasure: Erasure, now: datetime, tries: int
) -> Reapplied:
    try:
        with writing(database), translated():
            return _erase_all(database, ring, erasure, now)
    except StaleError:
        if tries == 1:
            raise
        return _erase_again(database, ring, erasure, now, tries - 1)


def _erase_all(database: Database, ring: KeyRing, erasure: Erasure, now: datetime) -> Reapplied:
    erased: list[Slot] = []
    out_of_reach = 0
    for slot, _ in erasure.erased:
        # A stale one is erased already, or the backup is older than the person.
        with suppress(StaleError):
            try:
                erase(database, ring, slot)
                erased.append(slot)
            except PersonOutOfReachError:  # It shall keep nobody else from being erased.
                out_of_reach += 1
    for card_id in sorted({slot.card_id for slot in erased}):
        erase_notes(database, card_id)
        if not _is_told(database, card_id, erasure.receipt_id):
            record_acts(database, ring, [_entry(card_id, erasure.receipt_id)], now)
    return Reapplied(len(erased), out_of_reach)


def _is_told(database: Database, card_id: str, receipt_id: str) -> bool:
    query = ActTable.select(ActTable.kind).where(
        ActTable.card_id == card_id,
        ActTable.act_id == receipt_id,
        ActTable.kind == ActKind.PERSON_ERASED.value,
    )
    return bool(list(query.tuples().execute(database)))


def _entry(card_id: str, receipt_id: str) -> Act:
    by = ActedBy(ACTOR, Ground.LEGAL)
    return Act(act_id=receipt_id, kind=ActKind.PERSON_ERASED, card_id=card_id, by=by)
