"""What a replica does about e-mail, round by round: its books, its follower and its worker.

Everything is real, but no thread runs it: a test says when.
"""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self, cast

from prometheus_client import CollectorRegistry

from giftcard_rules.codes import KeyRing
from giftcard_rules.current import Markets
from giftcard_server.mail.background import mail_on
from giftcard_server.mail.dispatch import Dispatch
from giftcard_server.mail.following import MailFollower
from giftcard_server.mail.worker import MailWorker
from giftcard_server.settings import Settings
from giftcard_server.tracing.tracer import Tracer
from giftcard_storage.database import DatabaseUrl, connect, migrate
from giftcard_storage.deliveries import StoredDelivery, deliveries_of
from giftcard_storage.deliveries.claims import Outbox
from giftcard_storage.sequencing import Sequencing
from given.databases.kinds import Place
from given.databases.stored_books import StoredBooks, books_on
from given.made_facts import RING
from given.servers.mailbox import Mailbox
from given.servers.running import settings

ALL = 100_000


@dataclass(frozen=True)
class _Parts:
    """What mail needs of a server's parts."""

    settings: Settings
    ring: KeyRing
    markets: Markets
    books: StoredBooks
    registry: CollectorRegistry
    tracer: Tracer | None = None

    def now(self) -> datetime:
        """Return the time of the books."""
        return self.books.now


class MailFlow:
    """One replica. `books` are its cards, and their clock is that of its mail."""

    def __init__(self, url: DatabaseUrl, chosen: Settings, opened: ExitStack) -> None:
        self.url = url
        self.connection = opened.enter_context(closing(connect(url)))
        self.books = books_on(self.connection)
        self.books.markets = chosen.known_markets
        self.registry = CollectorRegistry()
        self.may_send = True
        parts = _Parts(chosen, RING, chosen.known_markets, self.books, self.registry)
        follower, *workers = mail_on(parts, opened, lambda: self.may_send)
        self.follower = cast("MailFollower", follower)
        self._workers = cast("list[MailWorker]", workers)
        self._sequencing = Sequencing(self.connection, "a test")

    @property
    def worker(self) -> MailWorker:
        """What sends, where a market is mailed."""
        (worker,) = self._workers
        return worker

    @property
    def outbox(self) -> Outbox:
        return self.worker._outbox

    @property
    def dispatch(self) -> Dispatch:
        return self.worker._dispatch

    def follow(self) -> None:
        """Make the deliveries of all that has happened."""
        if not self.url.engine.has_one_writer:
            self._sequencing.number(ALL)
        self.follower.follow()

    def round(self) -> Self:
        """Make the deliveries of all that has happened, and send what is due."""
        self.follow()
        for worker in self._workers:
            worker.deliver()
        return self

    def deliveries(self, card_id: str) -> list[tuple[str, str, str | None]]:
        """Return the kind, state and reason of each delivery of a card."""
        found = deliveries_of(self.connection, card_id)
        return sorted((each.kind.value, each.state.value, each.reason) for each in found)

    def only(self, card_id: str, kind: str) -> StoredDelivery:
        """Return the one delivery of a kind."""
        (found,) = (
            each for each in deliveries_of(self.connection, card_id) if each.kind.value == kind
        )
        return found

    def count(self, name: str, **labels: str) -> float:
        """Return a counter of this replica."""
        return self.registry.get_sample_value(name, labels) or 0.0


@contextmanager
def mail_flow(place: Place, box: Mailbox, **changes: Any) -> Iterator[MailFlow]:
    """Lend a replica on a database, which is made where it is not there, that mails into a box."""
    url = place.database_url
    if url.engine.has_one_writer:
        migrate(url, RING)
    with ExitStack() as opened:
        yield MailFlow(url, settings(place, **{**box.settings, **changes}), opened)
