"""Which keys of the ring are in use: noted in the transaction that uses one for the first time.

A key that is noted must not leave the ring by mistake, so that a start looks here, instead of at
every card and every record.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from giftcard_storage import schema
from giftcard_storage.errors import translated
from giftcard_storage.transactions import reading

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from contextlib import AbstractContextManager

    from peewee import Database

    from giftcard_rules.facts import RequestRecord
    from giftcard_storage.rows import Row


class NotedKeys:
    """Remembers which keys are noted, so that noting them costs nothing later.

    What a transaction notes is remembered once it has committed.
    """

    def __init__(self) -> None:
        self._noted: set[str] = set()
        self._pending: set[str] = set()

    @contextmanager
    def remembering(self, transaction: AbstractContextManager[None]) -> Iterator[None]:
        """Run a transaction, and remember what it has noted."""
        self._pending = set()
        with transaction:
            yield
        self._noted |= self._pending

    def to_note(self, records: Iterable[RequestRecord], data_keys: Iterable[Row]) -> list[Row]:
        """Return the rows of keys that records and data keys use, and that may not be noted yet.

        Each card has the key of the record of its request.
        """
        used = {record.key_id for record in records if record.key_id}
        used.update(key_id for _, _, key_id, *_ in data_keys)
        self._pending |= used - self._noted
        return [(key_id,) for key_id in sorted(used - self._noted)]


def in_use(database: Database) -> list[str]:
    """Return the ids of the keys that cards, records or data keys were made under."""
    key_id = schema.RingKeyInUse.key_id
    query = schema.RingKeyInUse.select(key_id).order_by(key_id)
    with reading(database), translated():
        return [found for (found,) in query.tuples().execute(database)]
