"""A database on a PostgreSQL server, which any number of our servers may share.

The PostgreSQL server is responsible for durability; one that acknowledges a commit before
it has written it is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from peewee import SQL, Database, Field, Function, PostgresqlDatabase, ProgrammingError, Value, fn

from giftcard_storage.engines.engine import (
    Engine,
    Inspection,
    Selection,
    card_is_in,
    json_of,
    parameter,
)
from giftcard_storage.engines.postgresql_fitness import doubts_of, mistakes_of, version_of
from giftcard_storage.engines.postgresql_server import (
    LOOKING_OVER,
    WALKING,
    connect,
    name_of,
    opened,
    refused,
    shown,
)
from giftcard_storage.errors import StaleError, StorageAwayError, code_of, translated
from giftcard_storage.schema import TABLES, ClockMark, SchemaFence
from giftcard_storage.versions import (
    FENCES,
    RingNeededError,
    lacking,
    newer,
    planned,
    require_unfenced,
    status,
    up,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from typing import Any

    from playhouse.migrations import Migration

    from giftcard_rules.codes import KeyRing
    from giftcard_storage.engines.engine import Saving
    from giftcard_storage.rows import Found, Row
    from giftcard_storage.versions import Planned

# The number of the lock; any that no other program on the database uses: "gct1".
_MIGRATING: Final = 0x67_63_74_31
_MIGRATING_SECONDS: Final = 60
_TABLES: Final = "SELECT 1 FROM information_schema.tables WHERE table_schema = current_schema()"
_TIME: Final = "SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::bigint"
# In one round trip, which takes statements that are not prepared.
_BEGIN_WRITING: Final = (
    "BEGIN ISOLATION LEVEL REPEATABLE READ;"
    f" LOCK TABLE schema_fence IN ROW EXCLUSIVE MODE; {FENCES}"
)
_BEGIN_READING: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_WRITTEN_BY_COMMANDS: Final = [
    f'"{table._meta.table_name}"'  # noqa: SLF001 - Peewee's own name for it
    for table in TABLES
    if table not in {ClockMark, SchemaFence}
]
# Room for a page is what a full disk lacks first. The table is gone with its transaction.
_A_PAGE: Final = "CREATE TEMPORARY TABLE giftcard_page ON COMMIT DROP AS SELECT repeat('-', 4096)"
# Commands lock tables like that too. Only a lock of a whole table stands against it, none of a row.
_NOBODY_HAS_LOCKED_A_TABLE: Final = (
    f"LOCK TABLE {', '.join(_WRITTEN_BY_COMMANDS)} IN ROW EXCLUSIVE MODE NOWAIT"
)
_IN_WORDS: Final = {
    "53100": "the disk is full",
    "25006": "the server is a standby",
    "42501": "its role lacks a right",
    "55P03": "another program has locked a table",
}
# How a value comes out of JSON, by the type of its column.
_FROM_JSON: Final = {
    "TEXT": "(saved.value->>{place})",
    "BIGINT": "(saved.value->>{place})::bigint",
    "BOOL": "(saved.value->>{place})::boolean",
    "BLOB": "decode(saved.value->>{place}, 'hex')",
}
# A transactional message is a record in the log and in no table. To have a transaction id would
# not be enough: a commit that wrote nothing waits for no flush. Without standbys to wait for
# there is nothing to do, as this server flushes a commit before any other session can see it.
_WRITE_TO_LOG: Final = """
    SELECT pg_logical_emit_message(true, 'giftcard', '')
    WHERE current_setting('synchronous_standby_names') <> ''
