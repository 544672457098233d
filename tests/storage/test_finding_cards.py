"""Cards are found, and what belongs to them, by an index and never by reading a whole table."""

from datetime import timedelta
from typing import Any, Final

import pytest
from peewee import Database

from giftcard_storage.acts.proposals import ProposalsQuery, proposals_on
from giftcard_storage.desk.finding import CardsQuery, Named, cards_on
from giftcard_storage.desk.looking import look_up
from giftcard_storage.desk.timeline import timeline_of
from given.databases.stored_books import books_on, play_everything
from given.made_facts import KEY, NOW, RING

WAYS: Final = (Named.CARDS, Named.PURCHASE_ORDER, Named.ORDER, Named.PAYMENT)


@pytest.fixture
def asked(embedded: Database, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The plans of all statements from now on."""
    books = books_on(embedded)
    play_everything(books)
    plans: list[str] = []
    execute: Any = embedded.execute_sql

    def explained(sql: str, params: object = None) -> object:
        if sql.startswith("SELECT"):
            rows = execute(f"EXPLAIN QUERY PLAN {sql}", params).fetchall()
            plans.extend(str(row[-1]) for row in rows)
        return execute(sql, params)

    monkeypatch.setattr(embedded, "execute_sql", explained)
    return plans


def test_no_question_of_a_desk_reads_a_whole_table(embedded: Database, asked: list[str]) -> None:
    for named in WAYS:
        cards_on(embedded, CardsQuery(named, ("1",), "fr", None, 20))
    ((card_id,), *_) = embedded.execute_sql("SELECT card_id FROM card").fetchall()
    asked.clear()  # That one has read them all.
    for named in WAYS:
        cards_on(embedded, CardsQuery(named, (card_id,), "fr", None, 20))
    assert look_up(embedded, card_id, {KEY.key_id}) is not None
    assert timeline_of(embedded, RING, card_id, None)
    for of_card in (card_id, None):
        proposals_on(embedded, ProposalsQuery(of_card, NOW - timedelta(days=1), None, 20))
    assert asked
    assert [plan for plan in asked if plan.startswith("SCAN")] == []
