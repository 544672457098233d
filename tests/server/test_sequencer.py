"""A running server gives positions to events soon, and another one does when it is gone."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from statistics import median
from typing import Final

import pytest
from prometheus_client.parser import text_string_to_metric_families

from giftcard_storage.database import connect
from giftcard_storage.event_schema import EventLease
from giftcard_storage.events import EventLog
from given.calls.shop import shop_at
from given.databases.kinds import Databases, Kind, Place
from given.servers.http_get import get
from given.servers.server_process import ServerProcess
from given.waiting import wait_until

PURCHASES: Final = 20
# What is promised at light load is 0.2 s; other tests may run on the same machine.
SOON_SECONDS: Final = 0.2
TAKEN_OVER_SECONDS: Final = 5.0

pytestmark = pytest.mark.xdist_group("sequencer")


@pytest.fixture
def log(place: Place) -> Iterator[Callable[[], EventLog]]:
    with ExitStack() as opened:

        def open_log() -> EventLog:
            return EventLog(opened.enter_context(closing(connect(place.database_url))))

        yield open_log


def seconds_until_told(server: ServerProcess, log: EventLog) -> float:
    """Buy a card, and return how long its event took to get a position."""
    before = log.last_position()
    with shop_at(server.target) as shop:
        shop.bought()
        answered_at = time.monotonic()
        wait_until(lambda: log.last_position() > before)
        return time.monotonic() - answered_at


def figure(server: ServerProcess, name: str) -> float:
    families = text_string_to_metric_families(get(f"{server.http_url}/metrics")[1])
    return sum(each.value for family in families for each in family.samples if each.name == name)


def test_an_event_gets_its_position_soon_after_the_answer(
    place: Place, log: Callable[[], EventLog], tmp_path: Path
) -> None:
    with ServerProcess(tmp_path / "server", settings=place.environment) as server:
        opened = log()
        taken = [seconds_until_told(server, opened) for _ in range(PURCHASES)]
        assert median(taken) < SOON_SECONDS
        assert figure(server, "giftcard_events_without_position") == 0
        assert figure(server, "giftcard_oldest_event_without_position_seconds") == 0
    told = opened.read(0, 100, frozenset())
    assert [event.position for event in told] == list(range(1, PURCHASES + 1))


@pytest.fixture
def replicas(databases: Databases, tmp_path: Path) -> Iterator[list[ServerProcess]]:
    with ExitStack() as running:
        place = running.enter_context(databases.empty(Kind.POSTGRESQL, tmp_path))
        yield [
            running.enter_context(ServerProcess(tmp_path / name, settings=place.environment))
            for name in ("one", "other")
        ]


@pytest.fixture
def shared_log(replicas: list[ServerProcess]) -> Iterator[EventLog]:
    url = Place(replicas[0].database_url, Path()).database_url
    with closing(connect(url)) as connection:
        yield EventLog(connection)


def holder_of(log: EventLog, replicas: list[ServerProcess]) -> tuple[ServerProcess, ServerProcess]:
    """Return the server that holds the lease, and the other one."""
    rows = EventLease.select(EventLease.holder).tuples().execute(log._database)
    ((name,),) = rows
    holds = {str(server.pid): server for server in replicas}[name.split("/")[1]]
    (other,) = (server for server in replicas if server is not holds)
    return holds, other


def test_another_server_takes_over_within_five_seconds_of_a_kill(
    replicas: list[ServerProcess], shared_log: EventLog
) -> None:
    seconds_until_told(replicas[0], shared_log)
    holder, other = holder_of(shared_log, replicas)
    holder.kill()
    assert seconds_until_told(other, shared_log) < TAKEN_OVER_SECONDS
    assert figure(other, "giftcard_event_lease_changes_total") == 1
    assert figure(other, "giftcard_event_positions_given_total") == 1


def test_another_server_takes_over_at_once_from_one_that_drains(
    replicas: list[ServerProcess], shared_log: EventLog
) -> None:
    seconds_until_told(replicas[0], shared_log)
    holder, other = holder_of(shared_log, replicas)
    assert holder.terminate() == 0
    assert seconds_until_told(other, shared_log) < 1


def test_the_events_of_a_replica_that_does_not_hold_the_lease_get_theirs_as_soon(
    replicas: list[ServerProcess], shared_log: EventLog
) -> None:
    seconds_until_told(replicas[0], shared_log)
    _, other = holder_of(shared_log, replicas)
    taken = [seconds_until_told(other, shared_log) for _ in range(PURCHASES)]
    assert median(taken) < SOON_SECONDS