"""
_BE_IMPATIENT: Final = "SET LOCAL lock_timeout = '100ms'"


class Postgresql(Engine):
    """PostgreSQL, through psycopg. A location is a whole URL, as libpq takes it.

    Statements that belong together go in one round trip.
    """

    has_one_writer = False
    is_migrated_by_command = True
    needs_given_keys = True
    may_have_files_beside = False
    needs_checkpoints = False
    compiler = PostgresqlDatabase(None, prefer_psycopg3=True)

    def location_of(self, rest: str) -> str:
        """Return the URL again; empty where it names no database."""
        return f"postgresql://{rest}" if name_of(rest) else ""

    def shown(self, location: str) -> str:
        """Return the URL without its password and its parameters."""
        return shown(location)

    def connect(self, location: str) -> Database:
        """Open a connection that opens itself again once it was cut."""
        return connect(location)

    def connect_to_look_over(
        self, location: str, within_seconds: float | None, *, by_keys: bool = False
    ) -> Database:
        """Open a connection whose statements may take long, and mostly read whole tables."""
        return connect(location, WALKING if by_keys else LOOKING_OVER, within_seconds)

    def is_to_be_made(self, location: str) -> bool:  # noqa: ARG002 - as the other engine's
        """Return False: the server's operator makes the database."""
        return False

    def migrate(
        self, location: str, ring: KeyRing | None, announce: Callable[[Planned], object]
    ) -> list[str]:
        """Bring the database to this code's schema, one process at a time."""
        with opened(location, round_trip_seconds=None) as database:
            try:
                with translated():
                    database.execute_sql(f"SET lock_timeout = '{_MIGRATING_SECONDS}s'")
                    database.execute_sql("SET statement_timeout = 0")
                    # The session holds the lock, so that it ends with the session.
                    database.execute_sql("SELECT pg_advisory_lock(%s)", (_MIGRATING,))
            except StorageAwayError as error:
                why = f"another process has been migrating it for {_MIGRATING_SECONDS} seconds"
                raise refused(location, why) from error
            _migrations_of_ours(location, database)
            try:
                return up(database, ring, announce)
            except RingNeededError as error:
                raise refused(location, str(error)) from error
            except StaleError as error:
                why = "running servers were in the way each time: try again with fewer calls"
                raise refused(location, why) from error

    def planned(self, location: str) -> list[Planned]:
        """Return what `migrate` would run now."""
        with opened(location) as database:
            return planned(_migrations_of_ours(location, database))

    def require_schema(self, location: str) -> None:
        """Raise `DatabaseRefusedError` unless the schema fits, and commits are durable."""
        with opened(location) as database:
            migrations = status(database)
            _require(location, newer(database, migrations) or lacking(migrations))
            _require(location, "; ".join(mistakes_of(database)))

    def inspect(self, location: str) -> Inspection:
        """Look at its settings and its role, as a start does, and at what it warns of."""
        with opened(location) as database:
            mistakes, doubts = [*mistakes_of(database)], [*doubts_of(database)]
            return Inspection(f"PostgreSQL {version_of(database)}", mistakes, doubts)

    def has_cards(self, location: str) -> bool:
        """Return whether there are cards; none where there is no table for them."""
        with opened(location) as database:
            return card_is_in(database)

    def checkpoint(self, database: Database) -> None:
        """Leave it to the server, which does so by itself."""

    def servers_time(self, database: Database) -> int:
        """Return what its clock says now, not when a transaction began."""
        (at,) = database.execute_sql(_TIME).fetchone()
        return int(at)

    def wait_for_nobody(self, database: Database) -> None:
        """Do nothing: `write_a_page` says so itself."""

    def write_a_page(self, database: Database) -> None:
        """Write a page of a table that is gone with its transaction."""
        try:
            database.execute_sql(_NOBODY_HAS_LOCKED_A_TABLE)
            database.execute_sql(_A_PAGE)
        except ProgrammingError as error:  # It lacks a right that it had when it started.
            raise StorageAwayError(code_of(error)) from error

    def why_not_written(self, error: StorageAwayError) -> str | None:
        """Say it in words."""
        code = str(error)
        return _IN_WORDS.get(code, f"PostgreSQL says {code}")

    def why_too_full(self, database: Database) -> str:  # noqa: ARG002 - as the other engine's
        """Return nothing: its disk is out of sight."""
        return ""

    def begin_writing(self, database: Database, *, is_patient: bool = True) -> None:
        """See one state throughout; updating a row that was changed since then fails.

        The lock comes before the transaction's state of the database is settled, and no fence
        is committed while it is held. So a fence that was committed is seen.
        """
        cursor = _begin(database, _BEGIN_WRITING)
        while cursor.nextset():
            pass
        require_unfenced(cursor.fetchall())
        if not is_patient:
            database.cursor().execute(_BE_IMPATIENT)

    def wait_like_a_write(self, database: Database) -> None:
        """Write to the log, so that COMMIT waits for the standbys that commits have to wait for.

        The log has one order: what was committed before is then on these standbys too.
        """
        database.cursor().execute(_WRITE_TO_LOG)

    def begin_reading(self, database: Database, *, durably: bool = False) -> None:
        """See one state throughout. Where a commit waits for standbys, a durable read does too.

        It writes to the log before it reads, in the same round trip: its commit is in the log
        behind all that it can see, wherever its own message is.
        """
        _begin(database, f"{_BEGIN_READING};{_WRITE_TO_LOG}" if durably else _BEGIN_READING)

    def select(self, key: Field, *conditions: SQL) -> Selection:
        """The values go as one array."""
        return Selection(
            self.text(key.model.select().where(key == fn.ANY(parameter()), *conditions))
        )

    def find(
        self, database: Database, searches: Iterable[tuple[Selection, Collection[str]]]
    ) -> list[Sequence[Found]]:
        """All selects in one round trip."""
        with database.connection().pipeline():
            cursors = []
            for selection, values in searches:
                cursor = database.cursor()
                cursor.execute(selection.text, (list(values),))
                cursors.append(cursor)
            return [cursor.fetchall() for cursor in cursors]

    def save(self, database: Database, savings: Iterable[tuple[Saving, Sequence[Row]]]) -> None:
        """All statements in one round trip."""
        saved = []
        with database.connection().pipeline():
            for (text, _), rows in savings:
                cursor = database.cursor()
                cursor.execute(text, (json_of(rows),))
                saved.append((cursor, len(rows)))
        if any(cursor.rowcount != count for cursor, count in saved):
            raise StaleError

    def clear_log(self, database: Database) -> bool:  # noqa: ARG002 - as the other engine's
        """Return False: the server alone decides when dead rows and its log go."""
        return False

    def rows(self, parameter: Value) -> Function:
        """The binary form, likewise."""
        return fn.jsonb_array_elements(parameter)

    def saved(self, column: Field, place: int) -> SQL:
        """JSON's texts are PostgreSQL's own; every other type is read from text."""
        return SQL(_FROM_JSON[column.field_type].format(place=place))


def _require(location: str, why: str) -> None:
    if why:
        raise refused(location, why)


def _migrations_of_ours(location: str, database: Database) -> list[Migration]:
    """Return the migrations of the database and of this code, unless it refuses the database."""
    migrations = status(database)
    has_history = any(migration.applied for migration in migrations)
    if not has_history and database.execute_sql(_TABLES).fetchone():
        raise refused(location, "there are tables of another program in it")
    _require(location, newer(database, migrations))
    return migrations


def _begin(database: Database, statements: str) -> Any:  # noqa: ANN401 - the driver's cursor
    """Begin a transaction on a connection that may have been cut since its last use."""
    if database.is_connection_usable():
        try:
            return database.cursor().execute(statements, prepare=False)
        except Exception:
            if database.is_connection_usable():
                raise
    database.close()
    database.connect()
    return database.cursor().execute(statements, prepare=False)
