"""pgbouncer before PostgreSQL: by its defaults it serves us, and in other modes it is refused."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any, Final
from urllib.parse import quote

import psycopg
import pytest
from peewee import Database

from giftcard_storage.audit import audit
from giftcard_storage.database import (
    DatabaseUrl,
    connect,
    connect_to_look_over,
    migrate,
    require_schema,
)
from giftcard_storage.errors import DatabaseRefusedError
from given.databases.pgbouncer_process import PgbouncerProcess
from given.databases.postgresql_process import PostgresqlProcess
from given.databases.stored_books import books_on
from given.made_facts import order
from given.waiting import wait_until

pytestmark = pytest.mark.slow  # It needs Debian's package.

DEFAULTS: Final[dict[str, str]] = {}
IGNORING: Final = {"ignore_startup_parameters": "options"}
POOL_MODE: Final = "pool_mode = session"


@contextmanager
def pooled(postgresql: PostgresqlProcess, settings: dict[str, str]) -> Iterator[DatabaseUrl]:
    """Lend a database of its own, by way of pgbouncer."""
    url = postgresql.new_database()
    with PgbouncerProcess(postgresql, **settings) as pgbouncer:
        yield DatabaseUrl.parse(pgbouncer.through(url))
    postgresql.drop(url)


def setting(database: Database, name: str) -> str:
    (value,) = database.execute_sql(f"SHOW {name}").fetchone()
    return str(value)


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param(DEFAULTS, id="defaults"),
        pytest.param(IGNORING, id="ignoring what comes with a connection"),
    ],
)
def test_sessions_of_a_pooler_have_our_settings_and_serve_us(
    postgresql: PostgresqlProcess, settings: dict[str, str]
) -> None:
    with pooled(postgresql, settings) as url:
        require_schema(url)
        assert migrate(url) == []
        with closing(connect(url)) as one, closing(connect(url)) as other:
            for database in (one, other):
                assert setting(database, "statement_timeout") == "10s"
                assert setting(database, "lock_timeout") == "1s"
                assert setting(database, "idle_in_transaction_session_timeout") == "10s"
                assert setting(database, "synchronous_commit") == "on"
                assert setting(database, "enable_seqscan") == "off"
            # Often enough for the driver to prepare the statements.
            for number in range(12):
                for each, database in enumerate((one, other)):
                    books = books_on(database)
                    wanted = order(order_id=f"{number} of {each}")
                    books.captured(books.authorized(books.bought(), wanted))
            assert audit(one) == []
        with closing(connect_to_look_over(url)) as looking:
            assert setting(looking, "statement_timeout") == "0"
            assert setting(looking, "enable_seqscan") == "on"


def test_what_the_url_says_of_our_settings_holds_behind_a_pooler(
    postgresql: PostgresqlProcess,
) -> None:
    with pooled(postgresql, DEFAULTS) as url:
        options = quote("-c lock_timeout=250 --statement-timeout=3s")
        wanted = DatabaseUrl.parse(f"{url.location}?options={options}")
        with closing(connect(wanted)) as database:
            assert setting(database, "lock_timeout") == "250ms"
            assert setting(database, "statement_timeout") == "3s"
            assert setting(database, "idle_in_transaction_session_timeout") == "10s"


def opened(url: DatabaseUrl) -> Any:
    return closing(connect(url))


@pytest.mark.parametrize("pool_mode", ["transaction", "statement"])
@pytest.mark.parametrize("ignoring", [DEFAULTS, IGNORING], ids=["defaults", "ignoring"])
@pytest.mark.parametrize("open_it", [migrate, require_schema, opened])
def test_a_pooler_that_lends_sessions_for_less_is_refused_by_name(
    postgresql: PostgresqlProcess,
    pool_mode: str,
    ignoring: dict[str, str],
    open_it: Callable[[DatabaseUrl], object],
) -> None:
    with (
        pooled(postgresql, {"pool_mode": pool_mode, **ignoring}) as url,
        pytest.raises(DatabaseRefusedError) as error,
    ):
        open_it(url)
    assert POOL_MODE in str(error.value)
    assert str(url) in str(error.value)


def test_a_pooler_with_busy_sessions_is_found_out_as_well(postgresql: PostgresqlProcess) -> None:
    settings = {"pool_mode": "transaction", "server_round_robin": "1", **IGNORING}
    with (
        pooled(postgresql, settings) as url,
        psycopg.connect(url.location, autocommit=True) as idle,
        psycopg.connect(url.location) as busy,
    ):
        busy.execute("SELECT 1")  # In a transaction that stays open.
        idle.execute("SELECT 1")
        with pytest.raises(DatabaseRefusedError, match=POOL_MODE):
            connect(url)


def test_a_pooler_in_transaction_mode_is_found_out_each_time(postgresql: PostgresqlProcess) -> None:
    # Each statement of an idle client goes to another session, one of which has our settings.
    settings = {"pool_mode": "transaction", "server_round_robin": "1", **IGNORING}
    with pooled(postgresql, settings) as url:
        for _ in range(6):
            with pytest.raises(DatabaseRefusedError, match=POOL_MODE):
                connect(url)


def process_of(connection: "psycopg.Connection[Any]") -> int:
    (found,) = connection.execute("SELECT pg_backend_pid()").fetchone() or (0,)
    return int(found)


def test_the_session_of_another_program_behind_the_pooler_is_never_ended(
    postgresql: PostgresqlProcess,
) -> None:
    with (
        pooled(postgresql, DEFAULTS) as url,
        closing(connect(url)) as ours,
        ExitStack() as others,
    ):
        database: Any = ours
        former = process_of(database.connection())
        database.connection().close()  # As if the line to the pooler had been cut.
        is_free = "SELECT 1 FROM pg_stat_activity WHERE pid = %s::int AND query = 'DISCARD ALL'"
        wait_until(lambda: postgresql.run(is_free, str(former)))

        def borrowed() -> bool:
            """Connect once more, and return whether that is lent the session that was ours."""
            lent.append(others.enter_context(psycopg.connect(url.location, autocommit=True)))
            return process_of(lent[-1]) == former

        lent: list[psycopg.Connection[Any]] = []
        wait_until(borrowed)
        database._state.reset()  # It opens itself again.
        ours.connect()
        assert process_of(lent[-1]) == former != process_of(database.connection())
