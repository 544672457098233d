"""Overviews of all cards: which are due, and what they are worth."""

from dataclasses import replace
from datetime import timedelta

from peewee import Database

from giftcard_rules.commands import CatchUp
from giftcard_storage.audit import audit
from giftcard_storage.overview import Holdings, due, has_cards, holdings, made_by
from given.databases.stored_books import StoredBooks
from given.made_facts import cancel, issue, order


def test_a_card_is_due_once_its_hold_lapsed_or_it_expired(
    books: StoredBooks, database: Database
) -> None:
    fresh, held, lapsing, expiring = (books.bought() for _ in range(4))
    hold = books.authorized(lapsing, order(order_id="1"))
    books.authorized(held, order(order_id="2"), hold_for=timedelta(days=2))
    just_before = hold.expires_at - timedelta(microseconds=1)
    assert due(database, just_before, 10) == []
    assert due(database, hold.expires_at, 10) == [lapsing.card_id]
    later = expiring.expires_at
    assert set(due(database, later, 10)) == {
        card.card_id for card in (fresh, held, lapsing, expiring)
    }
    assert len(due(database, later, 3)) == 3
    books.now = later
    for card_id in due(database, later, 10):
        books.decide(CatchUp(card_id))
    assert due(database, later, 10) == []
    assert audit(database) == []


def test_holdings_are_counted_by_market_currency_and_key(
    books: StoredBooks, database: Database
) -> None:
    assert not has_cards(database)
    card = books.bought(50_00)
    books.authorized(card, order(20_00))
    other = books.bought(30_00)
    belgian = books.bought(100_00, market="be")
    rotated = issue(40_00)
    books.decide(replace(rotated, new_card=replace(rotated.new_card, key_id="2027")))
    cancelled = books.bought(60_00)
    books.decide(cancel(cancelled))
    assert has_cards(database)
    found = sorted(holdings(database), key=lambda each: (each.market, each.key_id))
    first = min(card.card_id, other.card_id, cancelled.card_id)
    assert found == [
        Holdings("be", "EUR", belgian.key_id, 1, 1, 100_00, belgian.card_id),
        Holdings("fr", "EUR", card.key_id, 3, 2, 80_00, first),
        Holdings("fr", "EUR", "2027", 1, 1, 40_00, rotated.new_card.card_id),
    ]
    assert made_by(database, card.card_id) == (card.caller, card.request_id)
