"""Commands that another replica overtakes are decided again, at the time of the next try."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta

import pytest
from peewee import Database

from giftcard_rules.commands import Command, Decidable
from giftcard_rules.reasons import Reason
from giftcard_server.deciding import committer
from giftcard_server.deciding.committer import TRIES
from giftcard_server.errors import ContendedError
from giftcard_storage import database
from giftcard_storage.acts.notes import NoteSealing
from giftcard_storage.schema import Card
from giftcard_storage.sealing import Sealing
from giftcard_storage.store import Loaded, Store
from given.databases.books_on_disk import BooksOnDisk, audited, authorize_of, reasons
from given.databases.kinds import Place
from given.made_facts import capture, issue

CONTENDED = ContendedError.__name__
FOR_EVER = 10_000


class FasterRival(Store):
    """A store whose loaded cards another replica changes right after, `times` times.

    SQLite lets no other writer in between, so the same connection changes them, and the change
    is rolled back with the rest. In PostgreSQL another connection writes the same version
    again, which is as much of a change as any.
    """

    times = 0

    def __init__(
        self,
        connection: Database,
        sealing: Sealing,
        notes: NoteSealing,
        place: Place,
        meanwhile: Callable[[], object],
    ) -> None:
        super().__init__(connection, sealing, notes)
        self._connection = connection
        self._place = place
        self._meanwhile = meanwhile

    def load(self, commands: Iterable[Decidable]) -> Loaded:
        """Load, and be overtaken."""
        loaded = super().load(commands)
        if self.times > 0 and loaded.versions:
            self.times -= 1
            self._overtake()
            self._meanwhile()
        return loaded

    def _overtake(self) -> None:
        if self._place.database_url.engine.has_one_writer:
            Card.update(version=Card.version + 1).execute(self._connection)
            return
        with closing(database.connect(self._place.database_url)) as rival:
            Card.update(version=Card.version).execute(rival)


@contextmanager
def overtaken(
    place: Place, meanwhile: Callable[[], object] = int
) -> Iterator[tuple[BooksOnDisk, FasterRival]]:
    """Open books that a rival overtakes, who does nothing yet."""
    stores: list[FasterRival] = []

    def store(connection: Database, sealing: Sealing, notes: NoteSealing) -> Store:
        stores.append(FasterRival(connection, sealing, notes, place, meanwhile))
        return stores[0]

    with audited(place, store=store) as books:
        yield books, stores[0]


@pytest.mark.parametrize(
    ("times", "outcomes"),
    [
        pytest.param(1, [None, None], id="once"),
        pytest.param(TRIES - 1, [None, None], id="until the last try"),
        pytest.param(TRIES, [None, None], id="until each is tried on its own"),
        # The second command makes a new card, which no rival changes.
        pytest.param(FOR_EVER, [CONTENDED, None], id="for ever"),
    ],
)
def test_a_card_that_moved_on_meanwhile_is_decided_again_a_few_times(
    place: Place, monkeypatch: pytest.MonkeyPatch, times: int, outcomes: list[str | None]
) -> None:
    monkeypatch.setattr(committer, "PAUSE_SECONDS", 0)
    with overtaken(place) as (books, rival):
        card = issue()
        books.submit(card)
        rival.times = times
        hold = authorize_of(card)
        commands: list[Command] = [hold, issue()]
        assert reasons(books.together(commands)) == outcomes
        rival.times = 0
        assert reasons(books.together(commands)) == [None] * 2
        versions = {row["card_id"]: row["version"] for row in books.rows(Card)}
        assert versions[card.new_card.card_id] == 2


def test_r34_a_batch_that_was_overtaken_is_decided_at_the_time_of_its_next_try(
    place: Place,
) -> None:
    def time_passes() -> None:
        books.now += timedelta(seconds=1)

    with overtaken(place, time_passes) as (books, rival):
        card = issue()
        hold = authorize_of(card, hold_for=timedelta(seconds=1))
        books.together([card, hold])
        rival.times = 1
        assert books.submit(capture(hold.authorization_id)).reason is Reason.AUTHORIZATION_LAPSED
