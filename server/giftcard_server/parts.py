"""The parts of a server and their composition, for a service, a supervisor and the tests."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Gauge

from giftcard_server.callers.callers import Caller, caller_of
from giftcard_server.deciding.authorization_reader import AuthorizationReader
from giftcard_server.deciding.batch_telling import BatchTelling
from giftcard_server.deciding.committer import Committer
from giftcard_server.deciding.refunds_reader import RefundsReader
from giftcard_server.deciding.validate_reader import ValidateReader
from giftcard_server.edge.authorizations import AuthorizationServicer
from giftcard_server.edge.event_delivery import EventDelivery
from giftcard_server.edge.event_metrics import EventMetrics
from giftcard_server.edge.event_reading import EventReader
from giftcard_server.edge.events import EventServicer
from giftcard_server.edge.gift_cards import GiftCardServicer
from giftcard_server.edge.grpc_server import Servicers
from giftcard_server.edge.privacy.messages import encode
from giftcard_server.edge.refunds import RefundServicer
from giftcard_server.edge.requests import RequestReader
from giftcard_server.edge.terms import TermsServicer
from giftcard_server.guesses.attempts import Attempts, attempts_of
from giftcard_server.metrics import DomainMetrics
from giftcard_server.opening import journal_of, paused_markets_of
from giftcard_server.probe import connections_gauge
from giftcard_server.process.alarms import Alarms
from giftcard_server.tracing.tracer import tracer_of
from giftcard_storage import database, refunds
from giftcard_storage.acts.notes import NoteSealing
from giftcard_storage.events import EventLog
from giftcard_storage.personal.changing import PersonChanges
from giftcard_storage.sealing import Sealing
from giftcard_storage.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import ExitStack

    import grpc

    from giftcard_rules.codes import KeyRing
    from giftcard_rules.commands import Outcome
    from giftcard_rules.current import Markets
    from giftcard_server.callers.callers import Callers
    from giftcard_server.deciding.batching import Batcher
    from giftcard_server.deciding.refunds_reader import FindRefunds
    from giftcard_server.settings import Settings
    from giftcard_server.tracing.tracer import Tracer


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The parts that answer gift card RPCs: the fields are given, the properties made of them.

    Each property is made once, when it is first used. `writing`, `reading` and `reading_durably`
    have a connection each. Tests that need only some of the parts make them here as well, with
    their own fields.
    """

    settings: Settings
    ring: KeyRing
    markets: Markets
    writing: Store
    reading: Store
    reading_durably: Store
    find_refunds: FindRefunds
    now: Callable[[], datetime]
    registry: CollectorRegistry
    encode: Callable[[Outcome], bytes] = encode
    caller_of: Callable[[grpc.ServicerContext], Caller] = caller_of
    # What the writing store changes people with, where it does.
    changing: PersonChanges | None = None
    # Set with each commit that changed cards, for whoever waits for events.
    has_committed: threading.Event = field(default_factory=threading.Event)
    # Takes in what operators have stopped in the markets since.
    look_at_pauses: Callable[[], None] = lambda: None
    # Makes spans, where the settings ask for traces.
    tracer: Tracer | None = None

    @cached_property
    def metrics(self) -> DomainMetrics:
        """The domain's own figures."""
        return DomainMetrics(self.registry)

    @cached_property
    def committer(self) -> Committer:
        """Decides every command that may change something."""
        committer = Committer(
            self.writing,
            self.ring,
            self.markets,
            self.encode,
            self.now,
            self.metrics,
            **self._limits,
        )
        committer.telling = self.batch_telling
        committer.tell_of_commit = self.has_committed.set
        return committer

    @cached_property
    def batch_telling(self) -> BatchTelling:
        """Tells of the committer's batches."""
        return BatchTelling(self.registry, self.tracer)

    @cached_property
    def connections(self) -> Gauge:
        """Shows how many connections to the database are open."""
        return connections_gauge(self.registry)

    def show_figures(self) -> None:
        """Show how many commands wait for the committer now, and how many connections are open."""
        self.batch_telling.show(self.committer.batcher.waiting)
        self.connections.set(database.open_connections())

    @cached_property
    def validate_reader(self) -> ValidateReader:
        """Answers Validate beside the committer."""
        return ValidateReader(
            self.reading, self.markets, self.now, tracer=self.tracer, **self._limits
        )

    @cached_property
    def authorization_reader(self) -> AuthorizationReader:
        """Answers what is asked about authorizations, likewise."""
        return AuthorizationReader(
            self.reading_durably, self.markets, self.now, tracer=self.tracer, **self._limits
        )

    @cached_property
    def refunds_reader(self) -> RefundsReader:
        """Lists the refunds that the payment provider owes, likewise."""
        return RefundsReader(self.find_refunds, tracer=self.tracer, **self._limits)

    @property
    def batchers(self) -> Sequence[Batcher[Any, Any]]:
        """Where parked calls wait."""
        readers = (self.validate_reader, self.authorization_reader, self.refunds_reader)
        return [each.batcher for each in (self.committer, *readers)]

    def end_late(self) -> None:
        """Answer the parked calls that have waited for too long."""
        for batcher in self.batchers:
            batcher.end_late()

    @cached_property
    def alarms(self) -> Alarms:
        """When the answers of parked calls leave that are held back; its thread runs for good."""
        return Alarms("held back")

    @cached_property
    def attempts(self) -> Attempts:
        """Limits guesses at codes. Raises `StartRefusedError`."""
        places = self.settings.refusal_places
        return attempts_of(self.settings, self.ring, self.registry, places, self.alarms)

    @cached_property
    def servicer(self) -> GiftCardServicer:
        """Answers each RPC. Raises `StartRefusedError`."""
        return GiftCardServicer(
            RequestReader(self.ring, self.markets),
            self.committer,
            self.validate_reader,
            self.attempts,
            self.metrics,
            self.now,
            self.caller_of,
        )

    @cached_property
    def authorization_servicer(self) -> AuthorizationServicer:
        """Answers each RPC about authorizations. Raises `StartRefusedError`."""
        return AuthorizationServicer(
            RequestReader(self.ring, self.markets),
            self.committer,
            self.authorization_reader,
            self.metrics,
            self.now,
            self.caller_of,
            self.servicer.undecided,
        )

    @cached_property
    def refund_servicer(self) -> RefundServicer:
        """Answers each RPC about refunds that are due. Raises `StartRefusedError`."""
        return RefundServicer(
            self.markets,
            self.committer,
            self.refunds_reader,
            self.metrics,
            self.caller_of,
            self.servicer.undecided,
        )

    @cached_property
    def terms_servicer(self) -> TermsServicer:
        """Answers what the terms of a market are."""
        return TermsServicer(self.markets, self.now)

    @property
    def servicers(self) -> Servicers:
        """What answers the RPCs of each service. Raises `StartRefusedError`."""
        return Servicers(
            self.servicer, self.authorization_servicer, self.terms_servicer, self.refund_servicer
        )

    @property
    def _limits(self) -> dict[str, int]:
        settings = self.settings
        return {"waiting_limit": settings.waiting_limit, "batch_limit": settings.batch_limit}


