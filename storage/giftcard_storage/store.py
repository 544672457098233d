"""Loading the facts that commands name, and saving what was decided: a set at a time."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from giftcard_rules.commands import (
    Authorize,
    Cancel,
    Capture,
    Command,
    Issue,
    Reverse,
    Settle,
    Validate,
)
from giftcard_rules.facts import Facts, RequestRecord
from giftcard_storage import rows, statements
from giftcard_storage.dialect import array, rows_of
from giftcard_storage.errors import StaleError, translated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from peewee import Database

    from giftcard_rules.cards import Authorization
    from giftcard_rules.decisions import Decision
    from giftcard_storage.rows import Row, SavedRow
    from giftcard_storage.statements import Bulk


Fact = TypeVar("Fact")


@dataclass(slots=True)
class Named:
    """What a batch of commands names, to be looked up."""

    request_ids: set[str] = field(default_factory=set)
    card_ids: set[str] = field(default_factory=set)
    authorization_ids: set[str] = field(default_factory=set)
    order_ids: set[str] = field(default_factory=set)
    purchase_order_ids: set[str] = field(default_factory=set)
    purchased_card_ids: set[str] = field(default_factory=set)

    def add(self, command: Command) -> None:
        """Take in what a command names."""
        match command:
            case Issue():
                self.purchase_order_ids.add(command.purchase.order_id)
            case Authorize() | Validate():
                self.card_ids.update(command.card_ids)
                self.order_ids.add(command.order.order_id)
            case Capture():
                self.authorization_ids.add(command.authorization_id)
            case Reverse():
                if command.authorization_id is not None:
                    self.authorization_ids.add(command.authorization_id)
                if command.authorize_request_id is not None:
                    self.request_ids.add(command.authorize_request_id)
            case Cancel():
                self.card_ids.update(command.card_ids)
                self.purchased_card_ids.update(command.card_ids)
            case Settle():
                self.card_ids.add(command.card_id)
        if not isinstance(command, Validate | Settle):
            self.request_ids.add(command.key.request_id)


@dataclass(slots=True)
class Loaded:
    """The facts as they were loaded; the versions at rest are what saving relies on."""

    facts: Facts
    versions: dict[str, int]
    authorization_ids: frozenset[str]


class Store:
    """One connection's view of the tables. Not for two threads at once.

    Every method raises `StorageAwayError` where the database does not answer.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what is done inside, durably, or roll all of it back."""
        with translated(), self._database.atomic():
            yield

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """See one state of the database inside, without keeping writers waiting."""
        with translated(), self._database.transaction("DEFERRED"):
            yield

    def load(self, commands: Iterable[Command]) -> Loaded:
        """Load every fact that the commands' rules will look at, in a few statements."""
        named = Named()
        for command in commands:
            named.add(command)
        facts = Facts()
        for record in self._recall(named.request_ids):
            facts.requests[record.key] = record
            if record.authorization_id is not None:
                named.authorization_ids.add(record.authorization_id)
        self._load_authorizations(facts, named)
        self._load_purchases(facts, named)
        return Loaded(
            facts,
            {card_id: card.version for card_id, card in facts.cards.items()},
            frozenset(facts.authorizations),
        )

    def _load_authorizations(self, facts: Facts, named: Named) -> None:
        find = self._find
        found: list[Authorization] = [
            *find(statements.AUTHORIZATIONS, named.authorization_ids, rows.authorization_of),
            *find(statements.LIVE_AUTHORIZATIONS, named.order_ids, rows.authorization_of),
        ]
        named.card_ids.update(authorization.card_id for authorization in found)
        cards = find(statements.CARDS, named.card_ids, rows.card_of)
        facts.cards = {card.card_id: card for card in cards}
        known = {authorization.authorization_id for authorization in found}
        holds = {card.hold_id for card in cards if card.hold_id is not None} - known
        found += find(statements.AUTHORIZATIONS, holds, rows.authorization_of)
        for authorization in found:
            facts.add_authorization(authorization)

    def _load_purchases(self, facts: Facts, named: Named) -> None:
        find = self._find
        for purchase in (
            *find(statements.PURCHASE_ORDERS, named.purchase_order_ids, rows.purchase_of),
            *find(statements.PURCHASES, named.purchased_card_ids, rows.purchase_of),
        ):
            facts.add_purchase(purchase)

    def _find(self, statement: str, keys: set[str], fact_of: Callable[[Row], Fact]) -> list[Fact]:
        if not keys:
            return []
        with translated():
            (text,) = self._database.execute_sql(statement, (array(keys),)).fetchone()
        return [fact_of(row) for row in rows_of(text)]

    def _recall(self, request_ids: set[str]) -> list[RequestRecord]:
        if not request_ids:
            return []
        with translated():
            cursor = self._database.execute_sql(statements.REQUESTS, (array(request_ids),))
            return [rows.request_of(row) for row in cursor.fetchall()]

    def save(
        self,
        loaded: Loaded,
        decisions: Sequence[Decision],
        records: Sequence[RequestRecord],
        now: datetime,
    ) -> None:
        """Save what was decided and answered. Raises `StaleError` where a card has moved on."""
        cards = {card.card_id: card for decision in decisions for card in decision.cards}
        authorizations = {
            authorization.authorization_id: authorization
            for decision in decisions
            for authorization in decision.authorizations
        }
        at_rest = loaded.versions
        changed = [
            rows.card_changes(card, at_rest[card_id])
            for card_id, card in cards.items()
            if card_id in at_rest
        ]
        if self._save(statements.UPDATE_CARDS, changed) != len(changed):
            raise StaleError
        old = loaded.authorization_ids
        self._save(
            statements.INSERT_CARDS,
            [rows.card_row(card) for card_id, card in cards.items() if card_id not in at_rest],
        )
        # Updates first: a hold that gave way must be out of its order's unique index.
        self._save(
            statements.UPDATE_AUTHORIZATIONS,
            [rows.authorization_changes(a) for id_, a in authorizations.items() if id_ in old],
        )
        self._save(
            statements.INSERT_AUTHORIZATIONS,
            [rows.authorization_row(a) for id_, a in authorizations.items() if id_ not in old],
        )
        self._save_additions(decisions, records, now)

    def _save_additions(
        self, decisions: Sequence[Decision], records: Sequence[RequestRecord], now: datetime
    ) -> None:
        postings: list[SavedRow] = []
        for decision in decisions:
            versions = {card.card_id: card.version for card in decision.cards}
            postings += rows.posting_rows(decision.postings, versions, now)
        purchases = [d.purchase for d in decisions if d.purchase is not None]
        people = [person for decision in decisions for person in decision.people]
        self._save(statements.INSERT_POSTINGS, postings)
        self._save(statements.INSERT_PURCHASES, [rows.purchase_row(p) for p in purchases])
        self._save(statements.INSERT_PEOPLE, [rows.person_row(person) for person in people])
        self._save(statements.INSERT_REQUESTS, [rows.request_row(r, now) for r in records])

    def _save(self, statement: Bulk, saved: Sequence[SavedRow]) -> int:
        """Save rows, and return how many were changed or added."""
        changed = 0
        with translated():
            for text, parameters in statement.chunks(saved):
                changed += self._database.execute_sql(text, parameters).rowcount
        return changed
