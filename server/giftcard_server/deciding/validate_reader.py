"""Answers Validate: loads the facts for all that wait, and changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from giftcard_rules.decide import decide
from giftcard_server.deciding.batch_telling import with_spans
from giftcard_server.deciding.batching import Batcher

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from giftcard_rules.commands import Outcome
    from giftcard_rules.current import Markets
    from giftcard_rules.questions import Validate
    from giftcard_server.deciding.batching import Entry
    from giftcard_server.tracing.tracer import Tracer
    from giftcard_storage.store import Store


class ValidateReader:
    """Answers Validate in batches, on another connection than the committer's."""

    def __init__(
        self,
        store: Store,
        markets: Markets,
        now: Callable[[], datetime],
        *,
        waiting_limit: int,
        batch_limit: int,
        tracer: Tracer | None = None,
    ) -> None:
        self._store = store
        self._markets = markets
        self._now = now
        self.batcher: Batcher[Validate, Outcome] = Batcher(
            with_spans(self._run, tracer), waiting_limit=waiting_limit, batch_limit=batch_limit
        )

    def submit(self, command: Validate, gone: Callable[[], bool]) -> Outcome:
        """Answer a Validate. Raises `UndecidedError` and `StorageAwayError`."""
        return self.batcher.submit(command, gone)

    def _run(self, entries: Sequence[Entry[Validate, Outcome]]) -> None:
        with self._store.snapshot():
            facts = self._store.load([entry.item for entry in entries]).facts
        now = self._now()
        for entry in entries:
            try:
                entry.succeed(decide(entry.item, facts, self._markets, now).outcome)
            except Exception as error:  # noqa: BLE001 - one command's defect shall not fail the others
                entry.fail(error)
