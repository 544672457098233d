"""An overview of all cards on one connection, which several threads may ask."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from giftcard_storage import database, overview, refunds, ring_keys, terms_versions
from giftcard_storage.deliveries import waiting
from giftcard_storage.events import EventLog
from giftcard_storage.switches import issued_values, pauses
from giftcard_storage.walks import standing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from giftcard_rules.decisions import TermsVersion
    from giftcard_storage.database import DatabaseUrl
    from giftcard_storage.deliveries.waiting import Waiting
    from giftcard_storage.events import Backlog
    from giftcard_storage.overview import Holdings
    from giftcard_storage.refunds import Unconfirmed
    from giftcard_storage.switches.pauses import Pause
    from giftcard_storage.walks.standing import Standing


# For one question, which may read every card. Those who ask take turns.
WITHIN_SECONDS: Final = 60.0


class SharedOverview:
    """Reads beside the commands, one question at a time. Raises `StorageError`, also when made."""

    def __init__(self, url: DatabaseUrl) -> None:
        self._connection = database.connect_to_look_over(url, WITHIN_SECONDS)
        self._lock = threading.Lock()

    def holdings(self) -> list[Holdings]:
        """Return how many cards there are of each kind, and what they are worth."""
        with self._lock:
            return overview.holdings(self._connection)

    def due(self, now: datetime, limit: int) -> list[str]:
        """Return the ids of at most `limit` cards for which time has done something unbooked."""
        with self._lock:
            return overview.due(self._connection, now, limit)

    def unconfirmed_refunds(self) -> list[Unconfirmed]:
        """Return what the payment provider owes and nobody has confirmed, by market."""
        with self._lock:
            return refunds.unconfirmed(self._connection)

    def waiting_deliveries(self, now: datetime) -> list[Waiting]:
        """Return which e-mails are to be sent, and which are parked."""
        with self._lock:
            return waiting.waiting(self._connection, now)

    def made_by(self, card_id: str) -> tuple[str, str]:
        """Return the caller and the request id that made a card."""
        with self._lock:
            return overview.made_by(self._connection, card_id)

    def sealed(self) -> dict[str, int]:
        """Return how many cards have people sealed with each key of the ring, by its id."""
        with self._lock:
            return overview.sealed(self._connection)

    def keys_in_use(self) -> list[str]:
        """Return the ids of the keys of the ring that anything was made under."""
        with self._lock:
            return ring_keys.in_use(self._connection)

    def has_cards(self) -> bool:
        """Return whether there is any card."""
        with self._lock:
            return overview.has_cards(self._connection)

    def made_at(self) -> datetime:
        """Return when the tables were made."""
        with self._lock:
            return overview.made_at(self._connection)

    def terms_versions(self) -> list[TermsVersion]:
        """Return the versions of terms that are noted, as cards were sold under them."""
        with self._lock:
            return terms_versions.noted(self._connection)

    def markets_of_undated_cards(self) -> list[str]:
        """Return the markets with cards that live under what has always held."""
        with self._lock:
            return terms_versions.markets_of_undated_cards(self._connection)

    def were_sold(self, market: str, since: datetime) -> bool:
        """Return whether a card was bought in a market at or after an instant."""
        with self._lock:
            return terms_versions.were_sold(self._connection, market, since)

    def note(self, versions: Sequence[TermsVersion]) -> None:
        """Note versions of terms, except those of which something was noted before."""
        with self._lock:
            terms_versions.note(self._connection, versions)

    def event_backlog(self) -> Backlog:
        """Return how many events have no position yet, and since when."""
        with self._lock:
            return EventLog(self._connection).backlog()

    def pauses(self) -> list[Pause]:
        """Return what operators have stopped."""
        with self._lock:
            return pauses.pauses(self._connection)

    def issued_by_caller(self, now: datetime) -> dict[tuple[str, str], int]:
        """Return what each caller has issued in each market within the hour, in minor units."""
        with self._lock:
            return issued_values.issued_by_caller(self._connection, now)

    def audit(self) -> Standing | None:
        """Return how the audit beside the servers stands; None before the first one."""
        with self._lock:
            return standing.standing(self._connection)

    def close(self) -> None:
        """Close the connection, once nobody reads on it."""
        with self._lock:
            database.close(self._connection)
