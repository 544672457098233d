"""The embedded database: one SQLite file, for one server.

Writers take their lock before they read. Deleted bytes are overwritten. A file that is not
ours, or damaged, is refused and left as it is.
"""

from __future__ import annotations

import json
from contextlib import AbstractContextManager, closing, nullcontext
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from peewee import SQL, BlobField, Database, Field, Function, Model, SqliteDatabase, Value, fn

from giftcard_storage.engines.engine import (
    Engine,
    Inspection,
    Saving,
    Selection,
    card_is_in,
    columns_of,
    json_of,
)
from giftcard_storage.engines.sqlite_file import (
    DAMAGED,
    FileDatabase,
    is_new,
    make_file,
    open_file,
    open_to_look,
    refused,
    require_ours,
    rewrite,
    room_of,
    version,
    why_too_full,
)
from giftcard_storage.engines.sqlite_turns import BUSY
from giftcard_storage.errors import StaleError, StorageAwayError, translated
from giftcard_storage.versions import (
    FENCES,
    RingNeededError,
    lacking,
    planned,
    require_unfenced,
    status,
    up,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from peewee import ModelSelect

    from giftcard_rules.codes import KeyRing
    from giftcard_storage.rows import Found, Row
    from giftcard_storage.versions import Planned


# The driver's errors by name, as `StorageAwayError` has them.
_IN_WORDS: Final = {
    "DiskFullError": "the disk is full",
    "ReadOnlyError": "the file or its folder is read-only",
}

# Workers that write batch after batch give others their turn sooner.
_MOMENT_SECONDS: Final = 0.25

# The largest number of rows in one statement is 64. Not one statement for each number of rows: the
# connection keeps 100 statements prepared.
_POWERS: Final = 7


class Sqlite(Engine):
    """SQLite, through cysqlite. A location is the path of a file.

    Rows come back as one JSON text, too, as each fetched row would let other threads run.
    """

    has_one_writer = True
    is_migrated_by_command = False
    needs_given_keys = False
    may_have_files_beside = True
    needs_checkpoints = True
    compiler = SqliteDatabase(None)

    def location_of(self, rest: str) -> str:
        """Read `/relative.db` or `//absolute.db`."""
        path = unquote(rest.removeprefix("/"))
        return "" if not rest.startswith("/") or set("?#") & set(rest) else path

    def shown(self, location: str) -> str:
        """Return the whole URL, as there are no secrets in it."""
        return f"sqlite:///{location}"

    def connect(self, location: str) -> Database:
        """Open a connection that any one thread at a time may use."""
        with translated():
            return open_file(location)

    def connect_to_look_over(
        self,
        location: str,
        within_seconds: float | None,  # noqa: ARG002 - as the other engine's
        *,
        by_keys: bool = False,  # noqa: ARG002 - likewise
    ) -> Database:
        """Open a connection like any other, as no setting of SQLite steers its plans."""
        return self.connect(location)

    def is_to_be_made(self, location: str) -> bool:
        """Return whether there is no file yet."""
        return not Path(location).exists()

    def migrate(
        self, location: str, ring: KeyRing | None, announce: Callable[[Planned], object]
    ) -> list[str]:
        """Make the file if there is none, and bring it to this code's schema."""
        path = Path(location)
        is_made = is_new(path)
        if not is_made:
            require_ours(path)
        try:
            make_file(path)
            database = open_file(location)
        except (OSError, *DAMAGED) as error:
            raise refused(path, f"it cannot be opened ({type(error).__name__})") from error
        try:
            with translated():
                database.execute_sql("PRAGMA journal_mode = WAL")
                names = up(database, ring, announce)
                if database.execute_sql("PRAGMA user_version").fetchone() != (0,):
                    rewrite(path, database)
                return names
        except StorageAwayError as error:
            why = "it is busy: does another server start on it? Try again"
            raise refused(path, why) from error
        except RingNeededError as error:
            raise refused(path, str(error)) from error
        except OSError as error:
            why = f"nothing can be written beside it ({type(error).__name__})"
            raise refused(path, why) from error
        finally:
            database.close()

    def planned(self, location: str) -> list[Planned]:
        """Return what `migrate` would run now; all of them where there is no file."""
        path = Path(location)
        if not is_new(path):
            return planned(require_ours(path))
        with closing(SqliteDatabase(":memory:")) as database:
            return planned(status(database))

    def require_schema(self, location: str) -> None:
        """Raise `DatabaseRefusedError` unless the file is there, sound, ours and up to date."""
        path = Path(location)
        if not path.exists():
            raise refused(path, "there is no such file")
        why = lacking(require_ours(path))
        if why:
            raise refused(path, why)

    def inspect(self, location: str) -> Inspection:
        """Look at the file as a start does; nothing is set that could be wrong."""
        if not is_new(path := Path(location)):
            require_ours(path)
        return Inspection(f"SQLite {version()}", room=room_of(path))

    def has_cards(self, location: str) -> bool:
        """Return whether there are cards; none where there is no file."""
        path = Path(location)
        if is_new(path):
            return False
        require_ours(path)
        with translated(), closing(open_to_look(path)) as database:
            return card_is_in(database)

    def checkpoint(self, database: Database) -> None:
        """Bring the pages of the write-ahead log home."""
        with translated():
            database.execute_sql("PRAGMA wal_checkpoint(PASSIVE)")

    def servers_time(self, database: Database) -> int | None:  # noqa: ARG002 - as the other engine's
        """Return None: a file has no clock."""
        return None

    def wait_for_nobody(self, database: Database) -> None:
        """Wait for a turn for a moment, and for a writer that takes none not at all."""
        database.execute_sql("PRAGMA busy_timeout = 0")
        if isinstance(database, FileDatabase):
            database.turns.patience_seconds = _MOMENT_SECONDS

    def write_a_page(self, database: Database) -> None:
        """Write the first page as it is."""
        (version,) = database.execute_sql("PRAGMA user_version").fetchone()
        database.execute_sql(f"PRAGMA user_version = {version}")

    def why_not_written(self, error: StorageAwayError) -> str | None:
        """Say it in words; a busy file is no answer."""
        why = str(error)
        return None if why == BUSY else _IN_WORDS.get(why, f"SQLite says {why}")

    def why_too_full(self, database: Database) -> str:
        """A disk with next to no room is full already."""
        return why_too_full(Path(database.database))

    def in_turn(self, database: Database) -> AbstractContextManager[None]:
        """Wait until no other connection writes to the file."""
        return database.turns.taken() if isinstance(database, FileDatabase) else nullcontext()

    def begin_writing(self, database: Database, *, is_patient: bool = True) -> None:  # noqa: ARG002 - there are no locks of rows
        """Take the writers' lock before anything is read, so that nothing read can be stale."""
        database.execute_sql("BEGIN IMMEDIATE")
        require_unfenced(database.execute_sql(FENCES).fetchall())

    def wait_like_a_write(self, database: Database) -> None:
        """Do nothing: a commit is flushed before another connection can see it."""

    def begin_reading(self, database: Database, *, durably: bool = False) -> None:  # noqa: ARG002 - what can be seen is flushed
        """Read beside the writer."""
        database.execute_sql("BEGIN DEFERRED")

    def select(self, key: Field, *conditions: SQL) -> Selection:
        """Select rows as one JSON text, unless there are bytes in them, which JSON cannot hold."""
        among = key.in_(SQL("(SELECT value FROM json_each(?))"))
        columns = columns_of(key.model)
        if any(isinstance(column, BlobField) for column in columns):
            return Selection(self.text(key.model.select().where(among, *conditions)))
        found = fn.json_group_array(fn.json_array(*columns))
        text = self.text(key.model.select(found).where(among, *conditions))
        return Selection(text, is_json=True)

    def find(
        self, database: Database, searches: Iterable[tuple[Selection, Collection[str]]]
    ) -> list[Sequence[Found]]:
        """One selection after the other."""
        found = []
        for (text, is_json), values in searches:
            rows = database.execute_sql(text, (json.dumps(list(values)),)).fetchall()
            found.append(json.loads(rows[0][0]) if is_json else rows)
        return found

    def texts(self, database: Database, query: ModelSelect[Any]) -> list[str]:
        """Return them out of one JSON text: each fetched row would let other threads run."""
        (column,) = query.selected_columns
        asked = query.select_from(fn.json_group_array(SQL(column.column_name)))
        ((text,),) = asked.tuples().execute(database)
        return list(json.loads(text))

    def insert(self, model: type[Model]) -> Saving:
        """Return statements for new rows as parameters, which cost half of what JSON does here."""
        columns = columns_of(model)
        one = self.text(model.insert_many([[None] * len(columns)], columns))
        # Each further row only repeats the marks. Peewee would take a tenth of a start over them.
        marks = one[one.rindex("(") :]
        return Saving(by_counts=tuple(one + f", {marks}" * (2**n - 1) for n in range(_POWERS)))

    def save(self, database: Database, savings: Iterable[tuple[Saving, Sequence[Row]]]) -> None:
        """One statement after the other."""
        for (text, by_counts), rows in savings:
            if by_counts:
                saved = _insert(database, by_counts, rows)
            else:
                saved = database.execute_sql(text, (json_of(rows),)).rowcount
            if saved != len(rows):
                raise StaleError

    def clear_log(self, database: Database) -> bool:
        """Empty the write-ahead log: `secure_delete` overwrites in the file alone."""
        busy, _, _ = database.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy

    def rows(self, parameter: Value) -> Function:
        """Return the binary form, which is not parsed again for each column."""
        return fn.jsonb_each(parameter)

    def saved(self, column: Field, place: int) -> SQL:
        """Return JSON's numbers and texts as they are, and bytes out of hex."""
        value = f"saved.value->>{place}"
        return SQL(f"unhex({value})" if isinstance(column, BlobField) else f"({value})")


def _insert(database: Database, by_counts: Sequence[str], rows: Sequence[Row]) -> int:
    """Insert rows by the largest statements that they fill; return how many were inserted.

    Each statement lets other threads run once; a statement for each row would do so all the time.
    """
    inserted = done = 0
    while done < len(rows):
        power = min((len(rows) - done).bit_length(), len(by_counts)) - 1
        some = rows[done : done + 2**power]
        values = tuple(chain.from_iterable(some))
        inserted += database.execute_sql(by_counts[power], values).rowcount
        done += len(some)
    return inserted
