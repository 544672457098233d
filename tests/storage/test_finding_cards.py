"""Cards are found, and what belongs to them, by an index and never by reading a whole table."""

from datetime import timedelta
from typing import Any, Final

import pytest
from peewee import Database

from giftcard_storage.acts.proposals import ProposalsQuery, proposals_on
from giftcard_storage.desk.finding import CardsQuery, Named, cards_on
from giftcard_storage.desk.looking import look_up
from giftcard_storage.desk.timeline import timeline_of
from giftcard_storage.engines import engine_of
from giftcard_storage.overview import due
from giftcard_storage.people_search import card_ids_of_email
from giftcard_storage.transactions import reading
from given.databases.stored_books import books_on, play_everything
from given.made_facts import KEY, NOW, RING

WAYS: Final = (Named.CARDS, Named.PURCHASE_ORDER, Named.ORDER, Named.PAYMENT)
INDEXES: Final = (
    (Named.PURCHASE_ORDER, "purchase_has_one_card"),
    (Named.ORDER, "authorization_of_order"),
    (Named.PAYMENT, "purchase_of_reference"),
)
# By an address it is looked first whether everybody can be found; of due cards, first the holds.
OTHER_INDEXES: Final = (
    "data_key_is_shared",
    "person_by_search_hash",
    "authorization_lapses",
    "card_expires",
)
# Whether PostgreSQL has looked at the few rows, or at those of the test before, is chance.
AS_IF_NEW: Final = (
    "SET enable_seqscan = off",
    "DELETE FROM pg_statistic",
    "UPDATE pg_class SET reltuples = -1, relpages = 0 WHERE relnamespace = 'public'::regnamespace",
)


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
    card_ids = [card_id for (card_id,) in embedded.execute_sql("SELECT card_id FROM card")]
    asked.clear()  # That one has read them all.
    proposals_on(embedded, ProposalsQuery(None, NOW - timedelta(days=1), None, 20))
    for card_id in card_ids:
        for named in WAYS:
            cards_on(embedded, CardsQuery(named, (card_id,), "fr", None, 20))
        assert look_up(embedded, card_id, {KEY.key_id}) is not None
        assert timeline_of(embedded, RING, card_id, None)
        proposals_on(embedded, ProposalsQuery(card_id, NOW - timedelta(days=1), None, 20))
    assert asked
    assert [plan for plan in asked if plan.startswith("SCAN")] == []


def test_each_way_to_find_a_card_is_by_an_index_on_each_database(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    play_everything(books_on(database))
    is_embedded = engine_of(database).has_one_writer
    if not is_embedded:  # It would rather read a table of a few rows as a whole.
        for statement in AS_IF_NEW:
            database.execute_sql(statement)
    explain = "EXPLAIN QUERY PLAN " if is_embedded else "EXPLAIN "
    plans: list[str] = []
    execute: Any = database.execute_sql

    def explained(text: str, values: object = None) -> object:
        plans.append(str(execute(explain + text, values).fetchall()))
        return execute(text, values)

    monkeypatch.setattr(database, "execute_sql", explained)
    with reading(database):
        plans.clear()  # Of its own BEGIN.
        for named, _ in INDEXES:
            cards_on(database, CardsQuery(named, ("1",), None, None, 20))
        card_ids_of_email(database, RING, "somebody@example.com")
        due(database, NOW, 20)
        monkeypatch.undo()
    by = [*(index for _, index in INDEXES), *OTHER_INDEXES]
    assert [index in plan for index, plan in zip(by, plans, strict=True)] == [True] * len(by)
