"""Two connections to PostgreSQL at once: the slower one fails, and overwrites nothing."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from threading import Event
from typing import Any
from urllib.parse import quote

import pytest
from peewee import Database

from giftcard_rules.cards import CardState
from giftcard_rules.commands import Command
from giftcard_rules.decide import decide
from giftcard_storage.audit import audit
from giftcard_storage.database import DatabaseUrl, connect
from giftcard_storage.errors import StaleError, StorageAwayError
from giftcard_storage.lookups import Lookup
from giftcard_storage.store import Loaded
from given.databases.stored_books import StoredBooks, books_on
from given.made_facts import MARKETS, NOW, authorize, issue, order, request_key, reverse, validate
from given.waiting import wait_until

AGAIN = request_key()
WAITED_FOR_SECONDS = 10

OpenBooks = Callable[..., StoredBooks]


@pytest.fixture
def open_books(server_url: DatabaseUrl) -> Iterator[OpenBooks]:
    """Return a function that opens books on a connection, and with settings, of their own."""
    with ExitStack() as opened:

        def open_more(**settings: object) -> StoredBooks:
            options = " ".join(f"-c {name}={value}" for name, value in settings.items())
            url = DatabaseUrl.parse(f"{server_url.location}?options={quote(options)}")
            return books_on(opened.enter_context(closing(connect(url))))

        yield open_more


def decide_and_save(books: StoredBooks, loaded: Loaded, command: Command) -> None:
    decision = decide(command, loaded.facts, MARKETS, NOW)
    books.store.save(loaded, [decision], books.records(command, decision), NOW)


def overtaken(
    slow: StoredBooks, fast: StoredBooks, its_own: Command, the_others: Command
) -> pytest.ExceptionInfo[StaleError]:
    """Let one load and another one commit; return the error of the first one when it saves."""

    def transact() -> None:
        with slow.store.transaction():
            loaded = slow.store.load([its_own])
            fast.decide(the_others)
            decide_and_save(slow, loaded, its_own)

    with pytest.raises(StaleError) as error:
        transact()
    return error


@pytest.mark.parametrize(
    ("commands", "state"),
    [
        pytest.param(
            lambda card, _: [authorize(card, order(order_id=each)) for each in "ab"],
            "40001",
            id="the same card is changed",
        ),
        pytest.param(
            lambda *_: [issue(key=AGAIN), issue(key=AGAIN)], "23505", id="the same request"
        ),
        pytest.param(
            lambda *_: [issue(order_id="one") for _ in range(2)], "23505", id="the same purchase"
        ),
        pytest.param(
            lambda *_: [issue(payment_reference="one") for _ in range(2)],
            "23505",
            id="the same payment",  # R10
        ),
        pytest.param(
            lambda card, other: [authorize(each, order()) for each in (card, other)],
            "23505",
            id="two cards for the same order",
        ),
    ],
)
def test_the_slower_one_is_stale_and_may_decide_again(
    open_books: OpenBooks,
    served: Database,
    commands: Callable[[str, str], Sequence[Command]],
    state: str,
) -> None:
    slow, fast = open_books(), open_books()
    its_own, the_others = commands(slow.bought().card_id, slow.bought().card_id)
    assert overtaken(slow, fast, its_own, the_others).value.args == (state,)
    with slow.store.transaction():
        loaded = slow.store.load([its_own])
        decision = decide(its_own, loaded.facts, MARKETS, NOW)
        slow.store.save(loaded, [decision], [], NOW)
    assert audit(served) == []


@pytest.mark.parametrize(
    ("is_same_card", "before"),
    [
        pytest.param(True, 0, id="by its first command"),
        pytest.param(True, 3, id="by a later one"),
        pytest.param(False, 0, id="by a hold for the same order"),
    ],
)
def test_a_connection_works_however_often_it_was_overtaken(
    open_books: OpenBooks, served: Database, *, is_same_card: bool, before: int
) -> None:
    slow, fast = open_books(), open_books()
    for number in range(before):
        slow.authorized(fast.bought(), order(order_id=f"{number} before"))
    for number in range(
        12
    ):  # Often enough for the driver to prepare every statement, despite failures.
        first, second = (fast.bought().card_id for _ in range(2))
        its_own = authorize(first, order(order_id=f"{number}"))
        changed = authorize(first, order(order_id=f"{number} of the other one"))
        the_others = changed if is_same_card else authorize(second, order(order_id=f"{number}"))
        overtaken(slow, fast, its_own, the_others)
    slow.authorized(fast.bought(), order(order_id="in the end"))
    assert slow.bought().version == 1
    assert audit(served) == []


@pytest.mark.parametrize(
    ("commits", "is_stale"),
    [pytest.param(True, True, id="it commits"), pytest.param(False, False, id="it rolls back")],
)
def test_a_writer_that_finds_a_card_locked_waits_for_the_end_of_the_other_transaction(
    open_books: OpenBooks, served: Database, *, commits: bool, is_stale: bool
) -> None:
    first, second = open_books(), open_books(lock_timeout="10s")
    card = first.bought()
    has_loaded = Event()

    def follow() -> None:
        command = authorize(card.card_id, order(order_id="of the second"))
        with second.store.transaction():
            loaded = second.store.load([command])
            has_loaded.set()
            decide_and_save(second, loaded, command)

    def lead(threads: ThreadPoolExecutor) -> Any:
        command = authorize(card.card_id, order(order_id="of the first"))
        with first.store.transaction():
            decide_and_save(first, first.store.load([command]), command)
            following = threads.submit(follow)
            assert has_loaded.wait(WAITED_FOR_SECONDS)
            wait_until_one_waits(served)
            if not commits:
                raise KeyError(following)
        return following

    with ThreadPoolExecutor(1) as threads:
        try:
            following = lead(threads)
        except KeyError as error:
            (following,) = error.args
    assert isinstance(following.exception(), StaleError) is is_stale
    held = first.store.load([validate(card.card_id, order())]).facts.authorizations.values()
    assert [hold.order_id for hold in held] == [f"of the {'first' if commits else 'second'}"]
    assert audit(served) == []


def wait_until_one_waits(served: Database) -> None:
    waiting = "SELECT 1 FROM pg_locks WHERE NOT granted"
    wait_until(lambda: served.execute_sql(waiting).fetchone())


def test_a_writer_gives_up_on_a_lock_that_is_held_too_long(
    open_books: OpenBooks, served: Database
) -> None:
    slow, fast = open_books(lock_timeout="100"), open_books()
    card = fast.bought()
    command = authorize(card.card_id, order())
    with fast.store.transaction():
        decide_and_save(fast, fast.store.load([command]), command)
        with pytest.raises(StorageAwayError) as error:
            slow.authorized(card, order(order_id="another"))
        assert error.value.args == ("55P03",)
    assert slow.store.load([command]).facts.cards[card.card_id].state is CardState.HELD
    assert audit(served) == []


def test_of_two_writers_that_wait_for_each_other_one_is_stale(
    open_books: OpenBooks, served: Database
) -> None:
    each = [open_books(lock_timeout="10s", deadlock_timeout="100") for _ in range(2)]
    cards = [each[0].bought().card_id for _ in range(2)]
    have_locked = [Event(), Event()]

    def change_both(own: int) -> None:
        books, other = each[own], 1 - own
        with books.store.transaction():
            for card_id in (cards[own], cards[other]):
                command = authorize(card_id, order(order_id=f"{own} {card_id}"))
                decide_and_save(books, books.store.load([command]), command)
                have_locked[own].set()
                assert have_locked[other].wait(WAITED_FOR_SECONDS)

    with ThreadPoolExecutor(2) as threads:
        done = [threads.submit(change_both, own) for own in range(2)]
    failures = [failure for each in done if (failure := each.exception())]
    assert [type(failure) for failure in failures] == [StaleError]
    assert failures[0].args == ("40P01",)
    assert audit(served) == []


def test_one_load_sees_one_state_despite_commits_between_its_statements(
    open_books: OpenBooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, writer = open_books(), open_books()
    card = writer.bought()
    hold = writer.authorized(card, order())
    before = writer.card(card)
    statements = 0
    find = reader.store._find

    def find_and_be_overtaken(searches: Sequence[tuple[Lookup, set[str]]]) -> Any:
        nonlocal statements
        statements += 1
        found = list(find(searches))
        if statements == 1:
            writer.reversed(hold)
        return found

    monkeypatch.setattr(reader.store, "_find", find_and_be_overtaken)
    with reader.store.snapshot():
        # It finds the authorization first, and only then its card.
        seen = reader.store.load([reverse(hold.authorization_id)]).facts
    assert statements > 1
    assert seen.authorizations == {hold.authorization_id: hold}
    assert seen.cards == {card.card_id: before}
    assert writer.card(card).state is CardState.ACTIVE
