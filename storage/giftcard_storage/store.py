"""Loads the facts that commands name and saves what was decided, a set at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from giftcard_rules.act_commands import ApproveProposal
from giftcard_rules.cards import Authorization, Card
from giftcard_rules.ceilings import IssuedValue
from giftcard_rules.decisions import CardPurchase, PurchaseReference, TermsVersion
from giftcard_rules.delivery_facts import ContactRectified, DeliveryMade
from giftcard_rules.facts import Facts, RequestRecord
from giftcard_rules.person_acts import ActOnPeople
from giftcard_rules.proposals import Proposal
from giftcard_rules.refund_commands import RefundDue
from giftcard_storage import rows
from giftcard_storage.acts.rows import rows_of_acts
from giftcard_storage.changed_rows import changed_rows
from giftcard_storage.data_keys import DataKey
from giftcard_storage.engines import engine_of
from giftcard_storage.errors import translated
from giftcard_storage.event_saving import saving_of_events
from giftcard_storage.lookups import (
    AUTHORIZATIONS,
    CARDS,
    DATA_KEYS,
    RulesFact,
)
from giftcard_storage.named import Named
from giftcard_storage.order_pages import ids_on
from giftcard_storage.personal.finding import people_of_subject
from giftcard_storage.refund_rows import confirmation_rows
from giftcard_storage.ring_keys import NotedKeys
from giftcard_storage.statements import statements_of
from giftcard_storage.switches.issued_values import issued_value_rows
from giftcard_storage.transactions import reading, writing

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from peewee import Database

    from giftcard_rules.commands import Decidable
    from giftcard_rules.decisions import Decision, Person
    from giftcard_storage.acts.notes import NoteSealing
    from giftcard_storage.acts.rows import ActRows
    from giftcard_storage.lookups import Fact, Lookup
    from giftcard_storage.order_pages import OrderPage
    from giftcard_storage.personal.changing import PersonChanges
    from giftcard_storage.rows import Row
    from giftcard_storage.sealing import Sealing


@dataclass(slots=True)
class Loaded:
    """The facts as they were loaded, and the versions at rest, which saving checks.

    `data_keys` are those of cards whose notes are sealed, or whose people change.
    """

    facts: Facts
    versions: dict[str, int]
    authorization_ids: frozenset[str]
    data_keys: dict[str, list[DataKey]]


class Store:
    """One connection's view of the tables. Not for two threads at once.

    Every method raises `StorageAwayError` where the database does not answer, and
    `StaleError` where another writer was faster. `sealing` is needed to save people alone,
    `notes` to save acts, and `changing` to change people.
    """

    def __init__(
        self,
        database: Database,
        sealing: Sealing | None = None,
        notes: NoteSealing | None = None,
        changing: PersonChanges | None = None,
    ) -> None:
        self._database = database
        self._sealing = sealing
        self._notes = notes
        self._changing = changing
        self._engine = engine_of(database)
        self._statements = statements_of(self._engine)
        self._ring_keys = NotedKeys()

    def transaction(self, *, is_patient: bool = True) -> AbstractContextManager[None]:
        """Commit everything done inside, durably, or roll all of it back.

        If it is not patient, it hardly waits for a row that another session has locked.
        """
        return self._ring_keys.remembering(writing(self._database, is_patient=is_patient))

    def wait_like_a_write(self) -> None:
        """Have a transaction that saves nothing commit as durably as one that does."""
        with translated():
            self._engine.wait_like_a_write(self._database)

    def snapshot(self, *, durably: bool = False) -> AbstractContextManager[None]:
        """See one state of the database inside, and block no writer; see `transactions.reading`."""
        return reading(self._database, durably=durably)

    def load(self, commands: Iterable[Decidable]) -> Loaded:
        """Load every fact that the commands' rules will look at, in a few statements.

        A fact may name others: an authorization its card, a card its hold, a request its
        authorization. Loading goes on until nothing new is named.
        """
        named, facts = Named(), Facts()
        data_keys: dict[str, list[DataKey]] = {}
        for command in commands:
            named.add(command)
            self._find_people(command, facts, named)
        while searches := named.searches():
            for fact in self._find(searches):
                if isinstance(fact, DataKey):
                    data_keys.setdefault(fact.card_id, []).append(fact)
                else:
                    _take_in(fact, facts, named)
        return Loaded(
            facts,
            {card_id: card.version for card_id, card in facts.cards.items()},
            frozenset(facts.authorizations),
            data_keys,
        )

    def ids_on(self, page: OrderPage) -> tuple[str, ...]:
        """Return the ids of a page's authorizations, and one more where another page follows."""
        with translated():
            return ids_on(self._database, page)

    def _find_people(self, command: Decidable, facts: Facts, named: Named) -> None:
        """Find the people whom a command is about, and what the notes of their cards need."""
        asked = command.act if isinstance(command, ApproveProposal) else command
        if not isinstance(asked, ActOnPeople):
            return
        assert self._changing is not None, "a store that changes no people"
        subject = asked.act.subject
        with translated():
            found = people_of_subject(self._database, self._changing.ring, subject)
        facts.subjects[subject] = [person.slot for person in found]
        facts.people.update((person.slot, person) for person in found)
        named.values[DATA_KEYS].update(person.slot.card_id for person in found)

    def _find(self, searches: Sequence[tuple[Lookup, set[str]]]) -> Iterable[Fact]:
        selections = self._statements.selections
        with translated():
            found = self._engine.find(
                self._database, [(selections[lookup], values) for lookup, values in searches]
            )
        for (lookup, _), found_rows in zip(searches, found, strict=True):
            yield from map(lookup.make, found_rows)

    def save(
        self,
        loaded: Loaded,
        decisions: Sequence[Decision],
        records: Sequence[RequestRecord],
        now: datetime,
    ) -> None:
        """Save decisions and records. Raises `StaleError` where a card has changed meanwhile."""
        changed = changed_rows(loaded.versions, loaded.authorization_ids, decisions)
        data_keys, people = self._sealed(decisions)
        acts = self._acts(loaded, decisions, now)
        data_keys += acts.data_keys
        purchases = [each.purchase for each in decisions if each.purchase is not None]
        do = self._statements
        savings = (
            (do.update_card, changed.changed_cards),
            (do.update_block, changed.blocks),
            (do.insert_card, changed.new_cards),
            # Updates first: a replaced hold must leave its order's unique index.
            (do.update_authorization, changed.changed_authorizations),
            (do.insert_authorization, changed.new_authorizations),
            (do.insert_posting, _posting_rows(decisions, now)),
            (do.insert_purchase, [rows.purchase_row(purchase) for purchase in purchases]),
            (do.insert_purchase_reference, [purchase.reference for purchase in purchases]),
            (do.insert_terms_version, [each.first_sold for each in decisions if each.first_sold]),
            (do.insert_data_key, data_keys),
            (do.insert_person, people),
            (do.insert_refund_confirmation, confirmation_rows(decisions)),
            (do.insert_act, acts.acts),
            (do.insert_delivery, acts.deliveries),
            (do.insert_proposal, acts.proposed),
            (do.close_proposal, acts.closed),
            (do.insert_request, [rows.request_row(record, now) for record in records]),
            saving_of_events(self._database, decisions, now),
            (do.add_issued_value, issued_value_rows(decisions)),
            (do.note_ring_key, self._ring_keys.to_note(records, data_keys)),
        )
        with translated():
            self._engine.save(self._database, [each for each in savings if each[1]])

    def _acts(self, loaded: Loaded, decisions: Sequence[Decision], now: datetime) -> ActRows:
        """Save what becomes of people; return the rows of acts, sealed under keys that stay."""
        at_rest = loaded.data_keys
        changes = [change for decision in decisions for change in decision.person_changes]
        if changes:
            assert self._changing is not None, "a store that changes no people"
            with translated():
                gone = self._changing.save(self._database, changes, now)
            at_rest = {
                card_id: [each for each in of_card if each.data_key_id not in gone]
                for card_id, of_card in at_rest.items()
            }
        return rows_of_acts(self._notes, decisions, at_rest, now)

    def _sealed(self, decisions: Iterable[Decision]) -> tuple[list[Row], list[Row]]:
        people: list[Person] = [person for decision in decisions for person in decision.people]
        if not people:
            return [], []
        if self._sealing is None:
            message = "a store without a sealing saves no people"
            raise TypeError(message)
        return self._sealing.seal(people)


