"""The sessions of our connections to PostgreSQL: their settings, and that they are not shared.

Settings are made by statements and read back, since poolers refuse or ignore settings that come
with a connection. A pooler that lends a session for one transaction at a time is detected.
"""

from __future__ import annotations

import re
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from psycopg import Error, OperationalError, errors

from giftcard_storage.errors import UnfitSessionError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from giftcard_storage.engines.postgresql_connection import BoundedConnection

_SET: Final = """
    SELECT name, set_config(name, value, false)
    FROM unnest(%s::text[], %s::text[]) AS wanted (name, value)
"""
_SHOW: Final = "SELECT name, current_setting(name) FROM unnest(%s::text[]) AS wanted (name)"
_WHICH: Final = """
    SELECT pid, backend_start::text FROM pg_stat_activity WHERE pid = pg_backend_pid()
"""
_END: Final = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE pid = %s AND backend_start::text = %s
"""
# With turns among several sessions, two answers in a row may happen to be the same.
_ASKED_TIMES: Final = 5
# A word of libpq's `options`: blanks end it, unless a backslash comes before.
_WORD: Final = re.compile(r"(?:\\.|[^\\\s])+", re.DOTALL)
_IS_POOLED: Final = (
    "a pooler in front of it lends a session for one transaction at a time; it has to lend it for"
    " as long as its client is connected (pgbouncer: pool_mode = session)"
)


class Session(NamedTuple):
    """A session of PostgreSQL. Both values identify it, as process ids are used again."""

    process_id: int
    began: str


def settings_of(options: str, ours: Mapping[str, str]) -> tuple[dict[str, str], str]:
    """Return our settings, with values from the `options` of a URL, and the rest of the options."""
    settings, left = dict(ours), []
    words = iter(_WORD.findall(options))
    for word in words:
        raw = f"-c{next(words, '')}" if word == "-c" else word
        name, is_setting, value = raw.removeprefix("-c").removeprefix("--").partition("=")
        name = name.replace("-", "_").lower()
        if is_setting and raw.startswith("-") and name in settings:
            settings[name] = re.sub(r"\\(.)", r"\1", value, flags=re.DOTALL)
        else:
            left.append(raw)
    return settings, " ".join(left)


def begin(
    connection: BoundedConnection, settings: Mapping[str, str], former: Session | None
) -> Session:
    """Make a session's settings, end the `former` one if it is still there, and say which it is.

    The client of the former session has given it up. The server may not know that, and the session
    may hold locks, or wait for a standby. Where there is a pooler, that ends it. Raises
    `UnfitSessionError`.
    """
    names, values = list(settings), list(settings.values())
    try:
        made = connection.execute(_SET, (names, values)).fetchall()
    except OperationalError:
        raise
    except Error as error:
        message = "it does not take a setting in the options of its URL"
        raise UnfitSessionError(message) from error
    if connection.execute(_SHOW, (names,)).fetchall() != made:
        raise UnfitSessionError(_IS_POOLED)
    own = _which(connection)
    # Behind a pooler, it may serve another program by now.
    if former is not None and _is_direct(connection, own):
        with suppress(errors.InsufficientPrivilege):
            connection.execute(_END, former)
    return own


def require_own(
    connection: BoundedConnection, own: Session, another: Callable[[], BoundedConnection]
) -> None:
    """Raise `UnfitSessionError` where a connection does not stay in its `own` session.

    A pooler in transaction mode gives the session of an idle client to the next client that needs
    one, and to each statement of that client the session that comes first.
    """
    if _is_direct(connection, own):
        return
    with closing(another()) as other:
        try:
            is_ours = _stays_in(connection, own)
            other.execute("BEGIN")
            is_ours = is_ours and _which(other) != own and _stays_in(connection, own)
            other.execute("ROLLBACK")
        except errors.ProtocolViolation as error:  # It lends sessions for one statement.
            raise UnfitSessionError(_IS_POOLED) from error
    if not is_ours:
        raise UnfitSessionError(_IS_POOLED)


def _stays_in(connection: BoundedConnection, own: Session) -> bool:
    return all(_which(connection) == own for _ in range(_ASKED_TIMES))


def _is_direct(connection: BoundedConnection, own: Session) -> bool:
    """Return whether there is no pooler. Without one, libpq was told the process of the session."""
    return own.process_id == connection.info.backend_pid


def _which(connection: BoundedConnection) -> Session:
    # Not prepared: a pooler would find the statement in one of the sessions that it lends.
    found: Any = connection.execute(_WHICH, prepare=False).fetchone()
    return Session(*found)
