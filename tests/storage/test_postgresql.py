"""PostgreSQL alone: its URLs, its migrations, and the servers that are refused."""

import socket
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest

from giftcard_storage.database import (
    DatabaseUrl,
    connect,
    migrate,
    require_schema,
    why_not_writable,
)
from giftcard_storage.engines import POSTGRESQL, postgresql_server
from giftcard_storage.errors import DatabaseRefusedError
from giftcard_storage.versions import MIGRATIONS
from given.databases.postgresql_process import PASSWORD, USER, PostgresqlProcess
from given.databases.stored_books import books_on

STARTING_AT_ONCE = 8
EVERY_MIGRATION = sorted(path.stem for path in MIGRATIONS.glob("[0-9]*.py"))
# So long that a refusal within it was no timeout, however busy this machine is.
PATIENCE_SECONDS = 60


@pytest.fixture
def empty(postgresql: PostgresqlProcess) -> DatabaseUrl:
    """A database of PostgreSQL with nothing in it."""
    return DatabaseUrl.parse(postgresql.new_database(migrated=False))


@pytest.fixture
def own(postgresql: PostgresqlProcess) -> DatabaseUrl:
    """A database of PostgreSQL whose schema no other test needs."""
    return DatabaseUrl.parse(postgresql.new_database())


def run(url: DatabaseUrl, *statements: str) -> None:
    with closing(psycopg.connect(url.location, autocommit=True)) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def refused(url: DatabaseUrl, open_it: Callable[[DatabaseUrl], object] = migrate) -> str:
    """Return why a database is refused; check that the text names it without its password."""
    with pytest.raises(DatabaseRefusedError) as error:
        open_it(url)
    why = str(error.value)
    assert f"{url}: " in why
    assert "secret" not in why
    password = urlsplit(url.location).password
    assert password is not None
    assert [text for text in texts_of(error.value) if password in text] == []
    return why


def texts_of(error: BaseException) -> list[str]:
    """Return the texts that a traceback shows of an error, and of the errors that led to it."""
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return [str(error), *(texts_of(before) if before else [])]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://db/books", "postgresql://db/books"),
        ("postgres://db/books", "postgresql://db/books"),
        ("postgresql://giftcard@db:5433/books", "postgresql://giftcard@db:5433/books"),
        ("postgresql://giftcard:secret@db/books", "postgresql://giftcard@db/books"),
        ("postgresql://giftcard:se@cret:@db/books", "postgresql://giftcard@db/books"),
        ("postgresql://giftcard:secret/@db/books", "postgresql://giftcard@db/books"),
        ("postgresql://giftcard:[secret]@db/books", "postgresql://giftcard@db/books"),
        ("postgresql://giftcard:secret\N{ACCOUNT OF}@db/books", "postgresql://giftcard@db/books"),
        ("postgresql://giftcard:a/b?secret@db/books", "postgresql://..."),
        ("postgresql://:secret@db/books", "postgresql://@db/books"),
        ("postgresql://db/books?password=secret&sslmode=require", "postgresql://db/books"),
        ("postgresql://db/books#secret", "postgresql://db/books"),
        ("postgresql://u:secret@a:1,b:2,[::1]:3/books", "postgresql://u@a:1,b:2,[::1]:3/books"),
        ("postgresql:///books?host=/run/postgresql", "postgresql:///books"),
    ],
)
def test_a_url_of_a_server_is_shown_without_its_secrets(text: str, shown: str) -> None:
    url = DatabaseUrl.parse(text)
    assert url.engine is POSTGRESQL
    assert str(url) == shown
    assert "secret" not in repr(url)
    assert url.location.endswith(text.removeprefix("postgresql").removeprefix("postgres"))


@pytest.mark.parametrize(
    "text",
    [
        "postgresql:",
        "postgresql://",
        "postgresql://db",
        "postgresql://giftcard:secret@db/",
        "postgresql://giftcard:secret@db?sslmode=require",
        "postgresql://giftcard:secret?@db/books",
        "postgresql+psycopg://giftcard:secret@db/books",
        "mysql://giftcard:secret@db/books",
    ],
)
def test_the_error_of_a_wrong_url_has_no_secrets(text: str) -> None:
    with pytest.raises(ValueError, match="postgresql://user@host/database") as error:
        DatabaseUrl.parse(text)
    assert [text for text in texts_of(error.value) if "secret" in text] == []


