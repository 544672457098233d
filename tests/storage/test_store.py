"""Decisions are loaded as they were saved: whole, once, and never over newer facts."""

from collections.abc import Sequence
from contextlib import closing

import pytest
from peewee import Database

from giftcard_rules.act_commands import RejectProposal
from giftcard_rules.cards import AuthorizationState, CardState
from giftcard_rules.commands import Command
from giftcard_rules.decide import decide
from giftcard_rules.facts import Facts
from giftcard_rules.proposals import Proposal
from giftcard_rules.refund_commands import RefundDue
from giftcard_storage.audit import audit
from giftcard_storage.database import DatabaseUrl, connect
from giftcard_storage.engines import POSTGRESQL, SQLITE, engine_of
from giftcard_storage.errors import StaleError, StorageAwayError
from giftcard_storage.overview import has_cards
from giftcard_storage.store import Store
from given.databases.stored_books import StoredBooks, books_on, play_everything
from given.desk_calls import acted_by
from given.made_facts import (
    MARKETS,
    NOW,
    authorize,
    cancel,
    capture,
    confirm_refund,
    issue,
    order,
    request_key,
    reverse,
    validate,
)

# The statement that makes a connection give up instead of waiting for another one.
IMPATIENT = {SQLITE: "PRAGMA busy_timeout = 10", POSTGRESQL: "SET lock_timeout = 10"}


def confirmation_of(due: RefundDue) -> Command:
    if due.authorization_id is None:
        return confirm_refund(1, card_id=due.card_id)
    return confirm_refund(1, authorization_id=due.authorization_id)


def rejection_of(proposal: Proposal) -> Command:
    return RejectProposal(
        key=request_key(), proposal_id=proposal.proposal_id, by=acted_by(), act_id="act"
    )


def test_the_database_holds_the_facts_that_were_decided(books: StoredBooks) -> None:
    play_everything(books)
    decided = books.facts
    questions: list[Command] = [
        *(validate(card_id, order()) for card_id in decided.cards),
        *(capture(authorization_id) for authorization_id in decided.authorizations),
        *(issue(order_id=purchase.order_id) for purchase in decided.purchases.values()),
        *(issue(key=key) for key in decided.requests),
        *(issue(market=market) for market, _ in decided.terms_versions),
        *(confirmation_of(due) for due in decided.refunds_due.values()),
        *(rejection_of(proposal) for proposal in decided.proposals.values()),
    ]
    loaded = books.store.load(questions).facts
    assert loaded == decided


def test_awkward_texts_come_back_as_they_were(books: StoredBooks) -> None:
    awkward = "œuf & \"quoted\" \\ 'single' \N{PILE OF POO} ; DROP TABLE card; -- \u2028"
    card = books.bought(order_id=awkward)
    loaded = books.store.load([issue(order_id=awkward)]).facts
    assert loaded.purchase_orders == {("fr", awkward): card.card_id}
    hold = books.authorized(card, order(order_id=awkward))
    loaded = books.store.load([validate(card.card_id, order(order_id=awkward))]).facts
    assert loaded.live_orders == {("fr", awkward): hold.authorization_id}


def test_facts_are_loaded_only_where_they_are_named(books: StoredBooks) -> None:
    play_everything(books)
    named = books.bought()
    loaded = books.store.load([validate(named.card_id, order(order_id="unknown"))])
    assert set(loaded.facts.cards) == {named.card_id}
    assert loaded.versions == {named.card_id: named.version}
    assert loaded.authorization_ids == frozenset()
    assert books.store.load([]).facts == Facts()


def save(books: StoredBooks, commands: Sequence[Command]) -> Facts:
    """Decide and save many commands in one transaction, later ones on top of earlier ones."""
    with books.store.transaction():
        loaded = books.store.load(commands)
        decisions, records = [], []
        for command in commands:
            decision = decide(command, loaded.facts, MARKETS, NOW)
            loaded.facts.apply(decision)
            decisions.append(decision)
            records += books.records(command, decision)
        books.store.save(loaded, decisions, records, NOW)
    return loaded.facts


