"""Finding expiries and lapses that were booked before their time, by a clock that ran ahead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from giftcard_rules.cards import AuthorizationState, CardState
from giftcard_rules.ledger import PostingKind
from giftcard_storage.errors import translated
from giftcard_storage.rows import instant, microseconds
from giftcard_storage.schema import Authorization, Card, Posting
from giftcard_storage.transactions import reading

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from peewee import Database

# What may follow on a lapse without anybody having used the card.
_NO_MOVES: Final = {PostingKind.EXPIRE.value, PostingKind.REINSTATE.value}


class Lapse(NamedTuple):
    """A hold that has lapsed, and the order that it was for."""

    authorization_id: str
    order_id: str
    authorized_minor: int
    expires_at: datetime


def lapsed_early(database: Database, now: datetime) -> dict[str, list[Lapse]]:
    """Return the holds that lapsed although they end after `now`, by card. Reads every hold."""
    of = Authorization
    columns = (of.card_id, of.authorization_id, of.order_id, of.authorized_minor, of.expires_at)
    query = of.select(*columns).where(
        of.state == AuthorizationState.LAPSED.value, of.expires_at > microseconds(now)
    )
    found: dict[str, list[Lapse]] = {}
    with reading(database), translated():
        for card_id, id_, order_id, amount_minor, ends_at in query.tuples().execute(database):
            lapse = Lapse(id_, order_id, amount_minor, instant(ends_at))
            found.setdefault(card_id, []).append(lapse)
    return found


def expired_early(database: Database, now: datetime) -> list[str]:
    """Return the ids of cards that expired although they end after `now`. Reads every card."""
    query = Card.select(Card.card_id).where(
        Card.state == CardState.EXPIRED.value, Card.expires_at > microseconds(now)
    )
    with reading(database), translated():
        return [card_id for (card_id,) in query.tuples().execute(database)]


def last_lapses(database: Database, card_ids: Sequence[str]) -> dict[str, str]:
    """Return the id of the hold whose lapse was the last move of a card, by card.

    An expiry, and one that was undone, is no move: no caller made it.
    """
    of = Posting
    query = (
        of.select(of.card_id, of.kind, of.authorization_id)
        .where(of.card_id.in_(card_ids), of.kind.not_in(_NO_MOVES))
        .order_by(of.card_id, of.version, of.ordinal)
    )
    with reading(database), translated():
        last = {
            card_id: (kind, authorization_id)
            for card_id, kind, authorization_id in query.tuples().execute(database)
        }
    return {
        card_id: authorization_id
        for card_id, (kind, authorization_id) in last.items()
        if kind == PostingKind.LAPSE.value
    }
