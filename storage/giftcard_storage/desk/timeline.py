"""A card's timeline, read from the tables, so that it is complete for cards made before it was.

Postings tell what money did, acts what people did, and both stay for good.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any, NamedTuple

from giftcard_rules.acts import ActKind
from giftcard_rules.ledger import PostingKind
from giftcard_storage.acts.entries import acts_of
from giftcard_storage.deliveries import deliveries_of
from giftcard_storage.errors import translated
from giftcard_storage.order_pages import Place
from giftcard_storage.rows import instant
from giftcard_storage.schema import (
    Authorization,
    Card,
    Posting,
    RefundConfirmation,
    RefundDue,
)
from giftcard_storage.transactions import reading

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from peewee import Database, ModelSelect

    from giftcard_rules.acts import Act
    from giftcard_rules.codes import KeyRing


class OtherTenderKind(enum.Enum):
    """What happened to other tenders of an order (R24), which are in no account of ours."""

    OTHER_TENDER_DUE = "OTHER_TENDER_DUE"
    OTHER_TENDER_PAID = "OTHER_TENDER_PAID"


class DeliveryEntry(enum.Enum):
    """E-mails about a card."""

    DELIVERY = "DELIVERY"


Kind = PostingKind | ActKind | OtherTenderKind | DeliveryEntry


class Entry(NamedTuple):
    """Something that happened to a card; `key` orders what happened at one time, and names it.

    `amount_minor` is in the card's currency, None where nothing moved or is due.
    """

    occurred_at: datetime
    key: str
    kind: Kind
    amount_minor: int | None = None
    authorization_id: str | None = None
    order_id: str | None = None
    related_card_id: str | None = None
    act: Act | None = None
    delivery_id: str | None = None

    @property
    def place(self) -> Place:
        """Its place in the timeline."""
        return Place(self.occurred_at, self.key)


def timeline_of(
    database: Database, ring: KeyRing, card_id: str, after: Place | None
) -> list[Entry] | None:
    """Return the entries of a card behind a place, oldest first; None: there is no such card.

    A card has some dozens of them, so all are read and put in order. Raises `StorageAwayError`.
    """
    with reading(database), translated():
        cards = Card.select(Card.replaces_card_id).where(Card.card_id == card_id)
        found = list(cards.tuples().execute(database))
        if not found:
            return None
        entries = [
            *_acts(database, ring, card_id),
            *_postings(database, card_id, found[0][0]),
            *_other_tenders(database, card_id),
            *_deliveries(database, card_id),
        ]
        ordered = sorted(entries, key=lambda entry: entry.place)
        behind = [entry for entry in ordered if after is None or entry.place > after]
        return list(_with_orders(database, behind))


def _acts(database: Database, ring: KeyRing, card_id: str) -> Iterator[Entry]:
    """Yield what people did: before the postings that it made."""
    for act, acted_at in acts_of(database, ring, card_id):
        key = f"1 {act.act_id} {act.kind.value}"
        yield Entry(acted_at, key, act.kind, authorization_id=act.authorization_id, act=act)


def _postings(database: Database, card_id: str, replaces: str | None) -> Iterator[Entry]:
    """Yield the card's own postings, and those that brought its value from the card before."""
    own = Posting.select().where(Posting.card_id == card_id)
    for posting in _rows(database, own):
        # A card is issued before anything else happens to it; what an act moves comes after it.
        rank = "0" if posting.kind == PostingKind.ISSUE.value else "2"
        yield _posting(posting, related=posting.to_card_id, rank=rank)
    if replaces is not None:
        brought = Posting.select().where(Posting.card_id == replaces, Posting.to_card_id == card_id)
        for posting in _rows(database, brought):
            # The authorization is the other card's, and shown with it.
            yield _posting(posting, related=replaces, rank="0")


def _posting(posting: Posting, *, related: str | None, rank: str) -> Entry:
    return Entry(
        instant(posting.posted_at),
        f"{rank} {posting.version:012d} {posting.ordinal:03d}",
        PostingKind(posting.kind),
        amount_minor=posting.amount_minor,
        authorization_id=posting.authorization_id,
        related_card_id=related,
    )


def _other_tenders(database: Database, card_id: str) -> Iterator[Entry]:
    """Yield what is due to other tenders, and what was paid of it."""
    due = RefundDue.select().where(
        RefundDue.card_id == card_id, RefundDue.authorization_id.is_null(is_null=False)
    )
    for refund in _rows(database, due):
        yield Entry(
            instant(refund.due_at),
            "3",
            OtherTenderKind.OTHER_TENDER_DUE,
            amount_minor=refund.due_minor,
            authorization_id=refund.authorization_id,
        )
        paid = RefundConfirmation.select().where(RefundConfirmation.card_id == card_id)
        for part in _rows(database, paid):
            yield Entry(
                instant(part.confirmed_at),
                f"4 {part.version:012d}",
                OtherTenderKind.OTHER_TENDER_PAID,
                amount_minor=part.amount_minor,
                authorization_id=refund.authorization_id,
            )


def _deliveries(database: Database, card_id: str) -> Iterator[Entry]:
    """Yield the e-mails about a card, each at the time at which it was made."""
    for each in deliveries_of(database, card_id):
        key = f"5 {each.delivery_id}"
        kind = DeliveryEntry.DELIVERY
        yield Entry(each.created_at, key, kind, delivery_id=each.delivery_id)


def _with_orders(database: Database, entries: Iterable[Entry]) -> Iterator[Entry]:
    """Yield entries with the orders of their authorizations."""
    entries = list(entries)
    ids = {each.authorization_id for each in entries if each.authorization_id is not None}
    query = Authorization.select(Authorization.authorization_id, Authorization.order_id).where(
        Authorization.authorization_id.in_(sorted(ids))
    )
    orders: dict[str | None, str] = dict(list(query.tuples().execute(database))) if ids else {}
    for entry in entries:
        yield entry._replace(order_id=orders.get(entry.authorization_id))


def _rows(database: Database, query: ModelSelect[Any]) -> list[Any]:
    return list(query.namedtuples().execute(database))