def test_of_many_processes_that_migrate_at_once_one_makes_the_tables(
    empty: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(postgresql_server._CONNECTING, "connect_timeout", str(PATIENCE_SECONDS))
    with ThreadPoolExecutor(STARTING_AT_ONCE) as threads:
        made = list(threads.map(migrate, [empty] * STARTING_AT_ONCE))
    assert sorted(made) == [*[[]] * (STARTING_AT_ONCE - 1), EVERY_MIGRATION]
    require_schema(empty)


def test_migrating_again_keeps_everything(own: DatabaseUrl, postgresql: PostgresqlProcess) -> None:
    with closing(connect(own)) as connection:
        books_on(connection).bought()
    before = postgresql.dump(own.location)
    assert migrate(own) == []
    assert postgresql.dump(own.location) == before


def test_the_database_of_another_program_is_refused(
    empty: DatabaseUrl, postgresql: PostgresqlProcess
) -> None:
    run(empty, "CREATE TABLE theirs (id int)", "INSERT INTO theirs VALUES (7)")
    before = postgresql.dump(empty.location)
    assert "tables of another program" in refused(empty)
    assert postgresql.dump(empty.location) == before


def test_tables_in_another_schema_are_ignored(empty: DatabaseUrl) -> None:
    run(empty, "CREATE SCHEMA theirs", "CREATE TABLE theirs.card (id int)")
    assert migrate(empty) == EVERY_MIGRATION


def test_a_database_of_a_newer_version_is_refused(
    own: DatabaseUrl, postgresql: PostgresqlProcess
) -> None:
    run(
        own,
        "INSERT INTO schema_migration (name, applied) VALUES ('0099_later', now())",
        "INSERT INTO schema_fence VALUES ('0099_later')",
    )
    before = postgresql.dump(own.location)
    for open_it in (migrate, require_schema):
        why = refused(own, open_it)
        assert "newer version" in why
        assert "0099_later" in why
    assert postgresql.dump(own.location) == before


def test_a_database_that_was_not_migrated_is_refused(empty: DatabaseUrl) -> None:
    why = refused(empty, require_schema)
    assert "0001_cards" in why
    assert "giftcard migrate" in why
    with closing(connect(empty)) as connection:
        assert connection.get_tables() == []


@pytest.mark.parametrize(
    ("setting", "is_refused"),
    [
        ("synchronous_commit=off", True),
        ("synchronous_commit=local", True),
        ("synchronous_commit=on", False),
        ("synchronous_commit=remote_write", False),
        ("synchronous_commit=remote_apply", False),
    ],
)
def test_sessions_that_are_not_durable_are_refused(
    server_url: DatabaseUrl, setting: str, *, is_refused: bool
) -> None:
    url = DatabaseUrl.parse(f"{server_url.location}?options=-c%20{setting.replace('=', '%3D')}")
    if is_refused:
        assert "its synchronous_commit is" in refused(url, require_schema)
    else:
        require_schema(url)


def test_a_server_that_is_not_durable_is_refused() -> None:
    with PostgresqlProcess(fsync="off") as careless:
        url = DatabaseUrl.parse(careless.new_database())
        assert "its fsync is off" in refused(url, require_schema)


@pytest.mark.parametrize(
    ("what", "instead", "why"),
    [
        (PASSWORD, "not-the-secret", "cannot be reached"),
        (PASSWORD, "not%2dthe%2dsecret", "cannot be reached"),
        ("giftcard:", "stranger:", "cannot be reached"),
        ("{database}", "no_such_database", "cannot be reached"),
        ("{port}", "1", "cannot be reached"),
        ("127.0.0.1", "no-such-host.invalid", "cannot be reached"),
        ("{port}", "not-a-port", "cannot be reached"),
        ("{port}", "99999999", "cannot be reached"),
        (PASSWORD, "sec%zzret", "does not understand its URL"),
        ("{database}", "{database}?secret=1", "does not understand its URL"),
        ("{database}", "{database}?sslmode=secret", "cannot be reached"),
        ("{database}", "{database}?options=-c%20secret%3D1", "cannot be reached"),
    ],
)
def test_a_server_that_cannot_be_used_is_refused_at_once(
    server_url: DatabaseUrl,
    postgresql: PostgresqlProcess,
    monkeypatch: pytest.MonkeyPatch,
    what: str,
    instead: str,
    why: str,
) -> None:
    monkeypatch.setitem(postgresql_server._CONNECTING, "connect_timeout", str(PATIENCE_SECONDS))
    places = {
        "database": server_url.location.rpartition("/")[2],
        "port": postgresql.port,
    }
    text = server_url.location.replace(what.format(**places), instead.format(**places))
    assert text != server_url.location
    url = DatabaseUrl.parse(text)
    started = time.monotonic()
    assert why in refused(url)
    assert why in refused(url, require_schema)
    assert time.monotonic() - started < PATIENCE_SECONDS


def test_a_server_that_never_answers_is_given_up() -> None:
    assert int(postgresql_server._CONNECTING["connect_timeout"]) < 5
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://giftcard:secret@127.0.0.1:{silent.getsockname()[1]}/books"
        started = time.monotonic()
        assert "cannot be reached" in refused(DatabaseUrl.parse(url))
    assert time.monotonic() - started < PATIENCE_SECONDS


def test_of_several_hosts_the_one_that_answers_is_used(server_url: DatabaseUrl) -> None:
    text = server_url.location.replace("@127.0.0.1", "@127.0.0.1:1,127.0.0.1")
    url = DatabaseUrl.parse(text)
    require_schema(url)
    with closing(connect(url)) as connection:
        assert books_on(connection).bought().version == 1


def test_the_error_of_a_missing_psycopg_says_what_to_install(
    server_url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    for open_it in (migrate, require_schema, connect):
        assert "pip install 'psycopg[binary]>=3.3.9'" in refused(server_url, open_it)


def test_a_role_that_may_make_no_temporary_tables_is_refused(own: DatabaseUrl) -> None:
    name, role = own.location.rpartition("/")[2], f"limited_{uuid4().hex}"
    run(
        own,
        f"REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC",
        f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
    )
    limited = DatabaseUrl.parse(own.location.replace(f"//{USER}:", f"//{role}:"))
    assert "GRANT TEMPORARY" in refused(limited, require_schema)
    # It may have lost the right since it started: then it says so where it finds out.
    assert "lacks a right" in str(why_not_writable(limited))
    run(own, f"GRANT TEMPORARY ON DATABASE {name} TO {role}")
    require_schema(limited)
    assert why_not_writable(limited) == ""
