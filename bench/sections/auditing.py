"""The cost of the audit: a whole walk against whole tables at once, and the walk beside servers."""

from __future__ import annotations

import time
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from giftcard_server.auditing.continuous import ContinuousAudit
from giftcard_storage import database as databases
from giftcard_storage.audit import KEYS_AT_ONCE, audit_all
from giftcard_storage.database import DatabaseUrl
from giftcard_storage.walks.audited_database import AuditedDatabase
from loads.filling import fill
from loads.http2_load import VoidRunError
from results import EMBEDDED, Case, Sample

if TYPE_CHECKING:
    from loads.servers import Place, World
    from plans import Plan
    from results import Results

SECTION: Final = "auditing"
SLICES: Final = "audit in slices"
WHOLE: Final = "audit of whole tables at once"
ROUNDS: Final = 3
# More than there are rows: each statement is one over its whole table, as the audit once was.
EVERYTHING: Final = 2**40
BESIDE_SECONDS: Final = 20.0
GIVE_UP_SECONDS: Final = 10.0


def measure(world: World, plan: Plan, results: Results) -> None:
    """Measure processor time, on the embedded database, where all of it is this process's."""
    with world.place(EMBEDDED) as place:
        fill(place, plan.scraped)
        for _ in range(ROUNDS):
            for name, keys in ((SLICES, KEYS_AT_ONCE), (WHOLE, EVERYTHING)):
                seconds = _seconds(place, keys)
                # A rate of cards, whose ratio is that of the times.
                sample = Sample(plan.scraped / seconds, seconds, seconds)
                results.add(Case(SECTION, name, EMBEDDED, 1), sample)
        results.once[f"core taken by the audit beside the server, {plan.scraped:,} cards"] = (
            f"{_share_beside(place):.1%}"
        )


def _seconds(place: Place, keys: int) -> float:
    """Return the processor seconds of an audit of everything."""
    began = time.process_time()
    with closing(databases.connect_to_walk(DatabaseUrl.parse(place.url))) as connection:
        if audit_all(connection, keys=keys).differences:
            message = "the audit found differences"
            raise VoidRunError(message)
    return time.process_time() - began


def _share_beside(place: Place) -> float:
    """Return the share of a core that the audit takes which never ends."""
    with closing(databases.connect(DatabaseUrl.parse(place.url))) as connection:
        auditing = ContinuousAudit(AuditedDatabase(connection), lambda: datetime.now(UTC))
        used, began = time.process_time(), time.monotonic()
        auditing.start()
        time.sleep(BESIDE_SECONDS)
        share = (time.process_time() - used) / (time.monotonic() - began)
        auditing.begin_to_stop()
        auditing.has_stopped_by(time.monotonic() + GIVE_UP_SECONDS)
        return share
