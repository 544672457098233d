"""`giftcard events new-generation`: what an operator says after a restore."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from giftcard_storage.database import connect, migrate
from giftcard_storage.events import EventLog
from given.databases.kinds import Databases, Kind, Place
from given.databases.stored_books import books_on
from given.servers.giftcard_command import giftcard

COMMAND = ("events", "new-generation")


@pytest.fixture
def place(kind: Kind, databases: Databases, tmp_path: Path) -> Iterator[Place]:
    with databases.empty(kind, tmp_path) as lent:
        migrate(lent.database_url)
        yield lent


def generations(place: Place) -> list[tuple[str, int]]:
    with closing(connect(place.database_url)) as connection:
        return EventLog(connection).generations()


def test_a_generation_begins_after_the_last_position_of_the_backup(place: Place) -> None:
    with closing(connect(place.database_url)) as connection:
        books_on(connection).bought()
    (before,) = generations(place)
    last = int(place.database_url.engine.has_one_writer)
    done = giftcard(*COMMAND, "--yes", settings=place.environment)
    assert done.returncode == 0, done.stderr
    first, second = generations(place)
    assert first == before
    assert second[1] == last
    assert f"The newest position in the database is {last}." in done.stdout
    assert f"Generation {second[0]} has begun." in done.stdout


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("arguments", "answer", "exit_code", "said", "begun"),
    [
        ((), "y\n", 0, "has begun", 1),
        ((), "n\n", 1, "Was the database restored from a backup?", 0),
        (("--last-common", "0", "--yes"), "", 0, "after position 0", 1),
        (("--last-common", "7", "--yes"), "", 2, "no position after 0 was given", 0),
    ],
)
def test_nothing_begins_without_a_yes_or_after_what_was_never_given(
    place: Place, arguments: tuple[str, ...], answer: str, exit_code: int, said: str, begun: int
) -> None:
    done = giftcard(*COMMAND, *arguments, stdin=answer, settings=place.environment)
    assert done.returncode == exit_code
    assert said in done.stdout + done.stderr
    assert len(generations(place)) == 1 + begun
