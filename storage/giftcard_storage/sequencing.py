"""Giving positions to events where many servers write: the lease, and the numbering itself.

One server at a time holds the lease, a row with an expiry by the database's clock. A server that
was stopped may believe in its lease longer than others do. That does no harm: a position is the
primary key of `event`, and the key of an event is unique in it, so that one of the two commits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from giftcard_storage.engines import engine_of
from giftcard_storage.errors import StaleError, translated
from giftcard_storage.event_schema import EventLease, NewEvent
from giftcard_storage.transactions import writing

if TYPE_CHECKING:
    from peewee import Database

# After so long without a sign of life of its holder, another server takes the lease.
LEASE_SECONDS: Final = 3.0
_LEASE: Final = int(LEASE_SECONDS * 1_000_000)

_COLUMNS: Final = tuple(field.column_name for field in NewEvent._meta.sorted_fields)  # noqa: SLF001 - Peewee's own name for them
_IS_WAITING: Final = "SELECT EXISTS (SELECT 1 FROM new_event)"
# Each card's events in the order of its versions, as a later one is not visible before an earlier
# one; cards among each other by time. A clock that was set back between two changes of a card
# does not turn them round.
_NUMBER: Final = f"""
    INSERT INTO event (position, {", ".join(_COLUMNS)})
    SELECT (SELECT COALESCE(MAX(position), 0) FROM event)
           + ROW_NUMBER() OVER (ORDER BY placed_at, card_id, version, ordinal),
           {", ".join(_COLUMNS)}
    FROM (
        SELECT waiting.*, MAX(occurred_at) OVER (
                   PARTITION BY card_id ORDER BY version, ordinal ROWS UNBOUNDED PRECEDING
               ) AS placed_at
        FROM (SELECT * FROM new_event ORDER BY card_id, version, ordinal LIMIT ?) AS waiting
    ) AS placed
"""  # noqa: S608 - made of our own texts
_TAKE_AWAY: Final = """
    DELETE FROM new_event WHERE (card_id, version, ordinal) IN (
        SELECT card_id, version, ordinal FROM event ORDER BY position DESC LIMIT ?
    )
"""
# A server that is stopped within the transaction would keep all others waiting; others than this
# transaction may be idle for longer.
_END_SOON: Final = "SET LOCAL idle_in_transaction_session_timeout = '1s'"


class Sequencing:
    """Positions given by one server, `holder`, on a connection that one thread at a time uses.

    Every method raises `StorageAwayError` where the database does not answer, and `StaleError`
    where another server was faster.
    """

    def __init__(self, database: Database, holder: str) -> None:
        self._database = database
        self._holder = holder
        self._engine = engine_of(database)
        self._number = _NUMBER.replace("?", database.param)
        self._take_away = _TAKE_AWAY.replace("?", database.param)

    def hold(self) -> bool | None:
        """Take the lease if nobody holds it, or keep it for longer.

        Return None where another server holds it, else whether it has changed hands.
        """
        of = EventLease
        with writing(self._database), translated():
            ((holder, expires_at),) = (
                of.select(of.holder, of.expires_at).tuples().execute(self._database)
            )
            now = self._engine.servers_time(self._database) or 0
            has_changed: bool = holder != self._holder
            if has_changed and expires_at > now:
                return None
            changes = {of.holder: self._holder, of.expires_at: now + _LEASE}
            taken = (
                of.update(changes | {of.changes: of.changes + int(has_changed)})
                .where(of.holder == holder, of.expires_at == expires_at)
                .execute(self._database)
            )
            if not taken:
                raise StaleError
        return has_changed

    def let_go(self) -> None:
        """Give the lease back, so that another server takes it at once."""
        of = EventLease
        with writing(self._database), translated():
            of.update({of.expires_at: 0}).where(of.holder == self._holder).execute(self._database)

    def is_waiting(self) -> bool:
        """Return whether there is an event without a position."""
        with translated():
            ((is_waiting,),) = self._database.execute_sql(_IS_WAITING).fetchall()
        return bool(is_waiting)

    def number(self, limit: int) -> int:
        """Give positions to at most `limit` events; return to how many."""
        with writing(self._database), translated():
            if not self._engine.has_one_writer:
                self._database.execute_sql(_END_SOON)
            given: int = self._database.execute_sql(self._number, (limit,)).rowcount
            taken: int = self._database.execute_sql(self._take_away, (given,)).rowcount
            if taken != given:  # Another server has numbered them meanwhile.
                raise StaleError
        return given
