"""The figures of a process for Prometheus, and of the database, which are read when it scrapes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

from giftcard_server.auditing.metrics import AuditCollector
from giftcard_server.clocks.judged_clock import utc_now
from giftcard_server.events.metrics import BacklogCollector
from giftcard_server.kept import Kept
from giftcard_server.keys.metrics import SealedCollector
from giftcard_server.mail.metrics import DeliveriesCollector
from giftcard_server.metrics import LiabilityCollector, RefundsCollector
from giftcard_server.probe import DatabaseCollector
from giftcard_server.switches.metrics import SwitchesCollector

if TYPE_CHECKING:
    from giftcard_server.probe import Probe
    from giftcard_server.settings import Settings
    from giftcard_server.shared_overview import SharedOverview


def registry_of(settings: Settings, overview: SharedOverview, probe: Probe) -> CollectorRegistry:
    """Return a registry that shows this process, and what the cards of each market are worth."""
    registry = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    markets = [(each.name, each.currency) for each in settings.known_markets.values()]
    registry.register(DatabaseCollector(probe.why_not_ready))
    registry.register(LiabilityCollector(overview.holdings, markets))
    # A scrape waits for none of them while the database is slow, and shows what was read before.
    backlog = Kept("events", overview.event_backlog, 1.0).latest
    refunds = Kept("refunds", overview.unconfirmed_refunds, 1.0).latest
    mail = Kept("deliveries", lambda: overview.waiting_deliveries(utc_now()), 1.0).latest
    standing = Kept("audit", overview.audit, 1.0).latest
    pauses = Kept("pauses", overview.pauses, 1.0).latest
    issued = Kept("issued", lambda: overview.issued_by_caller(utc_now()), 1.0).latest
    registry.register(BacklogCollector(backlog, time.time))
    registry.register(RefundsCollector(refunds, markets))
    registry.register(DeliveriesCollector(lambda _now: mail(), utc_now))
    registry.register(SealedCollector(overview.sealed))
    registry.register(AuditCollector(standing))
    registry.register(SwitchesCollector(settings.known_markets, pauses, issued))
    return registry
