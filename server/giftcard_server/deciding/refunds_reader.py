"""Lists the refunds that the payment provider owes, for all callers that wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

from giftcard_server.deciding.batch_telling import with_spans
from giftcard_server.deciding.batching import Batcher

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from giftcard_server.deciding.batching import Entry
    from giftcard_server.tracing.tracer import Tracer
    from giftcard_storage.refunds import RefundOwed, RefundsQuery

    FindRefunds = Callable[[Sequence[RefundsQuery]], list[list[RefundOwed]]]


class RefundsReader:
    """Answers queries in batches, on another connection than the committer's.

    `find` answers several queries on one state of the database.
    """

    def __init__(
        self,
        find: FindRefunds,
        *,
        waiting_limit: int,
        batch_limit: int,
        tracer: Tracer | None = None,
    ) -> None:
        self._find = find
        self.batcher: Batcher[RefundsQuery, list[RefundOwed]] = Batcher(
            with_spans(self._run, tracer), waiting_limit=waiting_limit, batch_limit=batch_limit
        )

    def submit(self, query: RefundsQuery, gone: Callable[[], bool]) -> list[RefundOwed]:
        """Answer a query. Raises `UndecidedError` and `StorageAwayError`."""
        return self.batcher.submit(query, gone)

    def _run(self, entries: Sequence[Entry[RefundsQuery, list[RefundOwed]]]) -> None:
        found = self._find([entry.item for entry in entries])
        for entry, owed in zip(entries, found, strict=True):
            entry.succeed(owed)
