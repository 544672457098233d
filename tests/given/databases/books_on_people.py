"""Books that change the data of people, too, and the acts that tests do to people."""

from dataclasses import replace
from uuid import uuid4

from peewee import Database

from giftcard_rules.acts import ActedBy, Ground
from giftcard_rules.commands import RequestKey
from giftcard_rules.decide import decide
from giftcard_rules.decisions import Decision, PersonRole
from giftcard_rules.person_acts import ActOnPeople, PersonAct, Subject
from giftcard_storage.acts.notes import NoteSealing
from giftcard_storage.people_search import comparable
from giftcard_storage.personal.changing import PersonChanges
from giftcard_storage.personal.journal import ErasureJournal
from giftcard_storage.sealing import Sealing
from giftcard_storage.store import Store
from given.databases.stored_books import StoredBooks
from given.made_facts import RING

ANNA = ActedBy("Anna", Ground.CUSTOMER_REQUEST, "wrote a letter")


class BooksOnPeople(StoredBooks):
    """Books of a server that serves privacy."""

    def __init__(self, database: Database, journal: ErasureJournal | None = None) -> None:
        changing = PersonChanges(RING, journal)
        super().__init__(Store(database, Sealing(RING), NoteSealing(RING), changing))

    def act(self, act: PersonAct, *, is_proposed: bool = False) -> Decision:
        """Do something to people, on the ground that a customer asked for it."""
        key = RequestKey("desk", str(uuid4()))
        command = ActOnPeople(
            key=key, act=act, by=ANNA, act_id=key.request_id, is_proposed=is_proposed
        )
        with self.store.transaction():
            loaded = self.store.load([command])
            decision = decide(command, loaded.facts, self.markets, self.now)
            records = self.records(command, decision)
            self.store.save(loaded, [decision], records, self.now)
        return decision


def of_email(email: str) -> Subject:
    """Return everybody with an address."""
    return Subject(email=comparable(email))


def of_card(
    card_id: str, role: PersonRole | None = None, authorization_id: str | None = None
) -> Subject:
    """Return people of a card; of a purchaser and a recipient the authorization is empty."""
    everybody = Subject(card_id=card_id)
    return replace(everybody, role=role, authorization_id=authorization_id)
