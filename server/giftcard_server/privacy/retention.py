"""Erases people who are kept no longer, and hides the names of actors, by itself (R31)."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog
from prometheus_client import Counter

from giftcard_server.errors import ClockWrongError
from giftcard_server.markets import MarketSettings
from giftcard_server.recurring import Recurring
from giftcard_storage import database
from giftcard_storage.errors import StaleError, StorageError
from giftcard_storage.personal.retention import (
    LOOKED_AT,
    NAMES_AT_ONCE,
    Kept,
    erase_past,
    hide_actors,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from contextlib import ExitStack
    from datetime import datetime

    from prometheus_client import CollectorRegistry

    from giftcard_rules.codes import KeyRing
    from giftcard_server.settings import Settings
    from giftcard_storage.database import Connection

log = structlog.get_logger(__name__)

EVERY_SECONDS: Final = 6 * 3600.0
# Of the time of one core, and of the turns to write. It looks at everybody, so that at a large
# database commands would be held up for minutes.
SHARE: Final = 0.05
LONGEST_REST_SECONDS: Final = 60.0


class PersonRetention(Recurring):
    """Walks over all people and erases those whose period has passed; `kept` is by market."""

    def __init__(
        self,
        connection: Connection,
        ring: KeyRing,
        kept: Mapping[str, Kept],
        now: Callable[[], datetime],
        registry: CollectorRegistry,
    ) -> None:
        # Several servers may be at it: then one of them is late.
        postponed_by = (StorageError, StaleError, ClockWrongError)
        super().__init__("people retention", self.erase, EVERY_SECONDS, postponed_by)
        self._connection = connection
        self._ring = ring
        self._kept = kept
        self._now = now
        self._counter = Counter(
            "giftcard_people_retired",
            "People who were erased, and names of actors that were hidden, after their period.",
            ["what"],
            registry=registry,
        )
        for what in ("people", "actor_names"):
            self._counter.labels(what)

    def erase(self) -> int:
        """Erase all whose period has passed now; return how many people."""
        now, database_, ring = self._now(), self._connection, self._ring
        walk = erase_past(database_, ring, self._kept, now)
        people = self._sum((each.erased, each.looked_at == LOOKED_AT) for each in walk)
        hiding = hide_actors(database_, ring, self._kept, now)
        names = self._sum((hidden, hidden == NAMES_AT_ONCE) for hidden in hiding)
        self._counter.labels("people").inc(people)
        self._counter.labels("actor_names").inc(names)
        if people or names:
            database.clear_log(database_)
            log.info("erased what is kept no longer", people=people, actor_names=names)
        return people

    def _sum(self, parts: Iterable[tuple[int, bool]]) -> int:
        """Add parts up; rest as the share demands after each behind which there may be more."""
        done, began = 0, time.monotonic()
        for part, may_be_more in parts:
            done += part
            rest = (time.monotonic() - began) * (1 / SHARE - 1) if may_be_more else 0.0
            if self.stopping.wait(min(rest, LONGEST_REST_SECONDS)):
                break
            began = time.monotonic()
        return done


def kept_by_market(settings: Settings) -> dict[str, Kept]:
    """Return how long each market keeps what; built-in ones as the settings have it by default."""
    periods = {}
    for name in settings.known_markets:
        retention = settings.markets.get(name, MarketSettings()).retention
        periods[name] = Kept(
            closed_holds=timedelta(days=retention.closed_hold_contacts_days),
            people=timedelta(days=retention.people_days),
            actors=timedelta(days=retention.actor_names_days),
        )
    return periods


def person_retention_on(
    settings: Settings,
    ring: KeyRing,
    now: Callable[[], datetime],
    registry: CollectorRegistry,
    opened: ExitStack,
) -> PersonRetention:
    """Return what erases people, on a connection of its own."""
    connection = database.connect(settings.database_url)
    opened.callback(database.close, connection)
    return PersonRetention(connection, ring, kept_by_market(settings), now, registry)