def _posting_rows(decisions: Iterable[Decision], now: datetime) -> list[Row]:
    postings: list[Row] = []
    for decision in decisions:
        versions = {card.card_id: card.version for card in decision.cards}
        postings += rows.posting_rows(decision.postings, versions, now)
    return postings


# Facts that name no others, and how each of them is taken in.
_ADD: Final[dict[type[RulesFact], Callable[[Facts, Any], None]]] = {
    CardPurchase: Facts.add_purchase,
    PurchaseReference: Facts.add_reference,
    TermsVersion: Facts.add_terms_version,
    DeliveryMade: Facts.add_delivery,
    ContactRectified: Facts.add_rectified,
    RefundDue: Facts.add_refund_due,
    IssuedValue: Facts.add_issued_value,
}


def _take_in(fact: RulesFact, facts: Facts, named: Named) -> None:
    """Add a fact to the others, and the values that it names to those to be searched."""
    match fact:
        case Card():
            facts.cards[fact.card_id] = fact
            if fact.hold_id is not None:
                named.values[AUTHORIZATIONS].add(fact.hold_id)
            named.found_card(fact)
        case Authorization():
            facts.add_authorization(fact)
            named.found(fact)
            named.values[CARDS].add(fact.card_id)
        case RequestRecord():
            facts.requests[fact.key] = fact
            named.found_record(fact)
        case Proposal():
            facts.add_proposal(fact)
            named.found_proposal(fact)
        case _:
            _ADD[type(fact)](facts, fact)
