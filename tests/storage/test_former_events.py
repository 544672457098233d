"""What happened before there were events gets the events that it would have told."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from itertools import groupby
from pathlib import Path
from typing import Final

import pytest
from peewee import Database

from giftcard.v1 import gift_card_service_pb2 as pb
from giftcard_rules.commands import Command, Reversed
from giftcard_rules.decisions import Decision
from giftcard_rules.events import EventType
from giftcard_rules.facts import RequestRecord
from giftcard_server.edge import responses
from giftcard_storage.acts.notes import NoteSealing
from giftcard_storage.audit import audit, totals
from giftcard_storage.database import DatabaseUrl, connect, migrate
from giftcard_storage.events import EventLog, StoredEvent
from giftcard_storage.former_events import make_events, refund_of
from giftcard_storage.sealing import Sealing
from giftcard_storage.sequencing import Sequencing
from giftcard_storage.store import Store
from given.databases.stored_books import StoredBooks, play_everything
from given.databases.tamperings import open_way
from given.made_facts import RING, order
from given.owed import owed_by

FILES = sorted(Path(__file__).parent.glob("database_*.db"))
ALL: Final = 100_000
SECOND: Final = timedelta(seconds=1)


class BooksWithAnswers(StoredBooks):
    """Books that keep a server's answers to Reverse, and give each command a time of its own."""

    def decide(self, command: Command) -> Decision:
        self.now += SECOND
        return super().decide(command)

    def records(self, command: Command, decision: Decision) -> list[RequestRecord]:
        made = super().records(command, decision)
        if not isinstance(decision.outcome, Reversed):  # No other answer is read.
            return made
        encoded = responses.encode(decision.outcome)
        return [each if each.prevented else replace(each, answer=encoded) for each in made]


def told(database: Database) -> list[StoredEvent]:
    return EventLog(database).read(0, ALL, frozenset())


def as_told(events: list[StoredEvent]) -> set[StoredEvent]:
    """Return events without what nobody knows afterwards: their places, and former blocks."""
    first = events[0]
    return {
        replace(event, position=0, event_id="", card_state=first.card_state) for event in events
    }


def test_the_events_of_what_happened_are_those_that_it_told(database: Database) -> None:
    books = BooksWithAnswers(Store(database, Sealing(RING), NoteSealing(RING)))
    play_everything(books)
    Sequencing(database, "a test").number(ALL)
    before = told(database)
    with open_way(database):
        database.execute_sql("DELETE FROM event")
        make_events(database)
        after = told(database)
        differences = audit(database)
    gone = {EventType.CARD_BLOCKED, EventType.CARD_UNBLOCKED}
    assert as_told([each for each in after if each.type not in gone]) == as_told(
        [each for each in before if each.type not in gone]
    )
    assert [event.position for event in after] == list(range(1, len(after) + 1))
    assert [event.occurred_at for event in after] == sorted(event.occurred_at for event in after)
    assert differences == []


def test_refunds_that_gave_cards_nothing_are_told_by_their_answers(database: Database) -> None:
    books = BooksWithAnswers(Store(database, Sealing(RING)))
    paid = books.paid(books.bought(20_00), order(60_00))
    for amount_minor in (5_00, 25_00, 4_00, 6_00):
        books.reversed(paid, amount_minor)
    with open_way(database):
        database.execute_sql("DELETE FROM event")
        database.execute_sql("DELETE FROM new_event")
        make_events(database)
        refunds = [each for each in told(database) if each.type is EventType.ORDER_REFUNDED]
    assert [(each.amount_minor, each.other_tender_minor) for each in refunds] == [
        (5_00, 0),
        (15_00, 10_00),
        (0, 4_00),
        (0, 6_00),
    ]
    assert [each.card_version for each in refunds] == [4, 5, 6, 7]


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def former(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Database, Path]]:
    """A copy of a former database after its migration, and the former database itself."""
    url = DatabaseUrl.of_file(tmp_path / "former.db")
    shutil.copy(request.param, url.path)
    migrate(url, RING)
    with closing(connect(url)) as connection:
        yield connection, request.param


def test_the_events_of_a_former_database_add_up_to_its_liability(
    former: tuple[Database, Path],
) -> None:
    database, _ = former
    events = told(database)
    assert [event.position for event in events] == list(range(1, len(events) + 1))
    assert owed_by(events) == {
        (each.market, each.currency): each.outstanding_minor for each in totals(database)
    }
    by_card = sorted(events, key=lambda event: (event.card_id, event.position))
    for _, of_card in groupby(by_card, key=lambda event: event.card_id):
        versions = [event.card_version for event in of_card]
        assert versions == sorted(versions)


def test_the_events_of_a_former_database_are_the_same_however_often_it_is_migrated(
    former: tuple[Database, Path], tmp_path: Path
) -> None:
    database, path = former
    again = DatabaseUrl.of_file(tmp_path / "again.db")
    shutil.copy(path, again.path)
    migrate(again, RING)
    with closing(connect(again)) as connection:
        assert told(connection) == told(database)


def refund_answer(**fields: object) -> bytes:
    answer = pb.ReverseResponse(outcome=pb.REVERSE_OUTCOME_REFUNDED)
    answer.authorization.authorization_id = "authorization-1"
    answer.gift_card_amount.amount_minor = 3_00
    answer.gift_card_amount.currency_code = "EUR"
    answer.other_tender_amount.amount_minor = 1_000_000_00
    for name, value in fields.items():
        setattr(answer, name, value)
    return answer.SerializeToString()


@pytest.mark.parametrize(
    ("answer", "refund"),
    [
        (refund_answer(), ("authorization-1", 3_00, 1_000_000_00)),
        (refund_answer(outcome=pb.REVERSE_OUTCOME_RELEASED), None),
        (pb.ReverseResponse(outcome=pb.REVERSE_OUTCOME_PREVENTED).SerializeToString(), None),
        (b"", None),
        (b"answer", None),
        (refund_answer()[:-1], None),
    ],
)
def test_an_answer_says_what_other_tenders_got(
    answer: bytes, refund: tuple[str, int, int] | None
) -> None:
    assert refund_of(answer) == refund
