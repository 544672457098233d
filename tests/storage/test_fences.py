"""A migration either only expands, or fences off whatever lacks it, whoever comes first."""

import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from peewee import Database
from playhouse.migrations import Migration

from giftcard_storage import database as databases_of
from giftcard_storage.database import DatabaseUrl, connect, migrate, planned, require_schema
from giftcard_storage.errors import DatabaseRefusedError, FencedOffError, StorageAwayError
from giftcard_storage.people import forget
from giftcard_storage.versions import MIGRATIONS, Effect
from given.databases.kinds import Databases, Kind
from given.databases.later import LATER, migrate_later
from given.databases.stored_books import StoredBooks, books_on
from given.made_facts import order
from given.waiting import wait_until

WAITING = b"SELECT 1 FROM pg_locks WHERE NOT granted"
REFUSED = re.compile(f"it was made by a newer version of giftcard \\({LATER}\\)")


@pytest.fixture
def url(kind: Kind, databases: Databases, tmp_path: Path) -> Iterator[DatabaseUrl]:
    """A database whose schema no other test needs."""
    with databases.own(kind, tmp_path) as place:
        migrate(place.database_url)
        yield place.database_url


@pytest.fixture
def connection(url: DatabaseUrl) -> Iterator[Database]:
    with closing(connect(url)) as opened:
        yield opened


@pytest.fixture
def books(connection: Database) -> StoredBooks:
    return books_on(connection)


def cards_of(url: DatabaseUrl) -> int:
    with closing(connect(url)) as other:
        return int(other.execute_sql("SELECT COUNT(*) FROM card").fetchone()[0])


def test_each_migration_says_what_it_means_for_running_servers() -> None:
    effects = {each.name: each.load().EFFECT for each in Migration.load_directory(str(MIGRATIONS))}
    assert len(effects) >= 3
    assert {name for name, effect in effects.items() if effect is Effect.FENCES} == {
        "0002_sealed_people",
        "0007_events",
        "0011_a_key_for_each_person",
    }
    assert {type(effect) for effect in effects.values()} == {Effect}


def test_after_a_migration_that_only_expands_this_version_goes_on_and_starts_again(
    url: DatabaseUrl, books: StoredBooks, tmp_path: Path
) -> None:
    card = books.bought()
    assert migrate_later(url, Effect.EXPANDS, tmp_path / "later") == [LATER]
    books.authorized(card, order())
    assert planned(url) == []
    assert migrate(url) == []
    require_schema(url)
    databases_of.require_unfenced(books.store._database)
    with closing(connect(url)) as other:
        books_on(other).bought(order_id="today")
    assert cards_of(url) == 2


def test_after_a_migration_that_fences_off_this_version_only_reads(
    url: DatabaseUrl, connection: Database, books: StoredBooks, tmp_path: Path
) -> None:
    card = books.bought()
    assert migrate_later(url, Effect.FENCES, tmp_path / "later") == [LATER]
    for _ in range(2):  # A refused transaction leaves a connection that can be used.
        with pytest.raises(FencedOffError, match=f"fenced off by {LATER}"):
            books.bought()
    with pytest.raises(FencedOffError):
        forget(connection, card.card_id)
    with pytest.raises(FencedOffError):
        databases_of.require_unfenced(connection)
    # The look leaves no transaction behind, which would block every writer.
    assert [databases_of.why_not_writable(url) for _ in range(2)] == [f"fenced off by {LATER}"] * 2
    with books.store.snapshot():
        assert connection.execute_sql("SELECT card_id FROM card").fetchall() == [(card.card_id,)]
    for start in (migrate, require_schema, planned):
        with pytest.raises(DatabaseRefusedError, match=REFUSED):
            start(url)
    assert cards_of(url) == 1


def test_a_fence_waits_for_the_transaction_that_is_writing(
    url: DatabaseUrl, books: StoredBooks, tmp_path: Path
) -> None:
    raised = threading.Event()
    with ThreadPoolExecutor(1) as threads:
        with books.store.transaction():
            fencing = threads.submit(
                migrate_later, url, Effect.FENCES, tmp_path / "later", lambda _: raised.set()
            )
            assert not raised.wait(0.5)
            assert not fencing.done()
        assert fencing.result() == [LATER]
    with pytest.raises(FencedOffError):
        books.bought()


def test_a_transaction_that_waits_for_a_fence_sees_it(
    url: DatabaseUrl, books: StoredBooks, tmp_path: Path
) -> None:
    raised, waited_for = threading.Event(), threading.Event()

    def hold(_database: Database) -> None:
        raised.set()
        assert waited_for.wait(10)

    with ThreadPoolExecutor(2) as threads:
        fencing = threads.submit(migrate_later, url, Effect.FENCES, tmp_path / "later", hold)
        assert raised.wait(10)
        writing = threads.submit(books.bought)
        if url.engine.has_one_writer:
            assert not writing.done()
        else:
            with closing(psycopg.connect(url.location, autocommit=True)) as watching:
                wait_until(lambda: watching.execute(WAITING).fetchone())
        waited_for.set()
        assert fencing.result() == [LATER]
        with pytest.raises(FencedOffError):
            writing.result()
    assert cards_of(url) == 0


@pytest.mark.parametrize("kind", [Kind.POSTGRESQL], indirect=True)
def test_a_migration_that_blocks_a_server_and_is_blocked_by_it_is_tried_again(
    url: DatabaseUrl, tmp_path: Path
) -> None:
    tries = list[None]()

    def lock_another_table(database: Database) -> None:
        tries.append(None)
        database.execute_sql("LOCK TABLE posting IN ACCESS EXCLUSIVE MODE")

    with (
        closing(psycopg.connect(url.location, autocommit=True)) as watching,
        closing(psycopg.connect(url.location)) as serving,
        ThreadPoolExecutor(1) as threads,
    ):
        # So that PostgreSQL ends the migration, and not the server's transaction.
        serving.execute("SET deadlock_timeout = '60s'")
        serving.execute("SELECT * FROM posting")
        migrating = threads.submit(
            migrate_later, url, Effect.EXPANDS, tmp_path / "later", lock_another_table
        )
        wait_until(lambda: watching.execute(WAITING).fetchone())
        serving.execute("SELECT * FROM card")
        serving.commit()
        assert migrating.result() == [LATER]
    assert len(tries) == 2


def test_a_fence_that_is_rolled_back_stops_nothing(
    url: DatabaseUrl, books: StoredBooks, tmp_path: Path
) -> None:
    def fail(_database: Database) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        migrate_later(url, Effect.FENCES, tmp_path / "later", fail)
    books.bought()
    assert cards_of(url) == 1


def test_what_writes_no_events_is_refused_as_by_a_standby(
    server_url: DatabaseUrl, served: Database
) -> None:
    # The first edition reads no fence; its sessions lack the setting of those of this version.
    served.execute_sql("SET giftcard.writes_events = ''")
    with pytest.raises(StorageAwayError, match="25006"):
        books_on(served).bought()
    with closing(connect(server_url)) as ours:
        books_on(ours).bought()
