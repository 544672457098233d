"""Loading the facts that commands name, and saving what was decided: a set at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from giftcard_rules.cards import Authorization, Card
from giftcard_rules.commands import (
    Authorize,
    Cancel,
    Capture,
    CatchUp,
    Command,
    Issue,
    Reverse,
    Validate,
)
from giftcard_rules.decisions import CardPurchase
from giftcard_rules.facts import Facts, RequestRecord
from giftcard_storage import rows
from giftcard_storage.data_keys import DataKey
from giftcard_storage.dialects import dialect_of
from giftcard_storage.errors import translated
from giftcard_storage.statements import statements_of
from giftcard_storage.transactions import reading, writing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from peewee import Database

    from giftcard_rules.decisions import Decision, Person
    from giftcard_storage.rows import Row
    from giftcard_storage.sealing import Sealing

Fact = Card | Authorization | RequestRecord | CardPurchase


@dataclass(slots=True)
class Named:
    """What a batch of commands names, to be looked up."""

    request_ids: set[str] = field(default_factory=set)
    card_ids: set[str] = field(default_factory=set)
    authorization_ids: set[str] = field(default_factory=set)
    order_ids: set[str] = field(default_factory=set)
    purchase_order_ids: set[str] = field(default_factory=set)
    purchased_card_ids: set[str] = field(default_factory=set)
    paying_card_ids: set[str] = field(default_factory=set)

    def add(self, command: Command) -> None:
        """Take in what a command names."""
        match command:
            case Issue():
                self.purchase_order_ids.add(command.purchase.order_id)
            case Authorize() | Validate():
                self._add_checkout(command)
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
            case CatchUp():
                self.card_ids.add(command.card_id)
        if not isinstance(command, Validate | CatchUp):
            self.request_ids.add(command.key.request_id)

    def _add_checkout(self, command: Authorize | Validate) -> None:
        self.card_ids.update(command.card_ids)
        self.order_ids.add(command.order.order_id)
        if isinstance(command, Authorize):  # Who pays is sealed with the people of the card.
            self.paying_card_ids.update(command.card_ids)

    def not_yet_loaded(self, asked: Named) -> list[tuple[str, set[str]]]:
        """Return what is named and was not asked for yet, by field; from now on it was."""
        fresh = []
        for name in _FACT_OF:
            values, known = getattr(self, name), getattr(asked, name)
            if new := values - known:
                known |= new
                fresh.append((name, new))
        return fresh


# By the field that names it, which statement finds a fact and what makes it of a row.
_FACT_OF: Final[dict[str, tuple[str, Callable[[Row], Fact | DataKey]]]] = {
    "request_ids": ("requests", rows.request_of),
    "card_ids": ("cards", rows.card_of),
    "authorization_ids": ("authorizations", rows.authorization_of),
    "order_ids": ("live_authorizations", rows.authorization_of),
    "purchase_order_ids": ("purchase_orders", rows.purchase_of),
    "purchased_card_ids": ("purchases", rows.purchase_of),
    "paying_card_ids": ("data_keys", rows.data_key_of),
}


@dataclass(slots=True)
class Loaded:
    """The facts as they were loaded; the versions at rest are what saving relies on.

    `data_keys` are those of the cards that somebody wants to pay with.
    """

    facts: Facts
    versions: dict[str, int]
    authorization_ids: frozenset[str]
    data_keys: dict[str, list[DataKey]]


class Store:
    """One connection's view of the tables. Not for two threads at once.

    Every method raises `StorageAwayError` where the database does not answer, and
    `StaleError` where another writer was faster. Who only loads needs no `sealing`.
    """

    def __init__(self, database: Database, sealing: Sealing | None = None) -> None:
        self._database = database
        self._sealing = sealing
        self._dialect = dialect_of(database)
        self._statements = statements_of(self._dialect)

    def transaction(self) -> AbstractContextManager[None]:
        """Commit what is done inside, durably, or roll all of it back."""
        return writing(self._database)

    def snapshot(self) -> AbstractContextManager[None]:
        """See one state of the database inside, without keeping writers waiting."""
        return reading(self._database)

    def load(self, commands: Iterable[Command]) -> Loaded:
        """Load every fact that the commands' rules will look at, in a few statements.

        A fact may name more: an authorization its card, a card its hold, a request what it
        authorized. So it goes on until nothing new is named.
        """
        named, asked, facts = Named(), Named(), Facts()
        data_keys: dict[str, list[DataKey]] = {}
        for command in commands:
            named.add(command)
        while searches := named.not_yet_loaded(asked):
            for fact in self._find(searches):
                if isinstance(fact, DataKey):
                    data_keys.setdefault(fact.card_id, []).append(fact)
                else:
                    _take_in(fact, facts, named, asked)
        return Loaded(
            facts,
            {card_id: card.version for card_id, card in facts.cards.items()},
            frozenset(facts.authorizations),
            data_keys,
        )

    def _find(self, searches: Sequence[tuple[str, set[str]]]) -> Iterable[Fact | DataKey]:
        kinds = [_FACT_OF[name] for name, _ in searches]
        texts = [getattr(self._statements, statement) for statement, _ in kinds]
        with translated():
            found = self._dialect.find(
                self._database,
                [(text, values) for text, (_, values) in zip(texts, searches, strict=True)],
            )
        for (_, fact_of), found_rows in zip(kinds, found, strict=True):
            yield from map(fact_of, found_rows)

    def save(
        self,
        loaded: Loaded,
        decisions: Sequence[Decision],
        records: Sequence[RequestRecord],
        now: datetime,
    ) -> None:
        """Save what was decided and answered. Raises `StaleError` where a card has moved on."""
        changed_cards, new_cards = _cards(loaded.versions, decisions)
        changed_holds, new_holds = _authorizations(loaded.authorization_ids, decisions)
        postings: list[Row] = []
        for decision in decisions:
            versions = {card.card_id: card.version for card in decision.cards}
            postings += rows.posting_rows(decision.postings, versions, now)
        data_keys, people = self._sealed(loaded, decisions)
        purchases = [each.purchase for each in decisions if each.purchase is not None]
        do = self._statements
        savings = (
            (do.update_card, changed_cards),
            (do.insert_card, new_cards),
            # Updates first: a hold that gave way must be out of its order's unique index.
            (do.update_authorization, changed_holds),
            (do.insert_authorization, new_holds),
            (do.insert_posting, postings),
            (do.insert_purchase, [rows.purchase_row(purchase) for purchase in purchases]),
            (do.insert_data_key, data_keys),
            (do.insert_person, people),
            (do.insert_request, [rows.request_row(record, now) for record in records]),
        )
        with translated():
            self._dialect.save(self._database, [each for each in savings if each[1]])

    def _sealed(self, loaded: Loaded, decisions: Iterable[Decision]) -> tuple[list[Row], list[Row]]:
        people: list[Person] = [person for decision in decisions for person in decision.people]
        if not people:
            return [], []
        if self._sealing is None:
            message = "a store that was given no sealing saves no people"
            raise TypeError(message)
        return self._sealing.seal(people, loaded.data_keys)


def _take_in(fact: Fact, facts: Facts, named: Named, asked: Named) -> None:
    """Add a fact to the others, and what it names to what is to be looked up."""
    match fact:
        case Card():
            facts.cards[fact.card_id] = fact
            if fact.hold_id is not None:
                named.authorization_ids.add(fact.hold_id)
        case Authorization():
            facts.add_authorization(fact)
            asked.authorization_ids.add(fact.authorization_id)
            named.card_ids.add(fact.card_id)
        case RequestRecord():
            facts.requests[fact.key] = fact
            if fact.authorization_id is not None:
                named.authorization_ids.add(fact.authorization_id)
        case CardPurchase():
            facts.add_purchase(fact)


def _cards(at_rest: dict[str, int], decisions: Iterable[Decision]) -> tuple[list[Row], list[Row]]:
    """Return the rows of cards that change, in the order of their ids, and of new ones.

    In one order everywhere, so that two writers do not each wait for the other's card.
    """
    cards = {card.card_id: card for decision in decisions for card in decision.cards}
    changed = [
        rows.card_changes(cards[card_id], at_rest[card_id])
        for card_id in sorted(cards.keys() & at_rest.keys())
    ]
    return changed, [rows.card_row(card) for id_, card in cards.items() if id_ not in at_rest]


def _authorizations(
    at_rest: frozenset[str], decisions: Iterable[Decision]
) -> tuple[list[Row], list[Row]]:
    """Return the rows of authorizations that change, and of new ones."""
    authorizations = {
        authorization.authorization_id: authorization
        for decision in decisions
        for authorization in decision.authorizations
    }
    changed = [rows.authorization_changes(a) for id_, a in authorizations.items() if id_ in at_rest]
    new = [rows.authorization_row(a) for id_, a in authorizations.items() if id_ not in at_rest]
    return changed, new
