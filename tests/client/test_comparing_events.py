"""`giftcard events compare`: what a consumer has saved, against the events of the real server."""

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from giftcard_client import Events
from giftcard_client.cli.comparison.saved_events import NotAnEventError, compare, saved_events
from giftcard_client.cli.output import answer_json
from giftcard_storage.database import connect
from giftcard_storage.events import EventLog
from given.calls.shop import shop_at
from given.servers.giftcard_command import Json, Shop
from given.servers.running import Clock, running, settings, target_of
from given.servers.server_process import ServerProcess
from given.waiting import wait_until

pytestmark = pytest.mark.one_database

CARDS: Final = 3
Saved = list[Json]


def told_by(log: Events, after: int = 0) -> Saved:
    """Return events as a consumer saves them: as `giftcard events tail` writes them."""
    page = log.read(after)
    return [json.loads(answer_json(each, {}, show_code=False)) for each in page.events]


def unchanged(saved: Saved) -> Saved:
    return saved


def told_again(saved: Saved) -> Saved:
    return [*saved, *saved]


def made_anew(saved: Saved) -> Saved:
    """Return events of which the last has the id of another one, as after a restore."""
    return [*saved[:-1], saved[-1] | {"occur_time": "2020-01-01T00:00:00Z"}]


def unknown_after_the_first(saved: Saved) -> Saved:
    """Return events of which the second and third are in no ledger."""
    return [saved[0], *(each | {"event_id": "0" * 32 + "-1-0"} for each in saved[1:])]


def in_a_store_of_its_own(saved: Saved) -> Saved:
    names = {"event_id", "occur_time", "position", "generation"}
    return [{name: each[name] for name in names} for each in saved]


# What the consumer saved; the position that its generation and the one since share, where there
# is one; the positions that are listed, of so many that were compared.
CASES: Final[list[tuple[Callable[[Saved], Saved], int | None, list[int], int]]] = [
    (unchanged, None, [], 3),
    (told_again, None, [], 3),
    (made_anew, None, [3], 3),
    (unknown_after_the_first, None, [2, 3], 3),
    (in_a_store_of_its_own, None, [], 3),
    (unchanged, 2, [], 3),
    (unknown_after_the_first, 2, [3], 3),
    (made_anew, 1, [3], 3),
    (unknown_after_the_first, 1, [2, 3], 3),
]


def test_what_the_service_lacks_is_listed(tmp_path: Path) -> None:
    used, clock = settings(tmp_path), Clock()
    with (
        running(used, clock) as service,
        shop_at(target_of(service)) as shop,
        Events(target_of(service)) as log,
        closing(connect(used.database_url)) as connection,
    ):
        for _ in range(CARDS):
            shop.bought()
        wait_until(lambda: len(told_by(log)) == CARDS)
        saved, shared = told_by(log), None
        for change, common, listed, compared in CASES:
            if common != shared:
                EventLog(connection).begin_generation(clock(), common)
                shared = common
            lines = [json.dumps(each) for each in change(saved)]
            found = compare(log, saved_events(lines))
            case = (change.__name__, common)
            assert (case, [each["position"] for each in found.lacking]) == (case, listed)
            assert (found.compared, found.removed) == (compared, 0)


def test_people_get_a_line_for_each_event_and_a_summary(
    live_server: ServerProcess, tmp_path: Path
) -> None:
    with shop_at(live_server.target) as shop, Events(live_server.target) as log:
        last = log.read(0, limit=1).last_position
        card_id = shop.bought(100_00).card.card_id
        wait_until(lambda: bool(told_by(log, last)))
        (event, *_) = told_by(log, last)
    path = tmp_path / "saved.jsonl"
    path.write_text(json.dumps(made_anew([event])[0]), encoding="utf-8")
    done = Shop(live_server.target).run("events", "compare", str(path))
    listed, summary = done.stdout.splitlines()
    words = [str(last + 1), "2020-01-01T00:00:00Z", "CARD_ISSUED", card_id, "100.00", "EUR"]
    assert listed.split()[:6] == words
    assert summary == (
        "1 saved events were compared. 1 of them, of 1 cards, are unknown to the service."
    )
    assert done.returncode == 3
    path.write_text("\nno event", encoding="utf-8")
    done = Shop(live_server.target).run("events", "compare", str(path))
    assert (done.returncode, "line 2 is no event" in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "not JSON",
        '["event"]',
        '{"event_id": "1", "occur_time": "x", "position": "7", "generation": "g"}',
        '{"event_id": "1", "occur_time": "x", "position": true, "generation": "g"}',
        '{"event_id": 1, "occur_time": "x", "position": 7, "generation": "g"}',
    ],
)
def test_a_line_that_is_no_event_is_named(text: str) -> None:
    with pytest.raises(NotAnEventError, match="line 1 is no event"):
        list(saved_events([text]))
