"""What a server opens before its parts are made: its schema, its clock, its pauses, its journal."""

from __future__ import annotations

import socket
from functools import partial
from typing import TYPE_CHECKING

from giftcard_server.clocks.judged_clock import JudgedClock
from giftcard_server.clocks.metrics import ClockMetric
from giftcard_server.switches.paused_markets import PausedMarkets
from giftcard_storage import clock as at_rest
from giftcard_storage import database, sandbox
from giftcard_storage.personal.journal import ErasureJournal
from giftcard_storage.switches import pauses

if TYPE_CHECKING:
    from contextlib import ExitStack

    from prometheus_client import CollectorRegistry

    from giftcard_rules.codes import KeyRing
    from giftcard_server.settings import Settings


def prepare_database(settings: Settings, ring: KeyRing | None) -> None:
    """Migrate the database if that is the server's task, and check its schema.

    Of servers that share it, only those with `migrate_on_start` migrate. Raises `StorageError`.
    """
    url = settings.database_url
    if settings.sandbox:
        sandbox.prepare(url, ring)
    elif settings.migrate_on_start or not url.engine.is_migrated_by_command:
        database.migrate(url, ring)
    if url.engine.is_migrated_by_command:
        database.require_schema(url)
    if not settings.sandbox:
        sandbox.require_none(url)


def journal_of(settings: Settings) -> ErasureJournal | None:
    """Return the erasure journal, if any. Raises `JournalError` where it cannot be written."""
    if settings.erasure_journal is None:
        return None
    journal = ErasureJournal(settings.erasure_journal)
    journal.append(())
    return journal


def paused_markets_of(settings: Settings, opened: ExitStack) -> PausedMarkets:
    """Return the markets with what is stopped now, on a connection of their own.

    No long read of an overview may delay a pause. Raises `StorageError`.
    """
    connection = database.connect(settings.database_url)
    opened.callback(database.close, connection)
    markets = PausedMarkets(settings.known_markets, partial(pauses.pauses, connection))
    markets.look()
    return markets


def judged_clock_of(
    settings: Settings, opened: ExitStack, registry: CollectorRegistry | None, *, marks: bool
) -> JudgedClock:
    """Return the clock of a server on a connection of its own, compared with the others once.

    Servers on one host share their mark. Raises `StorageError`.
    """
    connection = database.connect(settings.database_url)
    opened.callback(database.close, connection)
    clock = JudgedClock(
        partial(at_rest.times, connection),
        settings.clock_tolerance_seconds,
        mark=partial(at_rest.mark, connection, socket.gethostname()) if marks else None,
        tell=ClockMetric(registry).show if registry else lambda _is_wrong: None,
    )
    clock.compare()
    return clock
