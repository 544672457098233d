"""Events are saved with their decision, read in the order of their positions, and cut when old."""

from contextlib import closing, suppress
from datetime import timedelta

import pytest
from peewee import Database, IntegrityError

from giftcard_rules.decide import decide
from giftcard_rules.events import Event, EventType, event_id, events_of
from giftcard_storage.audit import audit, totals
from giftcard_storage.database import DatabaseUrl, connect, migrate
from giftcard_storage.engines import engine_of
from giftcard_storage.events import EventLog, StoredEvent
from giftcard_storage.rows import microseconds
from giftcard_storage.sequencing import Sequencing
from given.databases.stored_books import StoredBooks, play_everything
from given.databases.tamperings import open_way
from given.made_facts import NOW, authorize, capture, issue, order, reverse
from given.owed import owed_by

ALL = 100_000
EVERY_TYPE = frozenset[EventType]()


@pytest.fixture
def log(database: Database) -> EventLog:
    return EventLog(database)


def give_positions(database: Database) -> None:
    """Give positions as a sequencer does, where decisions do not bring theirs."""
    Sequencing(database, "a test").number(ALL)


def as_stored(event: Event, position: int, books: StoredBooks) -> StoredEvent:
    return StoredEvent(
        position=position,
        event_id=event_id(*event[:3]),
        occurred_at=books.now,
        card_version=event.version,
        **{
            name: value
            for name, value in event._asdict().items()
            if name not in {"version", "ordinal"}
        },
    )


def test_what_is_read_is_what_each_decision_told(
    books: StoredBooks, database: Database, log: EventLog
) -> None:
    card = books.bought()
    give_positions(database)
    hold = authorize(card.card_id, order(40_00))
    told = [
        event
        for command in (
            hold,
            capture(hold.authorization_id, 30_00),
            reverse(hold.authorization_id, 10_00),
        )
        for event in events_of(books.decide(command))
    ]
    assert len(told) == 5
    give_positions(database)
    read = log.read(1, ALL, EVERY_TYPE)
    by_id = {event_id(*event[:3]): event for event in told}
    assert read == [as_stored(by_id[each.event_id], each.position, books) for each in read]
    assert [each.position for each in read] == [2, 3, 4, 5, 6]
    assert {each.event_id for each in read} == by_id.keys()


def test_the_embedded_database_gives_positions_with_the_decision(
    books: StoredBooks, database: Database, log: EventLog
) -> None:
    books.bought()
    embedded = engine_of(database).has_one_writer
    assert log.last_position() == int(embedded)
    assert log.backlog() == ((0, None) if embedded else (1, 1_789_380_000_000_000))


def test_pages_begin_behind_a_position_and_hold_the_types_that_were_asked_for(
    books: StoredBooks, database: Database, log: EventLog
) -> None:
    play_everything(books)
    give_positions(database)
    everything = log.read(0, ALL, EVERY_TYPE)
    assert [event.position for event in everything] == list(range(1, len(everything) + 1))
    assert log.read(0, 5, EVERY_TYPE) == everything[:5]
    assert log.read(5, 5, EVERY_TYPE) == everything[5:10]
    assert log.read(len(everything), 5, EVERY_TYPE) == []
    wanted = frozenset({EventType.CARD_REDEEMED, EventType.CARD_BLOCKED})
    assert log.read(0, ALL, wanted) == [event for event in everything if event.type in wanted]


def test_the_events_add_up_to_the_liability(
    books: StoredBooks, database: Database, log: EventLog
) -> None:
    play_everything(books)
    give_positions(database)
    owed = owed_by(log.read(0, ALL, EVERY_TYPE))
    assert owed == {
        (each.market, each.currency): each.outstanding_minor for each in totals(database)
    }


def test_a_decision_that_is_rolled_back_tells_nothing(
    books: StoredBooks, database: Database, log: EventLog
) -> None:
    class CalledOffError(Exception):
        pass

    command = issue()
    with suppress(CalledOffError), books.store.transaction():
        loaded = books.store.load([command])
        decision = decide(command, loaded.facts, books.markets, books.now)
        books.store.save(loaded, [decision], books.records(command, decision), books.now)
        raise CalledOffError
    give_positions(database)
    assert events_of(decision) != ()
    assert log.read(0, ALL, EVERY_TYPE) == []


def test_old_events_go_a_few_at_a_time_and_the_newest_stays(
    books: StoredBooks, database: Database, log: EventLog
) -> None:
    for _ in range(5):
        books.bought()
        books.wait(timedelta(days=1))
    give_positions(database)
    assert log.oldest_position() == 1
    assert log.remove_before(NOW + timedelta(days=3), 2) == 2
    assert log.oldest_position() == 3
    assert log.remove_before(NOW + timedelta(days=3), 2) == 1
    assert log.remove_before(NOW + timedelta(days=3), 2) == 0
    assert log.remove_before(NOW + timedelta(days=30), 9) == 1
    assert [event.position for event in log.read(0, ALL, EVERY_TYPE)] == [5]
    assert (log.oldest_position(), log.last_position()) == (5, 5)
    books.bought()
    give_positions(database)
    assert log.last_position() == 6


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM event WHERE position = 4",
        "DELETE FROM event WHERE position = 5",
        "INSERT INTO event SELECT * FROM taken",
    ],
)
def test_the_audit_knows_what_was_removed_and_finds_everything_else(
    books: StoredBooks, database: Database, log: EventLog, statement: str
) -> None:
    for _ in range(5):
        books.bought()
        books.wait(timedelta(days=1))
    give_positions(database)
    with open_way(database):
        database.execute_sql("CREATE TEMPORARY TABLE taken AS SELECT * FROM event LIMIT 1")
        removed = EventLog(database)
        removed._remove(3, microseconds(NOW + timedelta(days=2)))
        assert audit(database) == []
        database.execute_sql(statement)
        assert audit(database) != []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE event SET amount_minor = 1",
        "DELETE FROM event",
        "UPDATE event_generation SET common_position = 9",
        "DELETE FROM event_generation",
    ],
)
def test_no_program_changes_what_was_told(
    books: StoredBooks, database: Database, statement: str
) -> None:
    books.bought()
    give_positions(database)
    with pytest.raises(IntegrityError, match="append-only"), database.atomic():
        database.execute_sql(statement)


def test_a_generation_begins_where_the_restored_backup_ends(
    books: StoredBooks, database: Database, log: EventLog
) -> None:
    ((first, common),) = log.generations()
    assert (log.generation(), common) == (first, 0)
    books.bought()
    give_positions(database)
    second = log.begin_generation(books.now)
    books.bought()
    third = log.begin_generation(books.now, common_position=1)
    assert log.generation() == third
    assert log.generations() == [(first, 0), (second, 1), (third, 1)]
    assert len({first, second, third}) == 3


def test_each_database_has_a_generation_of_its_own(
    log: EventLog, tmp_path_factory: pytest.TempPathFactory
) -> None:
    url = DatabaseUrl.of_file(tmp_path_factory.mktemp("another") / "giftcard.db")
    migrate(url)
    with closing(connect(url)) as another:
        assert EventLog(another).generation() != log.generation()
