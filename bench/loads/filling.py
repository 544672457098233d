"""Fill databases with many cards directly, since issuing a million would take an hour.

The rows are those that the service writes: real codes and ids, derived from the ring key of the
place, so that the cards can be authorized, and `giftcard audit` finds no difference. One card of
four was used before. Only the fingerprints are made up, since the requests were never sent.

Cards are inserted in ten passes, each in the order of its primary keys. So the B-trees become as
full as when cards are sold one by one, and ten passes are still fast.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any, Final
from uuid import UUID

import psycopg
from peewee import Model
from psycopg import sql

from giftcard.v1 import gift_card_pb2
from giftcard.v1 import gift_card_service_pb2 as pb
from giftcard_rules import codes
from giftcard_rules.codes import Key
from giftcard_rules.events import EVENT_OF
from giftcard_rules.ledger import MOVES, PostingKind
from giftcard_server.callers.callers import ANYBODY
from giftcard_storage import database
from giftcard_storage.data_keys import WrappingKeys
from giftcard_storage.database import DatabaseUrl
from giftcard_storage.event_schema import Event
from giftcard_storage.rows import microseconds
from giftcard_storage.schema import (
    Authorization,
    Card,
    DataKey,
    Person,
    Posting,
    Purchase,
    PurchaseReference,
    Request,
)
from loads.messages import CARD_MINOR, code_of, euro, new_id
from loads.servers import Place
from results import POSTGRESQL

PASSES: Final = 10
USED_ONE_OF: Final = 4
# In microseconds, as the tables have them.
HOUR: Final = 3600 * 1_000_000
OLDEST: Final = 100 * 24 * HOUR
VALID: Final = 183 * 24 * HOUR
ORDER_MINOR: Final = 120_00

# The number of columns in each table's primary key; foreign keys refer to earlier tables.
KEY_COLUMNS: Final[dict[type[Model], int]] = {
    Card: 1,
    Authorization: 1,
    Posting: 3,
    Purchase: 1,
    PurchaseReference: 2,
    Request: 2,
    DataKey: 2,
    Person: 3,
    Event: 1,
}

Row = tuple[Any, ...]
# Rows begin with the first columns of their table; the others have defaults.
Rows = dict[type[Model], list[Row]]

# Encoded answers of request records, with stand-ins of the same length for each card's values.
_ID: Final = "0" * 32
_LAST4: Final = "LLLL"
_CARD: Final = gift_card_pb2.GiftCard(
    card_id=_ID, market="fr", initial_amount=euro(CARD_MINOR), last4=_LAST4
)
_HELD: Final = gift_card_pb2.Authorization(
    authorization_id=_ID, market="fr", order_total=euro(ORDER_MINOR)
)
_ANSWERS: Final = {
    "Issue": pb.IssueResponse(card=_CARD).SerializeToString(),
    "Authorize": pb.AuthorizeResponse(authorization=_HELD).SerializeToString(),
    "Capture": pb.CaptureResponse(authorization=_HELD).SerializeToString(),
}
_FINGERPRINT_STAND_IN: Final = bytes(16)
_SEALED_STAND_IN: Final = bytes(156)  # Never opened here.
_NOW: Final = microseconds(datetime.now(UTC))


Insert = Callable[[type[Model], list[Row]], None]


@dataclass(slots=True)
class Deck:
    """The cards of a place that can still be authorized, by the ids of their Issue requests."""

    key: Key
    issue_ids: list[str] = field(default_factory=list)

    def take(self, cards: int) -> list[str]:
        """Return the codes of cards that were not taken before."""
        taken = [self.issue_ids.pop() for _ in range(cards)]
        return [code_of(self.key, issue_id) for issue_id in taken]


def fill(place: Place, cards: int, *, expired: int = 0) -> Deck:
    """Fill an empty place, and return its unused cards in random order.

    Besides, so many unused cards have expired at one instant, which is not booked yet.
    """
    deck, wrapping = Deck(place.key), WrappingKeys(codes.KeyRing((place.key,)))
    told = 0
    opened = _postgresql if place.database == POSTGRESQL else _embedded
    with opened(place.url) as insert:
        for pass_ in range(PASSES):
            filled: Rows = {table: [] for table in KEY_COLUMNS}
            for _ in range(_share(cards, pass_)):
                _add_card(filled, deck, wrapping)
            for _ in range(_share(expired, pass_)):
                _add_card(filled, deck, wrapping, expired_at=_NOW - HOUR)
            filled[Event] = [(told + n, *row) for n, row in enumerate(filled[Event], 1)]
            told += len(filled[Event])
            for table, columns in KEY_COLUMNS.items():
                filled[table].sort(key=itemgetter(*range(columns)))
                insert(table, filled[table])
    deck.issue_ids.sort()  # By random ids, so that neighbours here are none in a table.
    return deck


def _share(cards: int, pass_: int) -> int:
    return cards * (pass_ + 1) // PASSES - cards * pass_ // PASSES


def _add_card(
    filled: Rows, deck: Deck, wrapping: WrappingKeys, expired_at: int | None = None
) -> None:
    issue_id, key = new_id(), deck.key
    chance = UUID(issue_id).int
    code = codes.derive_code(key, ANYBODY.name, issue_id)
    card_id, last4 = codes.derive_card_id(key, code), code.last4
    is_expired = expired_at is not None
    issued = expired_at - VALID if expired_at else _NOW - 2 * HOUR - chance % OLDEST
    used = chance % USED_ONE_OF == 0 and not is_expired
    state, balance, version = ("REDEEMED", 0, 3) if used else ("ACTIVE", CARD_MINOR, 1)
    order_id = new_id()
    filled[Card].append((
        card_id, "fr", "EUR", "PURCHASE", state, False, CARD_MINOR, balance, 0, None,
        issued, issued + VALID, last4, key.key_id, ANYBODY.name, issue_id,
        order_id, None, None, None, version,
    ))  # fmt: skip
    filled[Purchase].append((card_id, "fr", order_id, "BANK_CARD", issue_id, "classic"))
    filled[PurchaseReference].append(("fr", issue_id, card_id))
    _add_person(filled, wrapping, key, card_id, "PURCHASER", "")
    filled[Posting].append(_posting(card_id, 1, PostingKind.ISSUE, None, issued))
    bought = (None, None, order_id, "BANK_CARD", issue_id, CARD_MINOR, None, None)
    filled[Event].append(_event(card_id, 1, PostingKind.ISSUE, "ACTIVE", bought, issued))
    answer = _ANSWERS["Issue"].replace(_ID.encode(), card_id.encode())
    filled[Request].append(
        _request(key, issue_id, "Issue", answer.replace(_LAST4.encode(), last4.encode()), issued)
    )
    if used:
        _add_use(filled, wrapping, key, card_id, issued)
    elif not is_expired:
        deck.issue_ids.append(issue_id)


def _add_use(filled: Rows, wrapping: WrappingKeys, key: Key, card_id: str, issued: int) -> None:
    """Authorize the whole card an hour after it was bought, and capture it at once."""
    authorize_id, order_id, at = new_id(), new_id(), issued + HOUR
    made = codes.derive_authorization_id(key, ANYBODY.name, authorize_id)
    filled[Authorization].append((
        made, card_id, "fr", "EUR", order_id, "CAPTURED", ORDER_MINOR, CARD_MINOR, 0,
        at, at + 24 * HOUR, CARD_MINOR, 0, 0,
    ))  # fmt: skip
    _add_person(filled, wrapping, key, card_id, "CUSTOMER", made)
    filled[Posting].append(_posting(card_id, 2, PostingKind.AUTHORIZE, made, at))
    filled[Posting].append(_posting(card_id, 3, PostingKind.CAPTURE, made, at))
    paid = (made, order_id, None, None, None, CARD_MINOR)
    others = (ORDER_MINOR - CARD_MINOR, 0)
    filled[Event].append(_event(card_id, 2, PostingKind.AUTHORIZE, "HELD", (*paid, None, None), at))
    filled[Event].append(_event(card_id, 3, PostingKind.CAPTURE, "REDEEMED", (*paid, *others), at))
    for method, request_id, names in (
        ("Authorize", authorize_id, made),
        ("Capture", new_id(), None),
    ):
        answer = _ANSWERS[method].replace(_ID.encode(), made.encode())
        filled[Request].append(_request(key, request_id, method, answer, at, names))


def _add_person(
    filled: Rows, wrapping: WrappingKeys, key: Key, card_id: str, role: str, authorization_id: str
) -> None:
    """Add somebody with an address that is no other's, sealed by a stand-in of the same length."""
    data_key, _ = wrapping.make(card_id, role, authorization_id)
    filled[DataKey].append(data_key.row)
    hashed = codes.search_hash(key, email_of(card_id, authorization_id)), key.key_id
    row = (card_id, role, authorization_id, data_key.data_key_id, _SEALED_STAND_IN, *hashed, False)
    filled[Person].append(row)