def events_of(
    settings: Settings, callers: Callers, registry: CollectorRegistry, opened: ExitStack
) -> EventServicer | None:
    """Return what reads and watches events, on two connections, where it may be served at all."""
    if not settings.serves_confidants:
        return None
    connections = [database.connect(settings.database_url) for _ in range(2)]
    for connection in connections:
        opened.callback(database.close, connection)
    reading, delivering = map(EventLog, connections)
    metrics = EventMetrics(registry)
    delivery = EventDelivery(delivering, metrics, settings.event_watchers)
    return EventServicer(EventReader(reading), delivery, metrics, callers)


def parts_of(
    settings: Settings,
    ring: KeyRing,
    registry: CollectorRegistry,
    now: Callable[[], datetime],
    opened: ExitStack,
    caller_of: Callable[[grpc.ServicerContext], Caller] = caller_of,
) -> Parts:
    """Return the parts on five connections to the database, which `opened` will close."""
    connections = [database.connect(settings.database_url) for _ in range(4)]
    for connection in connections:
        opened.callback(database.close, connection)
    writing, reading, reading_durably, listing = connections
    markets = paused_markets_of(settings, opened)
    changing = PersonChanges(ring, journal_of(settings))
    return Parts(
        settings=settings,
        ring=ring,
        markets=markets,
        writing=Store(writing, Sealing(ring), NoteSealing(ring), changing),
        changing=changing,
        reading=Store(reading),
        reading_durably=Store(reading_durably),
        find_refunds=partial(refunds.refunds_owed, listing),
        now=now,
        registry=registry,
        caller_of=caller_of,
        look_at_pauses=markets.look,
        tracer=tracer_of(settings, opened, settings.database_url),
    )
