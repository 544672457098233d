"""A database that an older version made opens under this version, and works.

`database_0001.db` was made by the code that landed with migration 0001, and so on; see
`keep_database.py`. These files are never made again.
"""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from peewee import Database

from giftcard_rules.cards import CardState
from giftcard_rules.codes import derive_card_id
from giftcard_rules.commands import CatchUp, RequestKey
from giftcard_rules.decisions import Person
from giftcard_storage.audit import Totals, audit, totals
from giftcard_storage.database import DatabaseUrl, connect, migrate, require_schema
from giftcard_storage.people import ActingFor, people_of
from giftcard_storage.refunds import RefundsQuery, refunds_owed
from giftcard_storage.rows import microseconds
from giftcard_storage.store import Store
from giftcard_storage.versions import MIGRATIONS
from given.databases.stored_books import books_on
from given.made_facts import (
    BUYER,
    FRIEND,
    KEY,
    RING,
    SHOPPER,
    capture,
    code_of,
    issue,
    order,
    request_key,
    validate,
)

# No release ends with one of these.
LANDED_WITH_A_LATER_ONE = {"0003", "0004", "0005", "0006", "0008", "0009", "0010", "0011", "0012"}
FILES = sorted(Path(__file__).parent.glob("database_*.db"))


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def former(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A copy of a former database, opened as a server would."""
    url = DatabaseUrl.of_file(tmp_path / "former.db")
    shutil.copy(request.param, url.path)
    migrate(url, RING)
    require_schema(url)
    connection = connect(url)
    yield connection
    connection.close()


def card_in(database: Database, state: CardState) -> str:
    found = database.execute_sql("SELECT MIN(card_id) FROM card WHERE state = ?", (state.value,))
    card_id: str = found.fetchone()[0]
    return card_id


def test_there_is_a_former_database_of_every_version_that_ran_anywhere() -> None:
    migrations = {re.match(r"\d+", path.name)[0] for path in MIGRATIONS.glob("[0-9]*.py")}  # type: ignore[index] # Every name begins with digits.
    kept = {path.stem.removeprefix("database_") for path in FILES}
    assert kept == migrations - LANDED_WITH_A_LATER_ONE


def schema(database: Database) -> list[tuple[str, ...]]:
    found = database.execute_sql("SELECT type, name, sql FROM sqlite_schema ORDER BY name")
    rows: list[tuple[str, ...]] = found.fetchall()
    return rows


def test_a_former_database_has_the_tables_of_a_new_one(
    former: Database, embedded: Database
) -> None:
    # A landed migration must not be edited: it would make other tables than it did.
    assert schema(former) == schema(embedded)


# What moved in France on each of them, which is more where more could happen.
IN_FRANCE = {
    "database_0001": (225_00, 35_00, 0, 0, 50_00, 5_00, 80_00, 25_00, 0, 0, 100_00),
    "database_0002": (225_00, 35_00, 0, 0, 50_00, 5_00, 80_00, 25_00, 0, 0, 100_00),
    "database_0007": (
        465_00,
        130_00,
        5_00,
        50_00,
        145_00,
        10_00,
        130_00,
        65_00,
        50_00,
        40_00,
        250_00,
    ),
    "database_0013": (
        515_00,
        130_00,
        5_00,
        50_00,
        145_00,
        10_00,
        130_00,
        65_00,
        50_00,
        40_00,
        300_00,
    ),
}


def test_a_former_database_is_sound_and_its_cards_keep_their_value(
    former: Database, request: pytest.FixtureRequest
) -> None:
    assert audit(former) == []
    assert totals(former) == [
        Totals("be", "EUR", 100_00, 0, 0, 0, 0, 0, 0, 0, 0, 0, 100_00),
        Totals("fr", "EUR", *IN_FRANCE[request.node.callspec.params["former"].stem]),
    ]


# What is due, and whether of a purchase, where a refund was confirmed in part.
DUE_BESIDE = {"database_0007": [(20_00, False)], "database_0013": [(20_00, False)]}


def test_r24_r29_what_was_cancelled_and_refunded_before_is_due_and_can_be_confirmed(
    former: Database, request: pytest.FixtureRequest
) -> None:
    caller = "a caller of today"
    books = books_on(former)
    (owed,) = refunds_owed(former, [RefundsQuery("fr", None, 100)])
    dues = [each.refund_due for each in owed]
    assert [(due.unconfirmed_minor, due.authorization_id is None) for due in dues] == [
        (25_00, True),
        (25_00, False),
        *DUE_BESIDE.get(request.node.callspec.params["former"].stem, []),
    ]
    for due in dues[:2]:
        posted = former.execute_sql(
            "SELECT MAX(posted_at) FROM posting WHERE card_id = ?", (due.card_id,)
        ).fetchone()[0]
        assert microseconds(due.due_at) == posted
    for due in dues:
        target = {"authorization_id": due.authorization_id}
        if due.authorization_id is None:
            target = {"card_id": due.card_id}
        books.confirmed(due.unconfirmed_minor, key=request_key(caller), **target)
    assert refunds_owed(former, [RefundsQuery("fr", None, 100)]) == [[]]
    assert audit(former) == []


def test_every_code_still_finds_its_card(former: Database) -> None:
    store = Store(former)
    ids = [card_id for (card_id,) in former.execute_sql("SELECT card_id FROM card").fetchall()]
    cards = store.load([validate(card_id, order()) for card_id in ids]).facts.cards
    assert len(cards) == len(ids) > 5
    for card_id, card in cards.items():
        code = code_of(card)
        assert derive_card_id(KEY, code) == card_id
        assert code.last4 == card.last4


def test_every_request_record_is_still_found(former: Database) -> None:
    sent = former.execute_sql("SELECT caller, request_id, prevented FROM request").fetchall()
    keys = {RequestKey(caller, request_id): prevented for caller, request_id, prevented in sent}
    remembered = Store(former).load([issue(key=key) for key in keys]).facts.requests
    assert remembered.keys() == keys.keys()
    assert len(keys) > 10
    for key, record in remembered.items():
        assert record.answer == (b"" if keys[key] else b"answer")


def test_every_person_can_still_be_read(former: Database) -> None:
    ids = [card_id for (card_id,) in former.execute_sql("SELECT card_id FROM card").fetchall()]
    stored = [each for card in ids for each in people_of(former, RING, card, ActingFor.SUPPORT)]
    people = [each for each in stored if isinstance(each, Person)]
    assert len(people) == len(stored) > len(ids)
    assert {person.contact for person in people} == {BUYER, FRIEND, SHOPPER}
    assert {person.message for person in people} == {"", "Bon anniversaire, Bruno !"}


def test_open_holds_and_cards_that_are_due_are_brought_to_their_end(former: Database) -> None:
    # Request ids are counted from one in every process, so the former callers had them all.
    caller = "a caller of today"
    books = books_on(former)
    card_id = card_in(former, CardState.HELD)
    held = books.store.load([validate(card_id, order())]).facts
    hold = next(iter(held.authorizations.values()))
    books.now = hold.created_at
    books.decide(capture(hold.authorization_id, key=request_key(caller)))
    given_back = books.reversed(hold, key=request_key(caller))
    assert given_back.gift_card_minor == hold.authorized_minor
    card = books.bought(key=request_key(caller), payment_reference="payment of today")
    books.authorized(card, order(order_id="today"), key=request_key(caller))
    books.now = card.expires_at
    for (due,) in former.execute_sql("SELECT card_id FROM card").fetchall():
        books.decide(CatchUp(due))
    assert audit(former) == []
