"""The authorizations of an order a page at a time, oldest first, closed ones too."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from giftcard_storage.rows import microseconds
from giftcard_storage.schema import Authorization

if TYPE_CHECKING:
    from datetime import datetime

    from peewee import Database


class Place(NamedTuple):
    """The place of an authorization among those of its order."""

    created_at: datetime
    authorization_id: str


class OrderPage(NamedTuple):
    """At most `size` authorizations of an order, behind a place; None: from the oldest on."""

    market: str
    order_id: str
    after: Place | None
    size: int


def ids_on(database: Database, page: OrderPage) -> tuple[str, ...]:
    """Return the ids of a page's authorizations, and one more where another page follows."""
    table = Authorization
    query = table.select(table.authorization_id).where(
        table.order_id == page.order_id, table.market == page.market
    )
    if page.after is not None:
        at, authorization_id = microseconds(page.after.created_at), page.after.authorization_id
        is_of_that_time = (table.created_at == at) & (table.authorization_id > authorization_id)
        # The first condition is for the index, which does not serve the second.
        query = query.where(table.created_at >= at, (table.created_at > at) | is_of_that_time)
    query = query.order_by(table.created_at, table.authorization_id).limit(page.size + 1)
    return tuple(found for (found,) in query.tuples().execute(database))
