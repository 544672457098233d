"""Claims: a delivery is sent by the server that has claimed it, and its end is noted by that one.

A claim ends by itself after a while, by the clock of the database's server, which all servers
share; an embedded database has one server, whose own clock does. A note that comes too late
changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from peewee import SQL

from giftcard_rules.deliveries import DeliveryState
from giftcard_storage.deliveries.stored import delivery_of
from giftcard_storage.delivery_schema import Delivery
from giftcard_storage.engines import engine_of
from giftcard_storage.errors import translated
from giftcard_storage.rows import microseconds
from giftcard_storage.transactions import reading, writing

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from datetime import datetime, timedelta

    from peewee import Database, ModelSelect

    from giftcard_rules.deliveries import Addressee
    from giftcard_storage.deliveries.stored import StoredDelivery

# Written as in the partial index, which serves no other condition.
IS_OPEN: Final = SQL("state IN ('queued', 'sending', 'deferred')")


class Ending(NamedTuple):
    """How a claim ended: the state of its delivery, why, and when it is looked at next.

    `was_tried` says whether the mail server was asked, `pauses` whether it is to be left alone for
    a while. `next_try_at` is None where nobody tries it again. `addressee` is None where nobody was
    looked for.
    """

    state: DeliveryState
    reason: str | None = None
    next_try_at: datetime | None = None
    smtp_code: int | None = None
    addressee: Addressee | None = None
    was_tried: bool = False
    pauses: bool = False


class Outbox:
    """The deliveries that are to be sent, on a connection that one thread at a time uses.

    Every method raises `StorageAwayError` where the database does not answer.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._engine = engine_of(database)

    def claim(
        self, markets: Collection[str], limit: int, now: datetime, lasting: timedelta
    ) -> list[StoredDelivery]:
        """Claim what is due in some markets, the longest due first, at most `limit` deliveries.

        Raises `StaleError` where another server was faster.
        """
        with reading(self._database), translated():
            if not self._due(markets, 1, now).exists(self._database):
                return []
        with writing(self._database), translated():
            due = self._due(markets, limit, now)
            if not self._engine.has_one_writer:
                due = due.for_update(skip_locked=True)
            found = [delivery_of(row) for row in due.tuples().execute(self._database)]
            if found:
                of = Delivery
                of.update(
                    {
                        of.state: DeliveryState.SENDING.value,
                        of.claimed_until: self._clock(now) + _length(lasting),
                        of.version: of.version + 1,
                    }
                ).where(of.delivery_id.in_([each.delivery_id for each in found])).execute(
                    self._database
                )
        return found

    def end(
        self,
        claimed: StoredDelivery,
        ending: Ending,
        now: datetime,
        is_still_so: Callable[[], bool] = lambda: True,
    ) -> bool:
        """Note how a claim ended; return whether it still was one.

        `is_still_so` is asked once the note is made, before it is committed. Where it is not, the
        claim is given back instead.
        """
        of, at = Delivery, microseconds(now)
        changes = {
            of.state: ending.state.value,
            of.claimed_until: None,
            of.reason: ending.reason,
            of.smtp_code: ending.smtp_code,
            of.next_try_at: microseconds(ending.next_try_at or claimed.next_try_at),
            of.sent_at: at if ending.state is DeliveryState.SENT else None,
            of.version: of.version + 1,
        }
        if ending.state is DeliveryState.QUEUED:  # It is due on a later day after all.
            changes[of.due_at] = changes[of.next_try_at]
        if ending.was_tried:
            first = claimed.first_tried_at
            changes[of.tries] = claimed.tries + 1
            changes[of.first_tried_at] = at if first is None else microseconds(first)
        if ending.addressee is not None:
            place = ending.addressee
            changes[of.person_card_id], changes[of.role] = place.card_id, place.role.value
            changes[of.authorization_id] = place.authorization_id
        with writing(self._database), translated():
            ended: int = (
                of.update(changes)
                .where(of.delivery_id == claimed.delivery_id, of.version == claimed.version + 1)
                .execute(self._database)
            )
            if ended and not is_still_so():
                self._give_back(claimed, claimed.version + 2)
        return ended == 1

    def let_go(self, claimed: Sequence[StoredDelivery]) -> None:
        """Give claims back that nothing was done with, so that they are taken at once."""
        with writing(self._database), translated():
            for each in claimed:
                self._give_back(each, each.version + 1)

    def _give_back(self, claimed: StoredDelivery, version: int) -> None:
        of = Delivery
        before = DeliveryState.DEFERRED if claimed.tries else DeliveryState.QUEUED
        changes = {
            of.state: before.value,
            of.reason: claimed.reason,
            of.claimed_until: None,
            of.version: of.version + 1,
        }
        of.update(changes).where(
            of.delivery_id == claimed.delivery_id, of.version == version
        ).execute(self._database)

    def _due(self, markets: Collection[str], limit: int, now: datetime) -> ModelSelect[Delivery]:
        of = Delivery
        is_free = of.claimed_until.is_null() | (of.claimed_until <= self._clock(now))
        return (
            of.select()
            .where(
                IS_OPEN,
                of.next_try_at <= microseconds(now),
                of.market.in_(sorted(markets)),
                is_free,
            )
            .order_by(of.next_try_at)
            .limit(limit)
        )

    def _clock(self, now: datetime) -> int:
        """Return the time that claims end by."""
        servers_time = self._engine.servers_time(self._database)
        return microseconds(now) if servers_time is None else servers_time


def _length(lasting: timedelta) -> int:
    return round(lasting.total_seconds() * 1_000_000)
