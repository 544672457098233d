"""Books in a real database: each command is loaded, decided, saved and committed."""

from peewee import Database

from giftcard_rules.act_commands import ActOnCard
from giftcard_rules.commands import (
    Authorized,
    BlockCard,
    CatchUp,
    Command,
    Declined,
    Keyed,
    ReverseReason,
    UnblockCard,
    WriteOffCard,
)
from giftcard_rules.decide import decide
from giftcard_rules.decisions import Decision, Person
from giftcard_rules.facts import RequestRecord
from giftcard_rules.reasons import LEAVES_NO_TRACE
from giftcard_storage.acts.notes import NoteSealing
from giftcard_storage.personal.changing import PersonChanges
from giftcard_storage.sealing import Sealing
from giftcard_storage.store import Store
from given.desk_calls import act_on, approve, propose
from given.made_facts import (
    FRANCE,
    FRIEND,
    KEY,
    RING,
    Books,
    authorize,
    cancel,
    capture,
    confirm_refund,
    order,
    request_key,
    reverse,
)


class StoredBooks(Books):
    """Books in which every command is a transaction of its own.

    `facts` and `people` follow the decisions that were saved, so that a test can compare them
    with the database.
    """

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.store = store
        self.people: list[Person] = []

    def decide(self, command: Command) -> Decision:
        """Decide a command against the facts in the database, and save the decision."""
        with self.store.transaction():
            loaded = self.store.load([command])
            decision = decide(command, loaded.facts, self.markets, self.now)
            records = self.records(command, decision)
            self.store.save(loaded, [decision], records, self.now)
        self.facts.people.update(loaded.facts.people)
        self.facts.apply(decision)
        self.people += decision.people
        self.facts.requests.update({record.key: record for record in records})
        return decision

    def records(self, command: Command, decision: Decision) -> list[RequestRecord]:
        """Return the records of a request, as the committer makes them."""
        if not isinstance(command, Keyed):
            return []
        outcome = decision.outcome
        reason = outcome.reason if isinstance(outcome, Declined) else None
        if reason in LEAVES_NO_TRACE:
            return []
        made = outcome.authorization if isinstance(outcome, Authorized) else None
        record = RequestRecord(
            command.key,
            command.method if isinstance(command, ActOnCard) else type(command).__name__,
            fingerprint=b"fingerprint",
            key_id=KEY.key_id,
            reason=reason,
            answer=b"answer",
            authorization_id=made.authorization_id if made else None,
        )
        prevented = (RequestRecord(key, "Authorize", prevented=True) for key in decision.prevents)
        return [record, *prevented]


def books_on(database: Database) -> StoredBooks:
    """Return books on a connection, with people sealed by the ring of every test."""
    changing = PersonChanges(RING)
    return StoredBooks(Store(database, Sealing(RING), NoteSealing(RING), changing))


def play_everything(books: Books) -> None:
    """Play every kind of posting, state and outcome, in two markets."""
    books.bought(20_00, recipient=FRIEND, message="Bon anniversaire, Bruno !")
    books.decide(cancel(books.bought(25_00)))
    expiring = books.bought(30_00)

    # One card with a hold, a hold that replaces it, a partial capture, and refunds in parts.
    used = books.bought(50_00, order_id="purchase-used")
    books.authorized(used, order(60_00, order_id="order-used"))
    hold = books.authorized(used, order(45_00, order_id="order-used"))
    books.extended(hold, FRANCE.longest_hold)
    paid = books.captured(hold, 40_00).authorization
    books.reversed(paid, 15_00)
    back = books.reversed(paid, 10_00, beneficiary=FRIEND).replacement
    assert back is not None
    mixed = books.paid(back, order(35_00, order_id="order-mixed"))
    books.reversed(mixed, 30_00)
    books.reversed(mixed, 5_00)  # To the other tender alone.

    books.reversed(books.authorized(books.bought(), order(order_id="order-released")))
    lapsing = books.authorized(books.bought(), order(order_id="order-lapsed"))
    books.decide(authorize(used.card_id, order(order_id="order-declined")))
    books.decide(authorize("no card", order(order_id="order-unknown")))
    lost = request_key().request_id
    books.decide(reverse(None, authorize_request_id=lost))

    books.now = expiring.expires_at
    books.decide(CatchUp(expiring.card_id))
    books.decide(capture(lapsing.authorization_id))
    belgian = books.bought(100_00, market="be")
    books.authorized(belgian, order(30_00, order_id="order-open"), market="be")
    play_the_second_edition(books)


def play_the_second_edition(books: Books) -> None:
    """Play the postings that undo others, and what Customer Service does to cards."""
    lossy = books.bought(order_id="purchase-lossy")
    void = books.paid(lossy, order(45_00, order_id="order-void"))
    books.reversed(void, reason=ReverseReason.TECHNICAL)  # R39

    blocked = books.bought(order_id="purchase-blocked")
    books.decide(BlockCard(blocked.card_id))
    written_off = books.bought(order_id="purchase-charged-back")
    books.authorized(written_off, order(20_00, order_id="order-charged-back"))
    books.decide(BlockCard(written_off.card_id))
    books.decide(WriteOffCard(written_off.card_id))
    books.now = blocked.expires_at
    books.decide(CatchUp(blocked.card_id))
    books.decide(UnblockCard(blocked.card_id, restore_validity=True))
    play_refunds(books)
    play_acts(books)


def play_acts(books: Books) -> None:
    """Play acts of Customer Service with their entries, and proposals that wait and are closed."""
    card_id = books.bought(order_id="purchase-desk").card_id
    books.decide(act_on(BlockCard(card_id), note="Amélie called"))
    first, second = (propose(UnblockCard(card_id, restore_validity=False)) for _ in range(2))
    for proposal in (first, second):
        books.decide(proposal)
    books.decide(approve(first))
    books.decide(approve(second))  # The rules decline it by now.
    books.decide(act_on(BlockCard(card_id)))
    books.decide(propose(WriteOffCard(card_id)))


def play_refunds(books: Books) -> None:
    """Play refunds that the payment provider has paid, in part and whole, and some that it owes."""
    cancelled = books.bought(40_00, order_id="purchase-paid-back")
    books.decide(cancel(cancelled))
    books.confirmed(15_00, card_id=cancelled.card_id)
    books.confirmed(25_00, card_id=cancelled.card_id, provider_reference="refund-2")
    mixed = books.paid(books.bought(), order(80_00, order_id="order-two-tenders"))
    books.reversed(mixed)
    books.confirmed(10_00, authorization_id=mixed.authorization_id)
    books.decide(confirm_refund(20_01, authorization_id=mixed.authorization_id))
