"""Authorizations of an order, a page at a time; what came out of one; and longer holds at rest."""

import json
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

import pytest
from peewee import Database

from giftcard_rules.authorization_calls import GetAuthorization, ListAuthorizations
from giftcard_rules.commands import Command, RequestKey
from giftcard_rules.decide import decide
from giftcard_storage.audit import audit
from giftcard_storage.database import DatabaseUrl, connect
from giftcard_storage.engines import SQLITE, engine_of
from giftcard_storage.errors import StaleError
from giftcard_storage.lookups import REPLACEMENTS
from giftcard_storage.order_pages import OrderPage, Place, ids_on
from giftcard_storage.statements import statements_of
from given.databases.stored_books import StoredBooks, books_on
from given.made_facts import (
    MARKETS,
    NOW,
    authorize,
    capture,
    extend,
    order,
)

DAY = timedelta(days=1)


def walked(books: StoredBooks, size: int) -> list[tuple[str, ...]]:
    """Return the ids on each page of the order."""
    pages: list[tuple[str, ...]] = []
    place: Place | None = None
    while True:
        found = books.store.ids_on(OrderPage("fr", "order-1", place, size))
        pages.append(found[:size])
        if len(found) <= size:
            return pages
        last = books.facts.authorizations[found[size - 1]]
        place = Place(last.created_at, last.authorization_id)


def held_again_and_again(books: StoredBooks) -> list[str]:
    """Hold for one order five times, twice each at one moment, and return the ids in order."""
    card, other = books.bought(), books.bought()
    in_belgium = books.bought(market="be")
    made: list[tuple[datetime, str]] = []
    for number in range(5):
        hold = books.authorized(card, order(10_00 + number))
        made.append((hold.created_at, hold.authorization_id))
        if number % 2:
            books.wait(timedelta(minutes=1))
    books.authorized(other, order(order_id="order-2"))
    books.authorized(in_belgium, order(), market="be")
    return [authorization_id for _, authorization_id in sorted(made)]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 100])
def test_the_authorizations_of_an_order_are_paged_oldest_first_closed_ones_too(
    books: StoredBooks, size: int
) -> None:
    wanted = held_again_and_again(books)
    pages = walked(books, size)
    assert [each for page in pages for each in page] == wanted
    assert all(len(page) == size for page in pages[:-1])


def test_an_order_without_authorizations_has_one_empty_page(books: StoredBooks) -> None:
    assert walked(books, 3) == [()]


def test_what_came_out_of_an_authorization_is_loaded_with_it_and_nothing_else(
    books: StoredBooks,
) -> None:
    card = books.bought()
    command = authorize(card.card_id, order(45_00))
    books.decide(command)
    paid = books.captured(books.facts.authorizations[command.authorization_id], 40_00)
    first = books.reversed(paid.authorization, 10_00).replacement
    second = books.reversed(paid.authorization).replacement
    assert paid.replacement
    assert first
    assert second
    of_another = books.reversed(books.paid(books.bought(), order(order_id="order-2")))
    assert of_another.replacement
    wanted = {each.card_id for each in (card, paid.replacement, first, second)}
    queries = [
        GetAuthorization(authorization_id=command.authorization_id),
        GetAuthorization(authorize=(command.key,)),
    ]
    for query in queries:
        facts = books.store.load([query]).facts
        assert set(facts.cards) == wanted
        assert decide(query, facts, MARKETS, books.now) == decide(
            query, books.facts, MARKETS, books.now
        )


def test_a_request_of_another_caller_with_the_same_id_is_another_request(
    books: StoredBooks,
) -> None:
    command = authorize(books.bought().card_id, order())
    books.decide(command)
    another = RequestKey("another", command.key.request_id)
    facts = books.store.load([GetAuthorization(authorize=(another,))]).facts
    assert another not in facts.requests


def test_a_longer_hold_is_at_rest(books: StoredBooks, database: Database) -> None:
    hold = books.authorized(books.bought(), order())
    longer = books.extended(hold, 3 * DAY)
    assert longer.expires_at == NOW + 3 * DAY
    loaded = books.store.load([ListAuthorizations((hold.authorization_id,))]).facts
    assert loaded.authorizations == {hold.authorization_id: longer}
    assert loaded.cards == {hold.card_id: books.facts.cards[hold.card_id]}
    assert audit(database) == []


@pytest.mark.parametrize("is_first", [True, False])
def test_an_extension_and_a_capture_at_the_same_time_conflict(
    books: StoredBooks, database: Database, any_url: DatabaseUrl, *, is_first: bool
) -> None:
    hold = books.authorized(books.bought(), order())
    commands: list[Command] = [
        extend(hold.authorization_id, 3 * DAY),
        capture(hold.authorization_id),
    ]
    mine, other = commands if is_first else commands[::-1]
    loaded = books.store.load([mine])
    decision = decide(mine, loaded.facts, MARKETS, NOW)
    with closing(connect(any_url)) as another:
        books_on(another).decide(other)
    with pytest.raises(StaleError), books.store.transaction():
        books.store.save(loaded, [decision], [], NOW)
    assert audit(database) == []


def test_both_look_ups_are_served_by_their_indexes(
    books: StoredBooks, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    held_again_and_again(books)
    is_embedded = engine_of(database) is SQLITE
    ran: list[tuple[str, tuple[object, ...]]] = []
    execute: Any = database.execute_sql

    def noted(text: str, values: tuple[object, ...] = ()) -> object:
        ran.append((text, values))
        return execute(text, values)

    monkeypatch.setattr(database, "execute_sql", noted)
    ids_on(database, OrderPage("fr", "order-1", Place(NOW, "id"), 20))
    monkeypatch.undo()
    replacements = statements_of(engine_of(database)).selections[REPLACEMENTS].text
    ran.append((replacements, (json.dumps(["id"]) if is_embedded else ["id"],)))
    explain = "EXPLAIN QUERY PLAN " if is_embedded else "EXPLAIN "
    plans = [str(database.execute_sql(explain + text, values).fetchall()) for text, values in ran]
    assert "authorization_of_order" in plans[0]
    assert "card_came_out_of" in plans[1]
    assert len(plans) == 2
