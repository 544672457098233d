"""Authorize as one would write it first: plain Peewee, one transaction for each call.

It has the same tables, checks and durability. It is called directly, from as many threads as
there are calls in flight, each with a connection of its own, and without gRPC, which flatters it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from peewee import Database, PostgresqlDatabase
from playhouse.cysqlite_ext import CySqliteDatabase

from giftcard.v1 import gift_card_pb2
from giftcard.v1 import gift_card_service_pb2 as pb
from giftcard_rules import codes
from giftcard_rules.codes import Key
from giftcard_server.callers.callers import ANYBODY
from giftcard_storage.database import DatabaseUrl
from giftcard_storage.event_schema import NewEvent
from giftcard_storage.schema import TABLES, Authorization, Card, Person, Posting, Request
from loads.http2_load import VoidRunError
from loads.messages import DELIVERY_MINOR, PHONE_MINOR, new_id
from loads.servers import Place
from results import POSTGRESQL, Sample

DAY: Final = 24 * 3600 * 1_000_000
ORDER_MINOR: Final = PHONE_MINOR + DELIVERY_MINOR
PRAGMAS: Final = {"synchronous": "FULL", "foreign_keys": 1}
# SQLite has one writer at a time; the others sleep, and with 64 of them they seldom wake while it
# is free. Queueing for a lock is more than twice as fast.
_SQLITE_WRITER: Final = threading.Lock()
_SEALED_STAND_IN: Final = bytes(156)


class DeclinedError(Exception):
    """The card does not pay."""


@dataclass(frozen=True, slots=True)
class Payment:
    """The request of a caller."""

    request_id: str
    code: str
    order_id: str


def authorize(database: Database, key: Key, payment: Payment) -> bytes:
    """Set money aside on a card, and return the answer."""
    code = codes.parse(payment.code)
    assert code is not None
    card_id = codes.derive_card_id(key, code)
    with _transaction(database):
        replayed = Request.get_or_none(
            Request.request_id == payment.request_id, Request.caller == ANYBODY.name
        )
        if replayed is not None:
            return bytes(replayed.answer)
        other = Authorization.get_or_none(
            Authorization.order_id == payment.order_id,
            Authorization.market == "fr",
            Authorization.state.in_(("OPEN", "CAPTURED")),
        )
        cards = Card.select().where(Card.card_id == card_id)
        if isinstance(database, PostgresqlDatabase):
            cards = cards.for_update()
        card: Any = cards.get()
        now = time.time_ns() // 1000
        if other is not None or card.blocked or card.state != "ACTIVE" or card.expires_at <= now:
            raise DeclinedError
        return _hold(card, key, payment, now)


def _hold(card: Any, key: Key, payment: Payment, now: int) -> bytes:  # noqa: ANN401 - Peewee's fields carry no types
    """Save an authorization, and the card, posting, event, person and request of it."""
    amount_minor = min(card.balance_minor, ORDER_MINOR)
    authorization = _authorization(card, key, payment, amount_minor, now)
    card.state, card.hold_id = "HELD", authorization.authorization_id
    card.balance_minor -= amount_minor
    card.held_minor = amount_minor
    card.version += 1
    card.save(only=(Card.state, Card.hold_id, Card.balance_minor, Card.held_minor, Card.version))
    Posting.create(
        card_id=card.card_id,
        version=card.version,
        ordinal=0,
        kind="AUTHORIZE",
        source="CARD",
        destination="HELD",
        amount_minor=amount_minor,
        authorization_id=authorization.authorization_id,
        to_card_id=None,
        posted_at=now,
    )
    NewEvent.create(
        card_id=card.card_id,
        version=card.version,
        ordinal=0,
        type="CARD_HELD",
        market=card.market,
        currency=card.currency,
        card_state=card.state,
        authorization_id=authorization.authorization_id,
        order_id=payment.order_id,
        amount_minor=amount_minor,
        occurred_at=now,
    )
    Person.create(
        card_id=card.card_id,
        role="CUSTOMER",
        authorization_id=authorization.authorization_id,
        data_key_id="",  # It encrypts nothing, which is in its favour.
        sealed=_SEALED_STAND_IN,
        restricted=False,
    )
    return _answer(authorization, key, payment, now)


def _authorization(card: Any, key: Key, payment: Payment, amount_minor: int, now: int) -> Any:  # noqa: ANN401 - likewise
    return Authorization.create(
        authorization_id=codes.derive_authorization_id(key, ANYBODY.name, payment.request_id),
        card_id=card.card_id,
        market=card.market,
        currency=card.currency,
        order_id=payment.order_id,
        state="OPEN",
        order_total_minor=ORDER_MINOR,
        authorized_minor=amount_minor,
        forfeited_minor=card.balance_minor - amount_minor,
        created_at=now,
        expires_at=now + DAY,
        captured_minor=0,
        refunded_minor=0,
        refunded_other_minor=0,
    )


def _answer(authorization: Any, key: Key, payment: Payment, now: int) -> bytes:  # noqa: ANN401 - likewise
    answer = pb.AuthorizeResponse(
        authorization=gift_card_pb2.Authorization(
            authorization_id=authorization.authorization_id,
            card_id=authorization.card_id,
            order_id=authorization.order_id,
        )
    ).SerializeToString()
    asked = f"{payment.order_id} {payment.code}".encode()
    Request.create(
        request_id=payment.request_id,
        caller=ANYBODY.name,
        method="Authorize",
        prevented=False,
        fingerprint=codes.fingerprint(key, "Authorize", asked),
        key_id=key.key_id,
        reason=None,
        answer=answer,
        authorization_id=authorization.authorization_id,
        decided_at=now,
    )
    return answer


@contextmanager
def opened(place: Place) -> Iterator[Database]:
    """Open the database with Peewee, which gives each thread a connection of its own."""
    url = DatabaseUrl.parse(place.url)
    if place.database == POSTGRESQL:
        database: Database = PostgresqlDatabase(
            url.location, prefer_psycopg3=True, options="-c giftcard.writes_events=on"
        )
    else:
        database = CySqliteDatabase(str(url.path), pragmas=PRAGMAS)
    with database.bind_ctx(TABLES):
        yield database
    database.close()


def run(database: Database, key: Key, card_codes: Sequence[str], threads: int) -> Sample:
    """Authorize cards from many threads, and return the sample."""
    payments = iter([Payment(new_id(), code, new_id()) for code in card_codes])
    latencies: list[float] = []
    start = threading.Barrier(threads + 1)
    taking = threading.Lock()

    def work() -> None:
        with database.connection_context():
            start.wait()
            while True:
                with taking:
                    payment = next(payments, None)
                if payment is None:
                    return
                began = time.perf_counter()
                authorize(database, key, payment)
                latencies.append(time.perf_counter() - began)

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    start.wait()
    began = time.perf_counter()
    for worker in workers:
        worker.join()
    seconds = time.perf_counter() - began
    if len(latencies) != len(card_codes):  # A thread that failed has printed why.
        message = f"plain Peewee authorized {len(latencies)} of {len(card_codes)} cards"
        raise VoidRunError(message)
    return Sample.of(latencies, seconds)


@contextmanager
def _transaction(database: Database) -> Iterator[None]:
    if isinstance(database, PostgresqlDatabase):
        with database.atomic():
            yield
    else:
        with _SQLITE_WRITER, database.atomic("IMMEDIATE"):
            yield
