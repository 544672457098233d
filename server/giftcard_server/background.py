"""What a server does beside its calls, each in a thread of its own, until it drains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from giftcard_server.auditing.continuous import continuous_audit_on
from giftcard_server.clocks.judged_clock import LOOK_SECONDS as LOOK_AT_CLOCKS_SECONDS
from giftcard_server.deciding.batch_telling import SHOW_SECONDS
from giftcard_server.deciding.housekeeping import CARDS_TOGETHER, Housekeeping
from giftcard_server.deciding.write_check import LOOK_SECONDS as WRITE_CHECK_SECONDS
from giftcard_server.edge.calls_in_progress import LOOK_SECONDS
from giftcard_server.errors import ClockWrongError
from giftcard_server.events.background import retention_on, sequencing_on
from giftcard_server.logs import SUMMARY_SECONDS
from giftcard_server.mail.background import mail_on
from giftcard_server.privacy.checkpointing import checkpointing_on
from giftcard_server.privacy.retention import person_retention_on
from giftcard_server.recurring import Recurring
from giftcard_server.switches.forgetting import forgetting_issued_values
from giftcard_server.switches.paused_markets import LOOK_SECONDS as PAUSES_SECONDS
from giftcard_storage.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack

    from giftcard_server.callers.access import Access
    from giftcard_server.clocks.judged_clock import JudgedClock, TrustedClock
    from giftcard_server.deciding.write_check import WriteCheck
    from giftcard_server.edge.calls_in_progress import CallsInProgress
    from giftcard_server.parts import Parts
    from giftcard_server.shared_overview import SharedOverview

BREAKER_SECONDS: Final = 1.0


def _housekeeping(parts: Parts, overview: SharedOverview) -> Housekeeping:
    def due(limit: int) -> list[str]:
        try:
            return overview.due(parts.now(), limit)
        except ClockWrongError:
            return []  # Nothing is due while nobody knows the time; the clock has logged it.

    together = min(CARDS_TOGETHER, parts.settings.waiting_limit)
    return Housekeeping(due, parts.committer, parts.settings.housekeeping_seconds, together)


def in_background(
    parts: Parts,
    overview: SharedOverview,
    opened: ExitStack,
    may_send: Callable[[], bool] | None,
) -> list[Recurring]:
    """Return what gives positions to events, and where it keeps house, what a database needs once.

    That removes old events, books time's work, and sends e-mail while `may_send` allows it.
    """
    url, days = parts.settings.database_url, parts.settings.event_retention_days
    recurring = sequencing_on(url, parts.has_committed, parts.registry, opened)
    if may_send is not None:
        recurring += retention_on(url, days, parts.now, opened, mail_follows=True)
        recurring.append(forgetting_issued_values(url, parts.now))
        recurring.append(_housekeeping(parts, overview))
        recurring.append(continuous_audit_on(url, parts.now, opened))
        recurring += mail_on(parts, opened, may_send)
        retention = (parts.settings, parts.ring, parts.now, parts.registry, opened)
        recurring.append(person_retention_on(*retention))
    if url.engine.needs_checkpoints:
        routinely = may_send is not None
        recurring.append(checkpointing_on(url, parts.changing, opened, routinely=routinely))
    return recurring


def watching(
    parts: Parts,
    clock: TrustedClock | JudgedClock,
    writes: WriteCheck,
    access: Access,
    calls: CallsInProgress,
) -> list[Recurring]:
    """Return what looks after the clock, the writes, the callers and their calls."""
    return [
        Recurring("clock", clock.look, LOOK_AT_CLOCKS_SECONDS, ()),
        Recurring("write check", writes.look, WRITE_CHECK_SECONDS, (StorageError,)),
        access.reloading,
        Recurring("overdue calls", calls.end_overdue, LOOK_SECONDS, ()),
        Recurring("late calls", parts.end_late, LOOK_SECONDS, ()),
        Recurring("figures", parts.show_figures, SHOW_SECONDS, ()),
        Recurring("undecided calls", parts.servicer.undecided.flush, SUMMARY_SECONDS, ()),
        Recurring("pauses", parts.look_at_pauses, PAUSES_SECONDS, (StorageError,)),
        Recurring("breakers", parts.attempts.show, BREAKER_SECONDS, ()),
    ]
