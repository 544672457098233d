"""Refunds that the payment provider owes and nobody has confirmed: lists of them, and their sum.

All of it walks along the index `refund_is_unconfirmed`, which holds nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from peewee import JOIN, SQL, fn

from giftcard_storage.errors import translated
from giftcard_storage.refund_rows import refund_due_of
from giftcard_storage.rows import instant, microseconds, purchase_of
from giftcard_storage.schema import Purchase, RefundDue
from giftcard_storage.transactions import reading

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from peewee import Database, ModelSelect

    from giftcard_rules import refund_commands
    from giftcard_rules.decisions import CardPurchase

# Written as in the partial index, which serves no other condition.
_UNCONFIRMED: Final = SQL("confirmed_minor < due_minor")
_COLUMNS_DUE: Final = 10


class Position(NamedTuple):
    """A place in a list: after the refund of this card, which is due since then."""

    due_at: datetime
    card_id: str


class RefundsQuery(NamedTuple):
    """Asks for at most `limit` refunds of a market, longest due first, after a position."""

    market: str
    after: Position | None
    limit: int


class RefundOwed(NamedTuple):
    """A refund that is due, and how its card was bought where the purchase was cancelled."""

    refund_due: refund_commands.RefundDue
    purchase: CardPurchase | None

    @property
    def position(self) -> Position:
        """Its place in a list."""
        return Position(self.refund_due.due_at, self.refund_due.card_id)


class Unconfirmed(NamedTuple):
    """What is due and not confirmed in a market and currency, and since when the oldest is."""

    market: str
    currency: str
    refunds: int
    amount_minor: int
    oldest_due_at: datetime


def refunds_owed(database: Database, queries: Sequence[RefundsQuery]) -> list[list[RefundOwed]]:
    """Answer several queries on one state of the database. Raises `StorageAwayError`."""
    with reading(database), translated():
        return [
            [_owed_of(row) for row in _select(query).tuples().execute(database)]
            for query in queries
        ]


def unconfirmed(database: Database) -> list[Unconfirmed]:
    """Return the sums of each market and currency. Raises `StorageAwayError`."""
    query = (
        RefundDue.select(
            RefundDue.market,
            RefundDue.currency,
            fn.COUNT(RefundDue.card_id),
            fn.SUM(RefundDue.due_minor - RefundDue.confirmed_minor),
            fn.MIN(RefundDue.due_at),
        )
        .where(_UNCONFIRMED)
        .group_by(RefundDue.market, RefundDue.currency)
        .order_by(RefundDue.market, RefundDue.currency)
    )
    with reading(database), translated():
        return [
            # The sum of integers is a Decimal on PostgreSQL.
            Unconfirmed(market, currency, refunds, int(amount_minor), instant(oldest))
            for market, currency, refunds, amount_minor, oldest in query.tuples().execute(database)
        ]


def _select(query: RefundsQuery) -> ModelSelect[RefundDue]:
    bought = (Purchase.card_id == RefundDue.card_id) & RefundDue.authorization_id.is_null()
    select = (
        RefundDue.select(RefundDue, Purchase)
        .join(Purchase, JOIN.LEFT_OUTER, on=bought)
        .where(RefundDue.market == query.market, _UNCONFIRMED)
        .order_by(RefundDue.due_at, RefundDue.card_id)
        .limit(query.limit)
    )
    if query.after is None:
        return select
    due_at = microseconds(query.after.due_at)
    return select.where(
        RefundDue.due_at >= due_at,
        (RefundDue.due_at > due_at) | (RefundDue.card_id > query.after.card_id),
    )


def _owed_of(row: Sequence[object]) -> RefundOwed:
    bought = row[_COLUMNS_DUE:]
    return RefundOwed(refund_due_of(row[:_COLUMNS_DUE]), purchase_of(bought) if bought[0] else None)
