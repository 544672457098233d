"""What is due is right whichever version cancels and refunds, and the list of it is cheap."""

from datetime import timedelta

import pytest
from peewee import Database

from giftcard_rules.refund_commands import RefundDue
from giftcard_storage.audit import audit, totals
from giftcard_storage.engines import SQLITE, engine_of
from giftcard_storage.refunds import (
    Position,
    RefundOwed,
    RefundsQuery,
    Unconfirmed,
    refunds_owed,
    unconfirmed,
)
from given.databases.stored_books import StoredBooks
from given.made_facts import NOW, cancel, order

HOUR = timedelta(hours=1)
# A former server knows neither the table nor the column, and says not when it refunded.
FORMER_REFUND = """
    UPDATE "authorization" SET refunded_other_minor = refunded_other_minor + {amount_minor}
    WHERE authorization_id = '{authorization_id}'
"""


def owed(database: Database, market: str = "fr", limit: int = 100) -> list[RefundOwed]:
    (found,) = refunds_owed(database, [RefundsQuery(market, None, limit)])
    return found


def test_r24_r29_what_is_due_is_listed_longest_due_first_until_it_is_confirmed(
    books: StoredBooks, database: Database
) -> None:
    mixed = books.paid(books.bought(), order(80_00, order_id="order-7"))
    first = books.bought(20_00, order_id="purchase-1", payment_reference="payment-1")
    books.decide(cancel(first))
    books.wait(HOUR)
    books.reversed(mixed)
    books.wait(HOUR)
    books.decide(cancel(books.bought(25_00, market="be")))
    books.confirmed(5_00, card_id=first.card_id)

    of_purchase, of_order = owed(database)
    assert of_purchase.refund_due == RefundDue(
        first.card_id,
        None,
        "fr",
        "EUR",
        "purchase-1",
        20_00,
        5_00,
        due_at=NOW,
        confirmed_at=NOW + 2 * HOUR,
        provider_reference="refund-1",
    )
    assert of_purchase.purchase is not None
    assert of_purchase.purchase.payment_reference == "payment-1"
    target = mixed.authorization_id
    assert of_order.refund_due == RefundDue(
        mixed.card_id, target, "fr", "EUR", "order-7", 30_00, 0, due_at=NOW + HOUR
    )
    assert of_order.purchase is None
    assert len(owed(database, "be")) == 1

    books.confirmed(15_00, card_id=first.card_id)
    assert owed(database) == [of_order]
    books.confirmed(30_00, authorization_id=target)
    assert owed(database) == []
    assert totals(database)[1].refunds_paid_minor == 20_00
    assert audit(database) == []


def test_a_list_goes_on_after_any_of_its_refunds(books: StoredBooks, database: Database) -> None:
    for number in range(7):
        books.decide(cancel(books.bought(20_00)))
        books.wait(HOUR * (number % 2))  # Some are due since the same instant.
    whole = owed(database)
    places = [(each.refund_due.due_at, each.refund_due.card_id) for each in whole]
    assert len(whole) == 7
    assert places == sorted(places)
    for number, each in enumerate(whole):
        after = RefundsQuery("fr", each.position, 3)
        assert refunds_owed(database, [after]) == [whole[number + 1 : number + 4]]
    assert refunds_owed(database, [RefundsQuery("fr", Position(NOW - HOUR, ""), 2)]) == [whole[:2]]


def test_what_a_server_of_the_former_version_refunds_is_due_too(
    books: StoredBooks, database: Database
) -> None:
    paid = books.paid(books.bought(), order(90_00))
    books.wait(HOUR)
    books.reversed(paid, 50_00)
    books.wait(HOUR)
    known = {"authorization_id": paid.authorization_id}
    database.execute_sql(FORMER_REFUND.format(amount_minor=10_00, **known))
    # It is due since the last posting at the earliest, as nothing says more.
    (due,) = owed(database)
    assert (due.refund_due.unconfirmed_minor, due.refund_due.due_at) == (10_00, NOW + HOUR)

    database.execute_sql(FORMER_REFUND.format(amount_minor=5_00, **known))
    books.confirmed(15_00, **known)
    assert owed(database) == []
    books.reversed(paid, 25_00)
    (due,) = owed(database)
    assert (due.refund_due.unconfirmed_minor, due.refund_due.due_at) == (25_00, NOW + 2 * HOUR)
    # It tells no events, which is why migration 0007 fences it off.
    assert [each.invariant for each in audit(database)] == ["refund_to_other_tenders_is_told"]


def test_sums_and_ages_are_those_of_what_is_unconfirmed(
    books: StoredBooks, database: Database
) -> None:
    assert unconfirmed(database) == []
    books.decide(cancel(books.bought(30_00)))
    books.wait(HOUR)
    second = books.bought(20_00)
    books.decide(cancel(second))
    books.confirmed(5_00, card_id=second.card_id)
    books.decide(cancel(books.bought(25_00, market="be")))
    assert unconfirmed(database) == [
        Unconfirmed("be", "EUR", 1, 25_00, NOW + HOUR),
        Unconfirmed("fr", "EUR", 2, 45_00, NOW),
    ]


@pytest.mark.parametrize("after", [None, Position(NOW, "card")])
def test_a_page_reads_its_own_refunds_alone(played: Database, after: Position | None) -> None:
    from giftcard_storage.refunds import _select  # noqa: PLC0415 - the statement itself

    text, values = _select(RefundsQuery("fr", after, 21)).sql()
    embedded = engine_of(played) is SQLITE
    explain = "EXPLAIN QUERY PLAN" if embedded else "EXPLAIN"
    text = text if embedded else text.replace("?", "%s")
    plan = played.execute_sql(f"{explain} {text}", tuple(values)).fetchall()
    steps = "\n".join(str(row[-1]) for row in plan)
    assert "refund_is_unconfirmed" in steps
    assert "Sort" not in steps
    assert "TEMP B-TREE" not in steps
    assert "SCAN" not in steps.upper().replace("INDEX SCAN", "")
