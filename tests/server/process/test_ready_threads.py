"""A pool whose threads exist from the beginning, and take what waits in its order."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Final

import pytest

from giftcard_server.process.ready_threads import ReadyThreads
from given.waiting import wait_until

COUNT: Final = 3


@pytest.fixture
def threads() -> Iterator[ReadyThreads]:
    made = ReadyThreads(COUNT, "test")
    yield made
    made.shutdown()


def named() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("test-")]


def test_all_threads_exist_before_the_first_task_and_none_is_made_for_one(
    threads: ReadyThreads,
) -> None:
    before = set(named())
    assert len(before) == COUNT
    results = [threads.submit(pow, number, 2) for number in range(10 * COUNT)]
    assert [each.result(20) for each in results] == [each**2 for each in range(10 * COUNT)]
    assert set(named()) == before


def test_a_task_beyond_the_threads_waits_for_the_first_that_is_free(threads: ReadyThreads) -> None:
    gates = [threading.Event() for _ in range(COUNT)]
    waiting = [threads.submit(gate.wait, 20) for gate in gates]
    order: list[int] = []
    later = [threads.submit(order.append, number) for number in range(5)]
    assert not any(each.done() for each in later)
    gates[0].set()
    for each in later:
        each.result(20)
    assert order == list(range(5))
    for gate in gates[1:]:
        gate.set()
    assert [each.result(20) for each in waiting] == [True] * COUNT


def test_no_more_threads_work_than_there_were_tasks_at_a_time(threads: ReadyThreads) -> None:
    used = set()
    for _ in range(10):
        used.add(threads.submit(threading.get_ident).result(20))
        wait_until(lambda: threads._idle)
    assert len(used) == 1


def test_an_error_belongs_to_its_task_and_the_thread_goes_on(threads: ReadyThreads) -> None:
    failed: Future[float] = threads.submit(lambda: 1 / 0)
    assert isinstance(failed.exception(20), ZeroDivisionError)
    assert len(named()) == COUNT
    assert threads.submit(int).result(20) == 0


def test_threads_end_once_nothing_waits_and_take_nothing_more() -> None:
    threads = ReadyThreads(COUNT, "test")
    gate = threading.Event()
    running = [threads.submit(gate.wait, 20) for _ in range(COUNT)]
    last = threads.submit(int)
    threads.shutdown()
    with pytest.raises(RuntimeError):
        threads.submit(int)
    gate.set()
    assert (last.result(20), [each.result(20) for each in running]) == (0, [True] * COUNT)
    wait_until(lambda: not named())
