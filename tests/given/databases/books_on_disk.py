"""The real committer and the real readers over a real database, on a clock that tests set."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from peewee import Database, Model
from prometheus_client import CollectorRegistry

from giftcard.v1 import gift_card_service_pb2 as pb
from giftcard_rules.codes import KeyRing
from giftcard_rules.commands import (
    Authorize,
    Cancel,
    CatchUp,
    Command,
    Issue,
    Keyed,
    Outcome,
)
from giftcard_rules.current import Markets
from giftcard_rules.questions import Validate, Validated
from giftcard_server.deciding.authorization_reader import Asked
from giftcard_server.deciding.submission import Answer, Submission
from giftcard_server.edge.canonical import canonical
from giftcard_server.edge.privacy.messages import encode
from giftcard_server.parts import Parts
from giftcard_storage import database, overview, refunds
from giftcard_storage.acts.notes import NoteSealing
from giftcard_storage.audit import audit
from giftcard_storage.event_schema import Event, NewEvent
from giftcard_storage.people import ActingFor, people_of
from giftcard_storage.personal.changing import PersonChanges
from giftcard_storage.schema import TABLES, Person
from giftcard_storage.sealing import Sealing
from giftcard_storage.store import Store
from given.databases.kinds import Place
from given.databases.migrated_file import make_migrated
from given.made_facts import MARKETS, NOW, RING, authorize, order, request_key
from given.model.plain_books import FORMERLY
from given.servers.running import settings
from given.together import here, together

LIMIT = 64


def submission(command: Command) -> Submission:
    """Return a submission of a command; commands with the same meaning are the same request."""
    if not isinstance(command, Keyed):
        return Submission(command)
    # The message has no code here, so its card stands for it.
    card_ids = getattr(command, "card_ids", ())
    meaning = canonical(command, pb.CaptureRequest()) + repr(card_ids).encode()
    return Submission(command, meaning, formerly=FORMERLY.get(command.key.caller, ()))


class BooksOnDisk:
    """Everything between the edge and the disk. `now` is the time, until it is set again."""

    def __init__(
        self,
        where: Place,
        *,
        ring: KeyRing = RING,
        markets: Markets = MARKETS,
        store: Callable[[Database, Sealing, NoteSealing], Store] | None = None,
        encode: Callable[[Outcome], bytes] = encode,
    ) -> None:
        self.now = NOW
        self.url = where.database_url
        if not self.url.engine.is_migrated_by_command:
            make_migrated(self.url.path)
        self.connection = database.connect(self.url)
        self.beside = database.connect(self.url)
        self.durably = database.connect(self.url)
        self._settings = settings(where, waiting_limit=LIMIT, batch_limit=LIMIT)
        self._markets, self._store, self._encode = markets, store, encode
        self.use(ring)

    def use(self, ring: KeyRing) -> None:
        """Go on with another ring, as a server does that starts with it."""
        self.ring = ring
        self._parts = Parts(
            settings=self._settings,
            ring=ring,
            markets=self._markets,
            writing=self._writing(ring),
            reading=Store(self.beside),
            reading_durably=Store(self.durably),
            find_refunds=partial(refunds.refunds_owed, self.beside),
            now=lambda: self.now,
            registry=CollectorRegistry(),
            encode=self._encode,
        )
        self.committer = self._parts.committer

    def _writing(self, ring: KeyRing) -> Store:
        of = (self.connection, Sealing(ring), NoteSealing(ring))
        return self._store(*of) if self._store else Store(*of, PersonChanges(ring))

    def submit(self, command: Command | Submission) -> Answer:
        """Have one command decided, in a batch of its own."""
        made = command if isinstance(command, Submission) else submission(command)
        return self.committer.submit(made, here)

    def together(self, commands: Sequence[Command | Submission]) -> list[Answer | BaseException]:
        """Have commands decided in one batch, in their order."""
        made = [each if isinstance(each, Submission) else submission(each) for each in commands]
        return together(self.committer.batcher, made)

    def validate(self, command: Validate) -> Validated:
        """Validate a card."""
        outcome = self._parts.validate_reader.submit(command, here)
        assert isinstance(outcome, Validated)
        return outcome

    def ask(self, asked: Asked) -> Outcome:
        """Ask about authorizations."""
        return self._parts.authorization_reader.submit(asked, here)

    def catch_up_all(self) -> None:
        """Book what time has done to every card, as the housekeeping does."""
        for card_id in overview.due(self.beside, self.now, limit=10_000):
            self.submit(CatchUp(card_id))

    def rows(self, table: type[Model]) -> list[dict[str, Any]]:
        """Return the rows of a table, in the order of its primary key."""
        key = table._meta.get_primary_keys()
        return list(table.select().order_by(*key).dicts().execute(self.beside))

    def told(self) -> list[dict[str, Any]]:
        """Return all events, those without a position as well."""
        return self.rows(Event) + self.rows(NewEvent)

    def dump(self) -> dict[str, list[dict[str, Any]]]:
        """Return everything in the database, and its people as they can be read.

        The sealed bytes are left out, as they differ in every run.
        """
        held = {table.__name__: self.rows(table) for table in TABLES}
        del held["EventGeneration"]  # Likewise.
        held["Person"] = [{"card_id": row["card_id"]} for row in self.rows(Person)]
        # People and notes that are saved together may be sealed under two data keys, or one.
        held["DataKey"] = [
            {"card_id": each} for each in {row["card_id"]: 0 for row in held["DataKey"]}
        ]
        for row in held["Proposal"] + held["Act"]:
            del row["sealed"], row["data_key_id"]
        for row in held["Delivery"]:
            del row["address_sealed"]
        held["people"] = [
            {row["card_id"]: people_of(self.beside, RING, row["card_id"], ActingFor.SUPPORT)}
            for row in held["Card"]
        ]
        return held

    def assert_clean(self) -> None:
        """Check the database by the audit."""
        assert audit(self.beside) == []

    def close(self) -> None:
        """Close the connections."""
        self.connection.close()
        self.beside.close()
        self.durably.close()


@contextmanager
def audited(where: Place, **parts: Any) -> Iterator[BooksOnDisk]:
    """Open books, and check them by the audit when the block is over."""
    books = BooksOnDisk(where, **parts)
    try:
        yield books
        books.assert_clean()
    finally:
        books.close()


def reasons(answers: list[Answer | BaseException]) -> list[str | None]:
    """Return the reason of each decline, None where there was none; of an error its type."""
    return [
        (answer.reason and answer.reason.value)
        if isinstance(answer, Answer)
        else type(answer).__name__
        for answer in answers
    ]


def authorize_of(bought: Issue, order_id: str = "order-1", **changes: Any) -> Authorize:
    """Return a command to set all of a card aside for an order."""
    wanted = order(bought.amount.amount_minor, order_id=order_id)
    return authorize(bought.new_card.card_id, wanted, **changes)


def cancel_of(bought: Issue) -> Cancel:
    """Return a command to cancel a purchase."""
    return Cancel(
        key=request_key(),
        card_ids=(bought.new_card.card_id,),
        purchase_order_id=bought.purchase.order_id,
    )
