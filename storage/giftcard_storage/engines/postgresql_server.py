"""A PostgreSQL server, as its URL names it: connections that give up in time.

A server that is away makes an error within seconds, never a caller that hangs.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final

import peewee

from giftcard_storage.errors import (
    DatabaseRefusedError,
    StorageAwayError,
    UnfitSessionError,
    translated,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from peewee import Database

    from giftcard_storage.engines.postgresql_connection import BoundedDatabase

# Settings of libpq, in seconds, the last in milliseconds. Those of the URL win.
_CONNECTING: Final = {
    "application_name": "giftcard",
    "target_session_attrs": "read-write",  # Of several hosts, the primary.
    "connect_timeout": "3",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}
# For a round trip of commands and of reads that look at few rows. A call that led a batch and one
# that waited for it still end within the 30 s that a call may take.
ROUND_TRIP_SECONDS: Final = 5.0
# Settings of the server for a session; times are in milliseconds.
SESSION: Final = {
    "synchronous_commit": "on",
    "statement_timeout": "10000",
    "lock_timeout": "1000",  # Shorter, as a replica holds a lock for one save and one commit.
    "idle_in_transaction_session_timeout": "10000",
    # Every statement of the hot path looks up by an index. Plans are cached, and a plan made
    # while a table was small would go on reading all of it.
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
    # Migration 0007 lets nothing change cards without it.
    "giftcard.writes_events": "on",
}
# The audit and overviews read everything, and may take long.
LOOKING_OVER: Final = SESSION | {
    "statement_timeout": "0",
    "enable_seqscan": "on",
    "enable_hashjoin": "on",
    "enable_mergejoin": "on",
}
# A slice of the audit is small beside its tables, so that reading one whole never pays.
WALKING: Final = SESSION | {"statement_timeout": "0"}
# The URLs whose sessions are known to stay with their client.
_WITH_OWN_SESSIONS: Final[set[str]] = set()


def shown(url: str) -> str:
    """Return a URL without what may be secret in it."""
    before, _, parameters = url.removeprefix("postgresql://").partition("?")
    user, at, hosts_and_name = before.rpartition("@")
    if not at and "@" in parameters:  # The question mark may be a part of the password.
        return "postgresql://..."
    return f"postgresql://{user.partition(':')[0]}{at}{hosts_and_name.partition('#')[0]}"


def name_of(rest: str) -> str:
    """Return the name of the database in the part of a URL after `postgresql://`.

    `urlsplit` would refuse a list of hosts, which libpq takes, on some versions of Python.
    """
    hosts_and_name = rest.partition("?")[0].rpartition("@")[2]
    return hosts_and_name.partition("/")[2]


def connect(
    url: str,
    session: dict[str, str] = SESSION,
    round_trip_seconds: float | None = ROUND_TRIP_SECONDS,
) -> Database:
    """Open a connection that any one thread at a time may use.

    Each of its round trips ends within `round_trip_seconds`, unless that is None.
    """
    try:
        parameters, settings = _parameters(url, session)
        from giftcard_storage.engines import postgresql_connection  # noqa: PLC0415 - needs psycopg

        database = postgresql_connection.BoundedDatabase(parameters, settings, round_trip_seconds)
        with translated():
            database.connect()
        if url not in _WITH_OWN_SESSIONS:
            _require_own_session(database)
            _WITH_OWN_SESSIONS.add(url)
    except peewee.ProgrammingError:
        # Without libpq's own text, which quotes what it does not understand.
        raise refused(url, "libpq does not understand its URL") from None
    except peewee.ImproperlyConfigured as error:
        why = "psycopg is missing: pip install 'psycopg[binary]>=3.3.9'"
        raise refused(url, why) from error
    except UnfitSessionError as error:
        raise refused(url, str(error)) from error
    return database


@contextlib.contextmanager
def opened(url: str, round_trip_seconds: float | None = ROUND_TRIP_SECONDS) -> Iterator[Database]:
    """Open a connection inside, and close it. Raises `DatabaseRefusedError` if that fails."""
    try:
        database = connect(url, round_trip_seconds=round_trip_seconds)
    except StorageAwayError as error:
        raise refused(url, f"it cannot be reached ({error})") from error
    try:
        with translated():
            yield database
    finally:
        database.close()


def _require_own_session(database: BoundedDatabase) -> None:
    try:
        with translated():
            database.require_own_session()
    except BaseException:
        database.close()
        raise


def _parameters(url: str, session: dict[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the parameters of a connection and the settings of its session.

    Both are the URL's, and our own where it has none.
    """
    try:
        from psycopg import ProgrammingError, conninfo  # noqa: PLC0415 - the extra `postgres` brings it

        from giftcard_storage.engines.postgresql_session import settings_of  # noqa: PLC0415 - likewise
    except ImportError as error:
        raise peewee.ImproperlyConfigured from error
    try:
        in_url = conninfo.conninfo_to_dict(url)
    except ProgrammingError as error:
        raise peewee.ProgrammingError from error
    settings, options = settings_of(str(in_url.pop("options", "")), session)
    return {**_CONNECTING, **in_url, **({"options": options} if options else {})}, settings


def refused(url: str, why: str) -> DatabaseRefusedError:
    """Return the error that names the database and why it is refused."""
    return DatabaseRefusedError(f"refusing the database {shown(url)}: {why}")
