"""Answers what is asked about authorizations, durably: what it shows outlives a database server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from giftcard_rules.authorization_calls import (
    GetAuthorization,
    ListAuthorizations,
    PreviewReverse,
)
from giftcard_rules.decide import decide
from giftcard_rules.reasons import MalformedError
from giftcard_server.deciding.batch_telling import with_spans
from giftcard_server.deciding.batching import Batcher
from giftcard_server.errors import InvalidRequestError
from giftcard_storage.order_pages import OrderPage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from giftcard_rules.authorization_calls import Query
    from giftcard_rules.commands import Outcome
    from giftcard_rules.current import Markets
    from giftcard_rules.facts import Facts
    from giftcard_server.deciding.batching import Entry
    from giftcard_server.tracing.tracer import Tracer
    from giftcard_storage.store import Store

# A page of an order is looked up first, and then its authorizations like any others.
Asked = GetAuthorization | PreviewReverse | OrderPage


class AuthorizationReader:
    """Answers queries in batches, beside the committer and on a connection of its own.

    No other call uses the connection: where commits wait for a standby, these reads wait as well.
    """

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
        self.batcher: Batcher[Asked, Outcome] = Batcher(
            with_spans(self._run, tracer), waiting_limit=waiting_limit, batch_limit=batch_limit
        )

    def submit(self, asked: Asked, gone: Callable[[], bool]) -> Outcome:
        """Answer a query; a page has one authorization too many where another page follows.

        Raises `UndecidedError`, `StorageAwayError`, `UnknownTermsError` and `InvalidRequestError`.
        """
        return self.batcher.submit(asked, gone)

    def _run(self, entries: Sequence[Entry[Asked, Outcome]]) -> None:
        with self._store.snapshot(durably=True):
            queries = [self._query(entry.item) for entry in entries]
            facts = self._store.load(queries).facts
        now = self._now()
        for entry, query in zip(entries, queries, strict=True):
            try:
                entry.succeed(self._answer(query, facts, now))
            except Exception as error:  # noqa: BLE001 - one query's defect shall not fail the others
                entry.fail(error)

    def _query(self, asked: Asked) -> Query:
        if isinstance(asked, OrderPage):
            return ListAuthorizations(self._store.ids_on(asked))
        return asked

    def _answer(self, query: Query, facts: Facts, now: datetime) -> Outcome:
        try:
            return decide(query, facts, self._markets, now).outcome
        except MalformedError as malformed:
            raise InvalidRequestError([(malformed.field, malformed.why)]) from malformed
