"""What every server does for events beside its calls: giving positions, removing the oldest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from giftcard_server.events.metrics import SequencerMetrics
from giftcard_server.events.retention import EventRetention
from giftcard_server.events.sequencer import Sequencer, own_name
from giftcard_storage import database
from giftcard_storage.deliveries.following import FollowedEvents
from giftcard_storage.events import EventLog
from giftcard_storage.sequencing import Sequencing

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from contextlib import ExitStack
    from datetime import datetime

    from prometheus_client import CollectorRegistry

    from giftcard_server.recurring import Recurring
    from giftcard_storage.database import DatabaseUrl


def sequencing_on(
    url: DatabaseUrl, woken: threading.Event, registry: CollectorRegistry, opened: ExitStack
) -> list[Recurring]:
    """Return the sequencer of a database that many may write, on a connection of its own."""
    metrics = SequencerMetrics(registry)
    if url.engine.has_one_writer:  # Positions are given with each decision.
        return []
    connection = database.connect(url)
    opened.callback(database.close, connection)
    return [Sequencer(Sequencing(connection, own_name()), woken, metrics)]


def retention_on(
    url: DatabaseUrl,
    days: int | None,
    now: Callable[[], datetime],
    opened: ExitStack,
    *,
    mail_follows: bool = False,
) -> list[Recurring]:
    """Return what removes old events, on a connection of its own; nothing where all are kept.

    Where `mail_follows`, it keeps those that have made no deliveries yet.
    """
    if days is None:
        return []
    connection = database.connect(url)
    opened.callback(database.close, connection)
    followed = FollowedEvents(connection).position if mail_follows else None
    return [EventRetention(EventLog(connection), now, days, followed)]
