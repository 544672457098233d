"""Giving positions on PostgreSQL: one holder at a time, and no harm where two believe they are."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import timedelta
from itertools import groupby

import pytest

from giftcard_rules.commands import BlockCard
from giftcard_rules.decide import decide
from giftcard_storage import sequencing
from giftcard_storage.audit import audit
from giftcard_storage.database import DatabaseUrl, connect
from giftcard_storage.errors import StaleError, StorageAwayError
from giftcard_storage.events import EventLog
from giftcard_storage.sequencing import Sequencing
from given.databases.stored_books import books_on, play_everything
from given.made_facts import authorize, order
from given.waiting import wait_until

ALL = 100_000


class Replica:
    """Books, a log and a sequencer, each on a connection of its own."""

    def __init__(self, url: DatabaseUrl, opened: ExitStack, name: str) -> None:
        connections = [opened.enter_context(closing(connect(url))) for _ in range(3)]
        self.books = books_on(connections[0])
        self.log = EventLog(connections[1])
        self.connection = connections[2]
        self.sequencing = Sequencing(connections[2], name)


@pytest.fixture
def replicas(server_url: DatabaseUrl) -> Iterator[list[Replica]]:
    with ExitStack() as opened:
        yield [Replica(server_url, opened, name) for name in ("first", "second")]


def positions(log: EventLog) -> list[int]:
    return [event.position for event in log.read(0, ALL, frozenset())]


def test_what_has_no_position_is_not_read_and_gets_one_in_order(replicas: list[Replica]) -> None:
    first, _ = replicas
    play_everything(first.books)
    waiting = first.log.backlog()
    assert positions(first.log) == []
    assert first.sequencing.is_waiting()
    assert first.sequencing.number(ALL) == waiting.events > 20
    assert not first.sequencing.is_waiting()
    events = first.log.read(0, ALL, frozenset())
    assert [event.position for event in events] == list(range(1, waiting.events + 1))
    assert first.log.last_position() == waiting.events
    by_card = sorted(events, key=lambda event: (event.card_id, event.position))
    for _, of_card in groupby(by_card, key=lambda event: event.card_id):
        versions = [(event.card_version, event.event_id) for event in of_card]
        assert versions == sorted(versions)
    assert audit(first.connection) == []


def test_a_few_at_a_time_never_turn_the_events_of_a_card_round(replicas: list[Replica]) -> None:
    first, _ = replicas
    play_everything(first.books)
    while first.sequencing.number(3):
        pass
    seen: dict[str, int] = {}
    for event in first.log.read(0, ALL, frozenset()):
        assert seen.get(event.card_id, 0) <= event.card_version
        seen[event.card_id] = event.card_version
    assert audit(first.connection) == []


def test_a_clock_that_was_set_back_turns_no_events_round(replicas: list[Replica]) -> None:
    first, _ = replicas
    card = first.books.bought()
    first.books.now -= timedelta(seconds=5)
    first.books.decide(authorize(card.card_id, order()))
    first.sequencing.number(ALL)
    versions = [event.card_version for event in first.log.read(0, ALL, frozenset())]
    assert versions == [1, 2]


def test_one_server_holds_the_lease_until_it_shows_no_sign_of_life(
    replicas: list[Replica], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sequencing, "_LEASE", 300_000)
    first, second = replicas
    assert first.sequencing.hold() is True
    assert second.sequencing.hold() is None
    assert first.sequencing.hold() is False
    wait_until(lambda: second.sequencing.hold() is True)
    assert first.sequencing.hold() is None


def test_a_lease_that_was_given_back_is_taken_at_once(replicas: list[Replica]) -> None:
    first, second = replicas
    assert first.sequencing.hold() is True
    first.sequencing.let_go()
    assert second.sequencing.hold() is True


def test_two_that_both_believe_in_their_lease_give_each_position_once(
    replicas: list[Replica],
) -> None:
    first, second = replicas
    for _ in range(200):
        first.books.bought()
    lost = 0

    def give(replica: Replica, begin: threading.Barrier) -> None:
        nonlocal lost
        begin.wait()
        while replica.sequencing.is_waiting():
            try:
                replica.sequencing.number(7)
            except (StaleError, StorageAwayError):
                lost += 1

    begin = threading.Barrier(2)
    threads = [threading.Thread(target=give, args=(each, begin)) for each in replicas]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lost > 0
    assert positions(first.log) == list(range(1, 201))
    assert len({event.event_id for event in second.log.read(0, ALL, frozenset())}) == 200
    assert audit(first.connection) == []


def test_a_transaction_that_is_held_open_delays_its_own_events_alone(
    replicas: list[Replica],
) -> None:
    slow, fast = replicas
    command = BlockCard(fast.books.bought().card_id)
    with slow.books.store.transaction():
        loaded = slow.books.store.load([command])
        decision = decide(command, loaded.facts, slow.books.markets, slow.books.now)
        slow.books.store.save(loaded, [decision], [], slow.books.now)
        others = [fast.books.bought() for _ in range(5)]
        assert fast.sequencing.number(ALL) == 6
        told = {event.card_id for event in fast.log.read(0, ALL, frozenset())}
        assert told >= {card.card_id for card in others}
    assert fast.sequencing.number(ALL) == 1
    assert positions(fast.log) == list(range(1, 8))
