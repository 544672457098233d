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
from giftcard_storage.errors import StaleError, translated
from giftcard_storage.schema import Authorization, Card, Person, Posting, Purchase, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from peewee import SQL, Database, Expression, Field, Model, ModelInsert, ModelUpdate

    from giftcard_rules.decisions import Decision
    from giftcard_storage.rows import Row


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
        for record in self._find(Request.request_id, named.request_ids, rows.request_of):
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
        by_id, by_order = Authorization.authorization_id, Authorization.order_id
        found = [
            *self._find(by_id, named.authorization_ids, rows.authorization_of),
            *self._find(by_order, named.order_ids, rows.authorization_of, statements.LIVE),
        ]
        named.card_ids.update(authorization.card_id for authorization in found)
        cards = self._find(Card.card_id, named.card_ids, rows.card_of)
        facts.cards = {card.card_id: card for card in cards}
        known = {authorization.authorization_id for authorization in found}
        holds = {card.hold_id for card in cards if card.hold_id is not None} - known
        found += self._find(by_id, holds, rows.authorization_of)
        for authorization in found:
            facts.add_authorization(authorization)

    def _load_purchases(self, facts: Facts, named: Named) -> None:
        for purchase in (
            *self._find(Purchase.order_id, named.purchase_order_ids, rows.purchase_of),
            *self._find(Purchase.card_id, named.purchased_card_ids, rows.purchase_of),
        ):
            facts.add_purchase(purchase)

    def _find(
        self,
        key: Field,
        values: set[str],
        fact_of: Callable[[Row], Fact],
        *conditions: Expression | SQL,
    ) -> list[Fact]:
        if not values:
            return []
        with translated():
            cursor = self._database.execute(statements.select(key, values, *conditions))
            return [fact_of(row) for row in cursor.fetchall()]

    def save(
        self,
        loaded: Loaded,
        decisions: Sequence[Decision],
        records: Sequence[RequestRecord],
        now: datetime,
    ) -> None:
        """Save what was decided and answered. Raises `StaleError` where a card has moved on."""
        self._save_cards(loaded.versions, decisions)
        self._save_authorizations(loaded.authorization_ids, decisions)
        postings: list[Row] = []
        for decision in decisions:
            versions = {card.card_id: card.version for card in decision.cards}
            postings += rows.posting_rows(decision.postings, versions, now)
        purchases = [d.purchase for d in decisions if d.purchase is not None]
        people = [person for decision in decisions for person in decision.people]
        self._insert(Posting, postings)
        self._insert(Purchase, [rows.purchase_row(purchase) for purchase in purchases])
        self._insert(Person, [rows.person_row(person) for person in people])
        self._insert(Request, [rows.request_row(record, now) for record in records])

    def _save_cards(self, at_rest: dict[str, int], decisions: Sequence[Decision]) -> None:
        cards = {card.card_id: card for decision in decisions for card in decision.cards}
        changed = [
            rows.card_changes(card, at_rest[card_id])
            for card_id, card in cards.items()
            if card_id in at_rest
        ]
        if changed:
            update = statements.update(statements.CHANGES_OF_A_CARD, Card.card_id, Card.version)
            if self._run(update, changed) != len(changed):
                raise StaleError
        new = [rows.card_row(card) for card_id, card in cards.items() if card_id not in at_rest]
        self._insert(Card, new)

    def _save_authorizations(self, at_rest: frozenset[str], decisions: Sequence[Decision]) -> None:
        authorizations = {
            authorization.authorization_id: authorization
            for decision in decisions
            for authorization in decision.authorizations
        }
        changed = [
            rows.authorization_changes(each)
            for id_, each in authorizations.items()
            if id_ in at_rest
        ]
        # Updates first: a hold that gave way must be out of its order's unique index.
        if changed:
            fields, key = statements.CHANGES_OF_AN_AUTHORIZATION, Authorization.authorization_id
            self._run(statements.update(fields, key), changed)
        new = [rows.authorization_row(a) for id_, a in authorizations.items() if id_ not in at_rest]
        self._insert(Authorization, new)

    def _insert(self, model: type[Model], saved: Sequence[Row]) -> None:
        if saved:
            self._run(statements.insert(model), saved)

    def _run(self, query: ModelInsert | ModelUpdate, saved: Sequence[Row]) -> int:
        """Run a query for each row of parameters, and return how many rows it changed."""
        text, _ = self._database.get_sql_context().sql(query).query()
        with translated():
            cursor = self._database.cursor()
            cursor.executemany(text, saved)
            changed: int = cursor.rowcount
        return changed