@pytest.mark.parametrize("size", [1, 2, 3, 63, 64, 65, 130, 300])
def test_a_batch_of_any_size_is_saved_whole(
    books: StoredBooks, database: Database, size: int
) -> None:
    bought = save(books, [issue(order_id=f"purchase-{n}") for n in range(size)])
    holds = [
        authorize(card_id, order(40_00, order_id=f"order-{n}"))
        for n, card_id in enumerate(bought.cards)
    ]
    save(books, holds)
    paid = save(books, [capture(hold.authorization_id) for hold in holds])
    assert len(paid.cards) == len(paid.authorizations) == size
    loaded = books.store.load([capture(hold.authorization_id) for hold in holds])
    assert loaded.facts.cards == paid.cards
    assert loaded.facts.authorizations == paid.authorizations
    assert audit(database) == []


def test_one_batch_may_issue_authorize_replace_capture_and_refund(
    books: StoredBooks, database: Database
) -> None:
    bought = issue()
    card_id = bought.new_card.card_id
    first, second = (authorize(card_id, order(amount_minor)) for amount_minor in (30_00, 45_00))
    taken = capture(second.authorization_id, 40_00)
    back = reverse(second.authorization_id, 15_00)
    other, cancelled = issue(), issue()
    facts = save(books, [bought, first, second, taken, back, other, cancelled])
    save(books, [cancel(facts.cards[cancelled.new_card.card_id])])
    assert audit(database) == []
    assert facts.cards[card_id].state is CardState.REDEEMED
    assert facts.authorizations[first.authorization_id].state is AuthorizationState.RELEASED


def test_a_hold_gives_way_to_another_of_the_same_order_in_one_batch(
    books: StoredBooks, database: Database
) -> None:
    card, other = books.bought(), books.bought()
    hold = books.authorized(card, order())
    save(books, [reverse(hold.authorization_id), authorize(other.card_id, order())])
    assert audit(database) == []


def test_nothing_is_saved_over_a_card_that_has_changed_meanwhile(
    books: StoredBooks, database: Database, any_url: DatabaseUrl
) -> None:
    still, moved = books.bought(), books.bought()
    commands = [authorize(still.card_id, order(order_id="1")), authorize(moved.card_id, order())]
    loaded = books.store.load(commands)
    decisions = [decide(command, loaded.facts, MARKETS, NOW) for command in commands]
    with closing(connect(any_url)) as other:
        books_on(other).authorized(moved, order(10_00, order_id="another order"))

    with pytest.raises(StaleError), books.store.transaction():
        books.store.save(loaded, decisions, [], NOW)
    now = books.store.load([validate(still.card_id, order()), validate(moved.card_id, order())])
    assert now.facts.cards[still.card_id] == still
    assert now.facts.cards[moved.card_id].held_minor == 10_00
    assert audit(database) == []


def test_nothing_is_saved_of_a_transaction_that_fails(
    books: StoredBooks, database: Database
) -> None:
    def fail() -> None:
        raise KeyError

    def buy_and_fail() -> None:
        with books.store.transaction():
            loaded = books.store.load([])
            books.store.save(loaded, [decide(issue(), Facts(), MARKETS, NOW)], [], NOW)
            fail()

    with pytest.raises(KeyError):
        buy_and_fail()
    assert database.execute_sql("SELECT COUNT(*) FROM card").fetchone() == (0,)


def test_reading_inside_of_a_transaction_is_a_part_of_it(
    books: StoredBooks, database: Database
) -> None:
    def buy_read_and_fail() -> None:
        with books.store.transaction():
            loaded = books.store.load([])
            books.store.save(loaded, [decide(issue(), Facts(), MARKETS, NOW)], [], NOW)
            assert has_cards(database)
            raise KeyError

    with pytest.raises(KeyError):
        buy_read_and_fail()
    assert not has_cards(database)


def test_a_busy_file_raises_storage_away(embedded: Database, url: DatabaseUrl) -> None:
    books = books_on(embedded)
    embedded.execute_sql("PRAGMA busy_timeout = 10")
    with closing(connect(url)) as other, other.atomic(), pytest.raises(StorageAwayError):
        books.bought()
    assert books.bought().version == 1


def test_readers_do_not_wait_for_a_writer(
    books: StoredBooks, database: Database, any_url: DatabaseUrl
) -> None:
    card = books.bought()
    changed = "UPDATE card SET version = version + 1"
    with closing(connect(any_url)) as other:
        other.execute_sql(IMPATIENT[engine_of(other)])
        reading = Store(other)
        with books.store.transaction(), reading.snapshot():
            assert database.execute_sql(changed).rowcount == 1
            seen = reading.load([validate(card.card_id, order())]).facts
    assert seen.cards == {card.card_id: card}
