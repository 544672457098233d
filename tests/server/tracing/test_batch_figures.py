"""What metrics tell of batches and of the database."""

from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from giftcard_server.probe import KEPT_SECONDS, DatabaseCollector
from giftcard_server.tracing.stopwatch import WRITING, Phase
from giftcard_storage import database
from given.calls import sent
from given.calls.shop import shop_at
from given.servers.running import Clock, running, settings, target_of, writing_elsewhere
from given.waiting import wait_until

# As docs/operator.md says of a process on PostgreSQL; others have more.
FEWEST_CONNECTIONS = 11

pytestmark = pytest.mark.one_database


def test_waits_phases_and_what_waits_are_shown(tmp_path: Path) -> None:
    with running(settings(tmp_path), Clock()) as service, shop_at(target_of(service)) as shop:

        def shown(name: str, **labels: str) -> float:
            return service.registry.get_sample_value(f"giftcard_{name}", labels) or 0.0

        batcher: Any = service.parts.committer.batcher
        with writing_elsewhere(service.parts.settings.database_url):
            calls = [shop.stub.Issue.future(sent.issue())]
            wait_until(lambda: batcher._led and batcher.waiting == 0)
            calls += [shop.stub.Issue.future(sent.issue()) for _ in range(2)]
            wait_until(lambda: shown("commands_waiting") == 2)
        assert all(each.result().code for each in calls)
        wait_until(lambda: shown("commands_waiting") == 0)
        assert shown("command_wait_seconds_count") == 3
        of_phase = "batch_phase_seconds_total"
        seconds = {phase: shown(of_phase, phase=phase.value) for phase in WRITING}
        assert min(seconds.values()) > 0
        # The first batch waited for the other writer, the other two commands for that batch.
        assert shown("command_wait_seconds_sum") > seconds[Phase.BEGIN] > seconds[Phase.DECIDE]
        assert shown("database_up") == 1
        wait_until(lambda: shown("database_connections") == database.open_connections())
        assert shown("database_connections") >= FEWEST_CONNECTIONS
        assert shown("database_answer_seconds") > 0


def test_the_database_is_asked_once_a_second_however_often_it_is_scraped() -> None:
    asked, why_not, seconds = [], "", 0.0

    def answer() -> str:
        asked.append(True)
        return why_not

    registry = CollectorRegistry()
    registry.register(DatabaseCollector(answer, lambda: seconds))
    assert asked == []  # Registering asks nothing.

    def shown() -> list[float | None]:
        names = ("giftcard_database_up", "giftcard_database_answer_seconds")
        return [registry.get_sample_value(name) for name in names]

    for _ in range(3):
        assert shown()[0] == 1
    assert len(asked) == 1
    why_not = "the database does not answer"
    seconds = KEPT_SECONDS
    assert shown() == [0, None]
