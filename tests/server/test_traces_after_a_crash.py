"""A server that starts clears what one before it left of an erasure when it crashed (R32)."""

from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from giftcard_rules.person_acts import ErasePerson
from giftcard_server.privacy.checkpointing import checkpointing_on
from giftcard_server.recurring import stop_all
from giftcard_storage.database import DatabaseUrl, connect, migrate
from giftcard_storage.errors import StorageError
from giftcard_storage.personal.changing import PersonChanges
from giftcard_storage.schema import DataKey
from given.databases.books_on_people import BooksOnPeople, of_card
from given.made_facts import RING
from given.waiting import wait_until


@pytest.mark.one_database
def test_r32_a_server_that_starts_clears_the_log_of_one_that_crashed(tmp_path: Path) -> None:
    url = DatabaseUrl.of_file(tmp_path / "giftcard.db")
    migrate(url)
    log = tmp_path / "giftcard.db-wal"
    with closing(connect(url)) as database, ExitStack() as opened:
        books = BooksOnPeople(database)
        card = books.bought()
        ((wrapped,),) = DataKey.select(DataKey.wrapped).tuples().execute(database)
        books.act(ErasePerson(of_card(card.card_id)))
        assert bytes(wrapped) in log.read_bytes()  # Nobody has cleared it: the server is gone.
        checkpointing = checkpointing_on(url, PersonChanges(RING), opened, routinely=True)
        checkpointing.start()
        opened.callback(stop_all, [checkpointing])
        wait_until(lambda: bytes(wrapped) not in log.read_bytes())
        assert bytes(wrapped) not in url.path.read_bytes()


@pytest.mark.one_database
def test_r32_a_log_that_could_not_be_cleared_is_cleared_later(tmp_path: Path) -> None:
    folder, away = tmp_path / "data", tmp_path / "away"
    folder.mkdir()
    url = DatabaseUrl.of_file(folder / "giftcard.db")
    migrate(url)
    changing = PersonChanges(RING)
    with ExitStack() as opened:
        checkpointing = checkpointing_on(url, changing, opened, routinely=False)
    folder.rename(away)
    with pytest.raises(StorageError):
        checkpointing._task()
    assert changing.traces_may_remain
    away.rename(folder)
    checkpointing._task()
    assert not changing.traces_may_remain