def email_of(card_id: str, authorization_id: str) -> str:
    """Return the address of a card's purchaser, or of the customer of an authorization."""
    return f"{card_id}.{authorization_id}x@example.com"


def _posting(card_id: str, version: int, kind: PostingKind, made: str | None, at: int) -> Row:
    source, destination = MOVES[kind]
    return (
        card_id, version, 0, kind.value, source.value, destination.value, CARD_MINOR, made, None, at
    )  # fmt: skip


def _event(card_id: str, version: int, kind: PostingKind, state: str, fields: Row, at: int) -> Row:
    """Return an event without its position; `fields` are those from the authorization on."""
    of_card = (card_id, version, 0, EVENT_OF[kind].value, "fr", "EUR", state)
    return (*of_card, *fields, None, None, at)


def _request(
    key: Key, request_id: str, method: str, answer: bytes, at: int, names: str | None = None
) -> Row:
    return (
        request_id, ANYBODY.name, method, False, _FINGERPRINT_STAND_IN, key.key_id, None,
        answer, names, at,
    )  # fmt: skip


def _name(table: type[Model]) -> str:
    name: str = table._meta.table_name  # noqa: SLF001 - Peewee's documented place for it
    return name


def _columns(table: type[Model], rows: list[Row]) -> list[str]:
    """Return the columns that the rows fill."""
    fields = table._meta.sorted_fields  # noqa: SLF001 - likewise
    return [each.column_name for each in fields][: len(rows[0]) if rows else None]


