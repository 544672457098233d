"""Whether a PostgreSQL server is one for money: what it acknowledges, and what its role may do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from peewee import Database

_LOSSY: Final = {"fsync": {"off"}, "synchronous_commit": {"off", "local"}}
_MAY_MAKE_ONE: Final = "SELECT has_database_privilege(current_database(), 'TEMPORARY')"
_NO_TEMPORARY_TABLES: Final = (
    "its role may make no temporary tables, by which a server finds out whether it can write:"
    " GRANT TEMPORARY ON DATABASE ... TO ..."
)
# Its own project mends nothing older since November 2026.
OLDEST_MENDED: Final = 15
_VERSION: Final = "SELECT current_setting('server_version_num')::int"
# Rows of other roles are there, too, with less in them.
_ASYNCHRONOUS: Final = """
    SELECT count(*) FROM pg_stat_replication
    WHERE current_setting('synchronous_standby_names') = ''
"""


def mistakes_of(database: Database) -> Iterator[str]:
    """Yield why no server may use it: what was answered could be lost, or is not noticed."""
    for setting, lossy in _LOSSY.items():
        (value,) = database.execute_sql(f"SHOW {setting}").fetchone()
        if value in lossy:
            yield f"its {setting} is {value}: a crash would lose what was paid"
    (may_make_one,) = database.execute_sql(_MAY_MAKE_ONE).fetchone()
    if not may_make_one:
        yield _NO_TEMPORARY_TABLES


def doubts_of(database: Database) -> Iterator[str]:
    """Yield what a server does not refuse, and its operator should know."""
    (number,) = database.execute_sql(_VERSION).fetchone()
    yield from version_doubts(number)
    (standbys,) = database.execute_sql(_ASYNCHRONOUS).fetchone()
    if standbys:
        yield (
            f"its {standbys} standbys are asynchronous: a failover can lose the last answered"
            " commands, unless synchronous_standby_names makes commits wait for one"
        )


def version_doubts(number: int) -> Iterator[str]:
    """Yield why its version, such as 150012, should not stay."""
    if number // 10_000 < OLDEST_MENDED:
        yield f"PostgreSQL {shown(number)} gets no more fixes: upgrade it"


def version_of(database: Database) -> str:
    """Return its version, such as 18.6."""
    (number,) = database.execute_sql(_VERSION).fetchone()
    return shown(number)


def shown(number: int) -> str:
    """Return a version for people: 15.12 for 150012."""
    return f"{number // 10_000}.{number % 10_000}"
