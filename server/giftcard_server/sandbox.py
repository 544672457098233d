"""The composition of a sandbox: a server whose clock is moved, and whose codes can go wrong."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from giftcard_server.clocks.judged_clock import TrustedClock
from giftcard_server.clocks.sandbox_clock import SandboxClock
from giftcard_server.confidants import with_confidants
from giftcard_server.deciding.committer import Committer
from giftcard_server.deciding.housekeeping import Housekeeping
from giftcard_server.edge.requests import RequestReader
from giftcard_server.edge.sandbox.card_making import CardMaking, Earlier
from giftcard_server.edge.sandbox.misbehaving import MisbehavingGiftCards
from giftcard_server.edge.sandbox.servicer import SandboxServicer
from giftcard_server.events.retention import EventRetention
from giftcard_server.events.sequencer import Sequencer
from giftcard_server.mail.following import MailFollower
from giftcard_server.mail.worker import MailWorker
from giftcard_server.privacy.retention import PersonRetention
from giftcard_storage import database
from giftcard_storage.acts.notes import NoteSealing
from giftcard_storage.sealing import Sealing
from giftcard_storage.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import ExitStack
    from datetime import datetime

    from giftcard_server.edge.events import EventServicer
    from giftcard_server.edge.grpc_server import Servicers
    from giftcard_server.parts import Parts
    from giftcard_server.recurring import Recurring
    from giftcard_server.settings import Settings

log = structlog.get_logger(__name__)

# Less than a call may take, so that it is answered.
CAUGHT_UP_WITHIN_SECONDS: Final = 20.0
# A reminder and the expiry that it reminds of are days apart, and so they are here.
STEP: Final = timedelta(days=1)
# Longer ways take longer steps, which take a few milliseconds each.
MOST_STEPS: Final = 400
# In this order: what one of them books, the next ones see.
IN_EACH_STEP: Final = (Housekeeping, Sequencer, MailFollower, MailWorker)
AT_THE_END: Final = (EventRetention, PersonRetention)


class Advancing:
    """Moves the clock, and has the server's own tasks do what is due meanwhile."""

    def __init__(self, clock: SandboxClock, tasks: Callable[[], Sequence[Recurring]]) -> None:
        self.clock = clock
        self._tasks = tasks

    def to(self, target: datetime) -> bool:
        """Move the clock in steps; return whether all that was due on the way is done.

        Where it takes too long the clock is moved all the same, and the tasks go on by themselves.
        Raises `StorageAwayError`.
        """
        give_up_at = time.monotonic() + CAUGHT_UP_WITHIN_SECONDS
        step = max(STEP, (target - self.clock.now()) / MOST_STEPS)
        is_done = self._round(IN_EACH_STEP)
        while (now := self.clock.now()) < target:
            if time.monotonic() >= give_up_at:
                self.clock.move_to(target)
                log.warning("the clock was moved faster than its work was done", to=str(target))
                return False
            self.clock.move_to(min(target, now + step))
            is_done = self._round(IN_EACH_STEP)
        return is_done and self._round(AT_THE_END)

    def _round(self, kinds: Sequence[type[Recurring]]) -> bool:
        """Have tasks of these kinds do what is due; return whether none was postponed."""
        is_done = True
        for kind in kinds:
            for task in self._tasks():
                if isinstance(task, kind):
                    try:
                        task.round()
                    except task.postponed_by:
                        is_done = False
        return is_done


def trusted_clock_of(
    settings: Settings,
    now: Callable[[], datetime] | None,
    opened: ExitStack,
    tasks: Callable[[], Sequence[Recurring]],
) -> tuple[Advancing | None, TrustedClock | None]:
    """Return what moves the clock, in a sandbox, and the clock to trust, if there is one.

    That of a sandbox is on a connection of its own, and goes before `now`. Raises
    `StorageAwayError`.
    """
    if not settings.sandbox:
        return None, now and TrustedClock(now)
    connection = database.connect(settings.database_url)
    opened.callback(database.close, connection)
    advancing = Advancing(SandboxClock(connection), tasks)
    return advancing, advancing.clock


def with_sandbox(
    parts: Parts, events: EventServicer | None, advancing: Advancing | None, opened: ExitStack
) -> Servicers:
    """Return what answers the RPCs of each service: in a sandbox, with what only it has."""
    servicers = with_confidants(parts, events, opened)
    if advancing is None:
        return servicers
    reader = RequestReader(parts.ring, parts.markets)
    making = _making_of(parts, reader, opened)
    undecided = parts.servicer.undecided
    return servicers._replace(
        gift_cards=MisbehavingGiftCards(
            parts.servicer, reader, making, parts.alarms, parts.now, parts.caller_of
        ),
        sandbox=SandboxServicer(
            advancing.clock, advancing.to, making, parts.markets, parts.caller_of, undecided
        ),
    )


def _making_of(parts: Parts, reader: RequestReader, opened: ExitStack) -> CardMaking:
    """Return what makes cards, of which some are bought earlier, on a connection of its own."""
    settings, earlier = parts.settings, Earlier(parts.now)
    connection = database.connect(settings.database_url)
    opened.callback(database.close, connection)
    store = Store(connection, Sealing(parts.ring), NoteSealing(parts.ring), parts.changing)
    committer_of_before = Committer(
        store,
        parts.ring,
        parts.markets,
        parts.encode,
        earlier.now,
        parts.metrics,
        waiting_limit=settings.waiting_limit,
        batch_limit=settings.batch_limit,
    )
    tell: Callable[[], object] = parts.has_committed.set
    committer_of_before.tell_of_commit = tell
    return CardMaking(
        reader=reader,
        committer=parts.committer,
        validate_reader=parts.validate_reader,
        now=parts.now,
        earlier=earlier,
        committer_of_before=committer_of_before,
    )
