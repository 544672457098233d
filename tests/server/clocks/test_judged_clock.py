"""When the clock of the service tells the time, and when it refuses to."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from peewee import Database

from giftcard_server.clocks.judged_clock import JudgedClock
from giftcard_server.clocks.judgement import Anchor, Reading, against_anchor
from giftcard_server.errors import ClockWrongError
from giftcard_storage import clock as at_rest
from giftcard_storage import database
from given.databases.kinds import Kind, Place

TOLERANCE = 600
HOUR, DAY = 3600.0, 86_400.0
HOST = "host-1"


class Machine:
    """The three clocks of a machine, which begins with the right time."""

    def __init__(self) -> None:
        self.reading = Reading(datetime.now(UTC).timestamp(), 1000.0, 5000.0)

    def read(self) -> Reading:
        return self.reading

    def pass_(self, wall: float = 0, monotonic: float = 0, boot: float = 0) -> None:
        before = self.reading
        self.reading = Reading(before.wall + wall, before.monotonic + monotonic, before.boot + boot)

    @property
    def time(self) -> datetime:
        return datetime.fromtimestamp(self.reading.wall, UTC)


@pytest.fixture
def connection(place: Place) -> Iterator[Database]:
    """A connection to an empty database."""
    if not place.database_url.engine.is_migrated_by_command:
        database.migrate(place.database_url)
    with closing(database.connect(place.database_url)) as opened:
        yield opened


def started(connection: Database, machine: Machine, told: list[bool] | None = None) -> JudgedClock:
    changes = [] if told is None else told
    judged = JudgedClock(
        partial(at_rest.times, connection),
        TOLERANCE,
        mark=partial(at_rest.mark, connection, HOST),
        tell=changes.append,
        read=machine.read,
    )
    judged.look()
    return judged


@pytest.mark.parametrize(
    ("name", "wall", "monotonic", "boot", "why"),
    [
        ("an hour has passed", HOUR, HOUR, HOUR, ""),
        ("a step of NTP", HOUR + 30, HOUR, HOUR, ""),
        ("within the tolerance", HOUR + 599, HOUR, HOUR, ""),
        ("200 days ahead", 200 * DAY, 1, 1, "17279999 s ahead of the start"),
        ("eleven minutes ahead", 660, 1, 1, "659 s ahead of the start"),
        ("eleven minutes behind", -660, 1, 1, "661 s behind the start"),
        ("the machine was suspended for a day", DAY, 1, DAY, ""),
        ("suspended, and the wall clock stood still", 1, 1, DAY, ""),
        ("suspended, and ahead of that", 2 * DAY, 1, DAY, "86400 s ahead of the start"),
        ("frozen by a hypervisor, and set right after it", DAY, 1, 1, "86399 s ahead of the start"),
        ("a year of drift, corrected in steps", 365 * DAY + 3 * HOUR, 365 * DAY, 365 * DAY, ""),
    ],
)
def test_a_clock_is_judged_by_those_that_cannot_be_set(
    name: str, wall: float, monotonic: float, boot: float, why: str
) -> None:
    anchor = Anchor(1_800_000_000.0, 10.0, 20.0, "the start")
    reading = Reading(anchor.right + wall, 10.0 + monotonic, 20.0 + boot)
    expected = f"the server's clock is {why}" if why else ""
    assert against_anchor(reading, anchor, TOLERANCE) == expected, name


def test_a_jump_is_seen_at_once_and_told_once_and_the_clock_goes_on_by_itself(
    connection: Database,
) -> None:
    machine, told = Machine(), list[bool]()
    judged = started(connection, machine, told)
    assert judged.now() == machine.time
    machine.pass_(wall=200 * DAY)
    for _ in range(3):
        with pytest.raises(ClockWrongError, match="s ahead of"):
            judged.now()
        judged.look()
    assert "s ahead of" in judged.why_wrong()
    machine.pass_(wall=-200 * DAY)
    assert judged.now() == machine.time
    machine.pass_(wall=-HOUR)
    with pytest.raises(ClockWrongError, match="s behind"):
        judged.now()
    assert told == [True, False, True]


def test_the_time_is_marked_once_a_minute_and_never_while_it_is_wrong(
    connection: Database,
) -> None:
    machine = Machine()
    judged = started(connection, machine)
    first = at_rest.times(connection).newest
    assert first is not None
    assert abs(first - machine.time) < timedelta(seconds=1)
    machine.pass_(59, 59, 59)
    judged.look()
    assert at_rest.times(connection).newest == first
    machine.pass_(wall=200 * DAY, monotonic=2, boot=2)
    judged.look()
    assert at_rest.times(connection).newest == first
    machine.pass_(wall=2 - 200 * DAY)
    judged.look()
    marked = at_rest.times(connection)
    assert marked.newest is not None
    assert marked.newest > first
    # Where there is a database server it is its time, which has hardly passed.
    assert abs((marked.server or machine.time) - marked.newest) < timedelta(seconds=1)


@pytest.mark.parametrize("kind", [Kind.SQLITE], indirect=True)
def test_an_embedded_start_far_past_the_mark_waits_for_a_right_clock(connection: Database) -> None:
    machine = Machine()
    at_rest.mark(connection, HOST, machine.time)
    machine.pass_(wall=6.9 * DAY)
    assert started(connection, machine).why_wrong() == ""
    at_rest.accept(connection, machine.time)
    machine.pass_(wall=200 * DAY)
    judged = started(connection, machine)
    with pytest.raises(ClockWrongError, match="200 days past the newest mark"):
        judged.now()
    machine.pass_(wall=-200 * DAY)
    judged.look()
    assert judged.now() == machine.time


def test_a_clock_behind_the_newest_mark_waits_for_it(connection: Database) -> None:
    machine = Machine()
    at_rest.mark(connection, "host-2", machine.time + timedelta(hours=1))
    judged = started(connection, machine)
    with pytest.raises(ClockWrongError, match="behind the newest mark"):
        judged.now()
    assert at_rest.accept(connection, machine.time) == 1
    judged.look()
    assert judged.now() == machine.time


@pytest.mark.parametrize("kind", [Kind.SQLITE], indirect=True)
def test_an_accepted_clock_goes_on_where_no_other_clock_is_asked(connection: Database) -> None:
    machine = Machine()
    judged = started(connection, machine)
    machine.pass_(wall=DAY)  # A hypervisor has frozen the machine.
    at_rest.accept(connection, machine.time - timedelta(days=1))  # Of another time: not this one.
    judged.look()
    assert judged.why_wrong()
    at_rest.accept(connection, machine.time)
    judged.look()
    assert judged.now() == machine.time


@pytest.mark.parametrize("kind", [Kind.POSTGRESQL], indirect=True)
def test_the_clock_of_a_database_server_decides(connection: Database) -> None:
    machine = Machine()
    machine.pass_(wall=DAY)
    judged = started(connection, machine)
    with pytest.raises(ClockWrongError, match="s ahead of PostgreSQL's clock"):
        judged.now()
    at_rest.accept(connection, machine.time - timedelta(days=1))
    judged.look()
    assert judged.why_wrong()
    # A machine that was frozen, by its own clocks: PostgreSQL says that it is right now.
    machine.pass_(wall=-DAY, monotonic=-HOUR, boot=-HOUR)
    judged.look()
    assert judged.now() == machine.time


@pytest.mark.parametrize("kind", [Kind.POSTGRESQL], indirect=True)
def test_while_the_database_does_not_answer_its_last_answer_counts(
    connection: Database, place: Place
) -> None:
    machine = Machine()
    judged = started(connection, machine)
    with closing(database.connect(place.database_url)) as other, other.atomic():
        other.execute_sql("LOCK TABLE clock_mark IN ACCESS EXCLUSIVE MODE")
        judged.look()
        machine.pass_(HOUR, HOUR, HOUR)
        assert judged.now() == machine.time
        machine.pass_(wall=DAY)
        judged.look()
        assert "s ahead of PostgreSQL's clock" in judged.why_wrong()


class Server:
    """What a database says, with another clock of its server."""

    def __init__(self, connection: Database) -> None:
        self.shift = timedelta()
        self._connection = connection

    def times(self) -> at_rest.Times:
        times = at_rest.times(self._connection)
        assert times.server is not None
        return times._replace(server=times.server + self.shift)


def asking(server: Server, connection: Database, machine: Machine) -> JudgedClock:
    judged = JudgedClock(
        server.times, TOLERANCE, mark=partial(at_rest.mark, connection, HOST), read=machine.read
    )
    judged.look()
    return judged


@pytest.mark.parametrize("kind", [Kind.POSTGRESQL], indirect=True)
@pytest.mark.parametrize("wall_days", [0, 200])
def test_a_database_server_that_is_days_ahead_of_itself_is_not_believed(
    connection: Database, wall_days: float
) -> None:
    machine, server = Machine(), Server(connection)
    judged = asking(server, connection, machine)
    first = at_rest.times(connection).newest
    machine.pass_(wall_days * DAY + HOUR, HOUR, HOUR)
    server.shift = timedelta(days=200, hours=1)
    for _ in range(3):
        judged.look()
        with pytest.raises(ClockWrongError, match="PostgreSQL's clock is 200 days past what"):
            judged.now()
    assert at_rest.times(connection).newest == first
    machine.pass_(-wall_days * DAY)
    server.shift = timedelta(hours=1)
    judged.look()
    assert judged.now() == machine.time


@pytest.mark.parametrize("kind", [Kind.POSTGRESQL], indirect=True)
def test_an_operator_accepts_what_a_machine_that_was_frozen_did_not_count(
    connection: Database,
) -> None:
    machine, server = Machine(), Server(connection)
    judged = asking(server, connection, machine)
    machine.pass_(wall=10 * DAY)
    server.shift = timedelta(days=10)
    judged.look()
    assert "PostgreSQL's clock is 10 days past what has passed" in judged.why_wrong()
    at_rest.accept(connection, machine.time)
    judged.look()
    assert judged.now() == machine.time
    machine.pass_(HOUR, HOUR, HOUR)
    server.shift += timedelta(hours=1)
    judged.look()
    assert judged.now() == machine.time


@pytest.mark.parametrize("kind", [Kind.POSTGRESQL], indirect=True)
@pytest.mark.parametrize(
    ("name", "wall", "monotonic", "boot"),
    [
        ("a machine that was suspended for ten days", 10, 0, 10),
        ("suspended, and its wall clock stood still", 0, 0, 10),
        ("a database that did not answer for ten days", 10, 10, 10),
        ("frozen by a hypervisor for six days", 6, 0, 0),
    ],
)
def test_time_that_has_passed_is_believed_of_a_database_server(
    connection: Database, name: str, wall: float, monotonic: float, boot: float
) -> None:
    machine, server = Machine(), Server(connection)
    judged = asking(server, connection, machine)
    machine.pass_(wall * DAY, monotonic * DAY, boot * DAY)
    server.shift = timedelta(days=max(wall, boot))
    judged.look()
    if wall < boot:  # It is behind now, which PostgreSQL says.
        machine.pass_(wall=boot * DAY)
    assert judged.now() == machine.time, name


@pytest.mark.parametrize("kind", [Kind.POSTGRESQL], indirect=True)
def test_hosts_within_the_tolerance_on_both_sides_of_a_database_server_go_on(
    connection: Database,
) -> None:
    fast, slow = Machine(), Machine()
    fast.pass_(wall=500)
    slow.pass_(wall=-500)
    ahead, behind = started(connection, fast), started(connection, slow)
    behind.look()
    assert ahead.now() == fast.time
    assert behind.now() == slow.time
