"""PostgreSQL, through psycopg: connections that give up in time, and a schema of the right age.

A server that is away makes an error within seconds, never a caller that hangs. Durability is
the server's: one that acknowledges before it has written is refused.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final

import peewee
from peewee import PostgresqlDatabase

from giftcard_storage.errors import DatabaseRefusedError, StorageAwayError, translated
from giftcard_storage.versions import RingNeededError, lacking, newer, status, up

if TYPE_CHECKING:
    from collections.abc import Iterator

    from peewee import Database

    from giftcard_rules.codes import KeyRing

# libpq's, in seconds but the last, which is in milliseconds. What the URL says wins.
_CONNECTING: Final = {
    "application_name": "giftcard",
    "target_session_attrs": "read-write",  # Of several hosts, the primary.
    "connect_timeout": "3",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}
# The server's, in milliseconds where they are times.
_SESSION: Final = {
    "synchronous_commit": "on",
    "statement_timeout": "10000",
    "lock_timeout": "1000",  # Sooner: another replica holds it for one save and one commit.
    "idle_in_transaction_session_timeout": "10000",
    # Every statement of the hot path looks up by an index. Plans are kept, and one that was
    # made while a table was small would read all of it for good.
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
}
# Auditing and looking over all cards read everything, and take their time.
_LOOKING_OVER: Final = _SESSION | {
    "statement_timeout": "0",
    "enable_seqscan": "on",
    "enable_hashjoin": "on",
    "enable_mergejoin": "on",
}
_LOSSY: Final = {"fsync": {"off"}, "synchronous_commit": {"off", "local"}}
# Any number that no other program on this database uses: "gct1".
_MIGRATING: Final = 0x67_63_74_31
_MIGRATING_SECONDS: Final = 60
_TABLES: Final = "SELECT 1 FROM information_schema.tables WHERE table_schema = current_schema()"


class _Postgresql(PostgresqlDatabase):
    def rollback(self) -> None:
        """Roll back through psycopg, which then prepares its statements anew.

        Where a pipeline fails, it takes the statements behind the failure for prepared, and a
        ROLLBACK that it is not asked for itself leaves it in that belief for good.
        """
        if not self.is_closed():
            PostgresqlDatabase.connection(self).rollback()


def shown(url: str) -> str:
    """Return a URL without what may be secret in it."""
    told, _, parameters = url.removeprefix("postgresql://").partition("?")
    user, at, hosts_and_name = told.rpartition("@")
    if not at and "@" in parameters:  # Is the question mark one of the password's?
        return "postgresql://..."
    return f"postgresql://{user.partition(':')[0]}{at}{hosts_and_name.partition('#')[0]}"


def name_of(rest: str) -> str:
    """Return the name of the database from what follows on `postgresql://`.

    Not by `urlsplit`: a list of hosts is libpq's own, and some versions of Python refuse it.
    """
    hosts_and_name = rest.partition("?")[0].rpartition("@")[2]
    return hosts_and_name.partition("/")[2]


def connect(url: str, session: dict[str, str] = _SESSION) -> Database:
    """Open a connection that any one thread at a time may use, and that opens itself again."""
    try:
        database: Database = _Postgresql(
            **_parameters(url, session), prefer_psycopg3=True, thread_safe=False
        )
        with translated():
            database.connect()
    except peewee.ProgrammingError:
        # With no word of libpq's, which quotes what it does not understand.
        raise _refused(url, "libpq does not understand its URL") from None
    except peewee.ImproperlyConfigured as error:
        why = "psycopg is missing: install giftcard-tender[server,postgres]"
        raise _refused(url, why) from error
    return database


def connect_to_look_over(url: str) -> Database:
    """Open a connection for statements that read whole tables."""
    return connect(url, _LOOKING_OVER)


def migrate(url: str, ring: KeyRing | None) -> list[str]:
    """Bring the database to this code's schema, and return by what. One at a time, everywhere.

    Raises `DatabaseRefusedError`, and changes nothing, where another program's tables are in
    it, it was made by a newer version, it needs a ring, or it cannot be reached.
    """
    with _opened(url) as database:
        try:
            with translated():
                database.execute_sql(f"SET lock_timeout = '{_MIGRATING_SECONDS}s'")
                database.execute_sql("SET statement_timeout = 0")
                # Held by the session, so that it ends with it whatever happens.
                database.execute_sql("SELECT pg_advisory_lock(%s)", (_MIGRATING,))
        except StorageAwayError as error:
            why = f"somebody else has been migrating it for {_MIGRATING_SECONDS} seconds"
            raise _refused(url, why) from error
        migrations = status(database)
        has_history = any(migration.applied for migration in migrations)
        if not has_history and database.execute_sql(_TABLES).fetchone():
            raise _refused(url, "there are tables of another program in it")
        _require(url, newer(migrations))
        try:
            return up(database, ring)
        except RingNeededError as error:
            raise _refused(url, str(error)) from error


def require_schema(url: str) -> None:
    """Raise `DatabaseRefusedError` unless the schema is this code's, and commits are durable."""
    with _opened(url) as database:
        migrations = status(database)
        _require(url, newer(migrations) or lacking(migrations))
        for setting, lossy in _LOSSY.items():
            (value,) = database.execute_sql(f"SHOW {setting}").fetchone()
            if value in lossy:
                raise _refused(url, f"its {setting} is {value}: a crash would lose what was paid")


@contextlib.contextmanager
def _opened(url: str) -> Iterator[Database]:
    try:
        database = connect(url)
    except StorageAwayError as error:
        raise _refused(url, f"it cannot be reached ({error})") from error
    try:
        with translated():
            yield database
    finally:
        database.close()


def _parameters(url: str, session: dict[str, str]) -> dict[str, Any]:
    """Return what libpq is told: what the URL says, and what is ours where it is silent."""
    try:
        from psycopg import ProgrammingError, conninfo  # noqa: PLC0415 - the extra `postgres` brings it
    except ImportError as error:
        raise peewee.ImproperlyConfigured from error
    try:
        told = conninfo.conninfo_to_dict(url)
    except ProgrammingError as error:
        raise peewee.ProgrammingError from error
    options = [f"-c {name}={value}" for name, value in session.items()]
    # The later ones win, setting by setting.
    every = " ".join([*options, str(told.pop("options", ""))])
    parameters = {**_CONNECTING, **told, "options": every}
    return {"database": parameters.pop("dbname"), **parameters}


def _require(url: str, why: str) -> None:
    if why:
        raise _refused(url, why)


def _refused(url: str, why: str) -> DatabaseRefusedError:
    return DatabaseRefusedError(f"refusing the database {shown(url)}: {why}")