@contextmanager
def _embedded(url: str) -> Iterator[Insert]:
    """Insert without a journal: if this fails, the file is deleted anyway."""
    opened = database.connect(DatabaseUrl.parse(url))
    opened.execute_sql("PRAGMA journal_mode = OFF")
    opened.execute_sql("PRAGMA synchronous = OFF")
    opened.execute_sql("PRAGMA foreign_keys = OFF")
    opened.execute_sql("PRAGMA cache_size = -400000")

    def insert(table: type[Model], rows: list[Row]) -> None:
        if rows:
            columns, places = ", ".join(_columns(table, rows)), ", ".join("?" * len(rows[0]))
            statement = f'INSERT INTO "{_name(table)}" ({columns}) VALUES ({places})'  # noqa: S608 - made of our own constants
            opened.cursor().executemany(statement, rows)

    opened.execute_sql("BEGIN")
    yield insert
    opened.commit()
    opened.execute_sql("PRAGMA journal_mode = WAL")
    opened.close()


@contextmanager
def _postgresql(url: str) -> Iterator[Insert]:
    """Insert without triggers, which would look up every card again for the foreign keys."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        cursor = connection.cursor()

        def insert(table: type[Model], rows: list[Row]) -> None:
            columns = sql.SQL(", ").join(map(sql.Identifier, _columns(table, rows)))
            name = sql.Identifier(_name(table))
            command = sql.SQL("COPY {} ({}) FROM STDIN").format(name, columns)
            with cursor.copy(command) as copy:
                for row in rows:
                    copy.write_row(row)

        yield insert
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")
