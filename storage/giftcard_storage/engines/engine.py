"""The interface of databases to storage; each engine implements it in a file of its own.

Peewee builds each statement from the schema, once, as a text. Its length does not depend on
what it looks up or saves: values go in as one array, rows as one JSON text, or as parameters of
a few statements that take 1, 2, 4, ... rows. So the driver prepares each of them once as well, and
a set of any size takes few steps.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from peewee import EXCLUDED, SQL, Select, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from peewee import Database, Field, Function, Model, ModelSelect, Query

    from giftcard_rules.codes import KeyRing
    from giftcard_storage.errors import StorageAwayError
    from giftcard_storage.rows import Found, Row
    from giftcard_storage.versions import Planned


class Selection(NamedTuple):
    """A statement that finds rows: as they are, or all of them as one JSON text."""

    text: str
    is_json: bool = False


class Room(NamedTuple):
    """How many bytes are free on the disk of an embedded database, and how many the file has."""

    free_bytes: int
    file_bytes: int


class Inspection(NamedTuple):
    """What somebody finds who looks at a database, in sentences that quote nothing of its URL.

    `about` names the program and its version. `mistakes` keep servers from starting on it, and
    `doubts` do not. `room` is None where the disk is out of sight.
    """

    about: str
    mistakes: Sequence[str] = ()
    doubts: Sequence[str] = ()
    room: Room | None = None


class Saving(NamedTuple):
    """A statement that takes all rows as one JSON text, or else one for each count of rows.

    Those for 1, 2, 4, ... rows have a parameter for each value, row by row.
    """

    text: str = ""
    by_counts: tuple[str, ...] = ()


class Engine(ABC):
    """One kind of database: how to reach it, and its own SQL.

    A `location` is what an engine connects to, as `location_of` reads it from a URL; there
    may be a password in it. Rows have their columns in the order of the schema.
    """

    # Whether one transaction at a time may write, and only processes of one machine serve it.
    has_one_writer: ClassVar[bool]
    # Whether `giftcard migrate` brings it to a new schema, instead of every server that starts.
    is_migrated_by_command: ClassVar[bool]
    # Whether its servers must be given their keys, instead of making a file beside it.
    needs_given_keys: ClassVar[bool]
    # Whether it is a file of this machine, so that other files may lie beside it.
    may_have_files_beside: ClassVar[bool]
    # Whether `checkpoint` has to be called now and then.
    needs_checkpoints: ClassVar[bool]

    # Never connected; compiles queries to this engine's SQL.
    compiler: ClassVar[Database]

    @abstractmethod
    def location_of(self, rest: str) -> str:
        """Return the location in the part of a URL after `scheme://`; empty if there is none."""

    @abstractmethod
    def shown(self, location: str) -> str:
        """Return the URL of a location without what may be secret in it."""

    @abstractmethod
    def connect(self, location: str) -> Database:
        """Open a connection that any one thread at a time may use."""

    @abstractmethod
    def connect_to_look_over(
        self, location: str, within_seconds: float | None, *, by_keys: bool = False
    ) -> Database:
        """Open a connection for statements that read whole tables, or look up much by keys.

        A server that does not answer one of them `within_seconds` is given up; None is no bound.
        """

    @abstractmethod
    def is_to_be_made(self, location: str) -> bool:
        """Return whether `migrate` would make the database, as there is none yet."""

    @abstractmethod
    def migrate(
        self, location: str, ring: KeyRing | None, announce: Callable[[Planned], object]
    ) -> list[str]:
        """Bring a database to this code's schema, and return the migrations that it took.

        Each migration is announced before it runs.
        Raises `DatabaseRefusedError`, and leaves the database as it is, where it is not ours,
        of a newer version, damaged or out of reach, or needs a ring.
        """

    @abstractmethod
    def planned(self, location: str) -> list[Planned]:
        """Return what `migrate` would run. Raises `DatabaseRefusedError`, and changes nothing."""

    @abstractmethod
    def require_schema(self, location: str) -> None:
        """Raise `DatabaseRefusedError` unless the database is ours and its schema fits.

        A newer version may have expanded it, without fencing this code off.
        """

    @abstractmethod
    def inspect(self, location: str) -> Inspection:
        """Look at the database, whatever its schema. Raises `DatabaseRefusedError`."""

    @abstractmethod
    def has_cards(self, location: str) -> bool:
        """Return whether there are cards, on a database of any schema up to this code's.

        Raises `DatabaseRefusedError` like `migrate`, and changes nothing.
        """

    @abstractmethod
    def checkpoint(self, database: Database) -> None:
        """Bring the pages of the database's log home, without keeping callers waiting."""

    @abstractmethod
    def servers_time(self, database: Database) -> int | None:
        """Return the time of the database's own server, in microseconds; None without one."""

    @abstractmethod
    def wait_for_nobody(self, database: Database) -> None:
        """Have the connection wait for no other writer from now on."""

    @abstractmethod
    def write_a_page(self, database: Database) -> None:
        """Write to the disk in a transaction, as commands do, and change nothing."""

    @abstractmethod
    def why_not_written(self, error: StorageAwayError) -> str | None:
        """Return why a page was not written; None where another writer was at work."""

    @abstractmethod
    def why_too_full(self, database: Database) -> str:
        """Return why the next writes will find no room; empty where that is not known."""

    def in_turn(self, database: Database) -> AbstractContextManager[None]:  # noqa: ARG002 - for engines with one writer
        """Return what is held from before a transaction that writes begins until it has ended.

        Where many may write, that is nothing. Entering it raises `StorageAwayError` where others
        write for too long.
        """
        return nullcontext()

    @abstractmethod
    def begin_writing(self, database: Database, *, is_patient: bool = True) -> None:
        """Begin a transaction that sees one state of the database, and may change it.

        If it is not patient, it hardly waits for a row that another session has locked. Raises
        `FencedOffError` where a newer version has fenced this code off. No fence is committed
        until the transaction has ended. After an error it may have begun.
        """

    @abstractmethod
    def wait_like_a_write(self, database: Database) -> None:
        """Have the commit of a transaction that only read wait as that of one that wrote would.

        After it, everything that the transaction read is as durable as any commit.
        """

    @abstractmethod
    def begin_reading(self, database: Database, *, durably: bool = False) -> None:
        """Begin a transaction that sees one state of the database, and blocks no writer.

        If durably, its commit waits as that of a write would, so that all that it has read is then
        as durable as any commit.
        """

    @abstractmethod
    def select(self, key: Field, *conditions: SQL) -> Selection:
        """Return the statement for whole rows whose key is among some values."""

    @abstractmethod
    def find(
        self, database: Database, searches: Iterable[tuple[Selection, Collection[str]]]
    ) -> list[Sequence[Found]]:
        """Run selections, each for all rows with any of the values; return what each found."""

    @abstractmethod
    def save(self, database: Database, savings: Iterable[tuple[Saving, Sequence[Row]]]) -> None:
        """Run inserts and updates in turn. Raises `StaleError` where a row has moved on."""

    @abstractmethod
    def clear_log(self, database: Database) -> bool:
        """Clear the database's log of what was deleted; return whether nothing is left of it."""

    @abstractmethod
    def rows(self, parameter: Value) -> Function:
        """Return the table of JSON values that a JSON text of rows is to a statement."""

    @abstractmethod
    def saved(self, column: Field, place: int) -> SQL:
        """Return what a row holds for a column, as a value of the column's type."""

    def texts(self, database: Database, query: ModelSelect[Any]) -> list[str]:
        """Return what a query of one column of texts finds."""
        return [text for (text,) in query.tuples().execute(database)]

    def insert(self, model: type[Model]) -> Saving:
        """Return the statement for new rows."""
        columns = columns_of(model)
        values = [self.saved(column, place) for place, column in enumerate(columns)]
        return Saving(self.text(model.insert_from(Select((self._rows(),), values), columns)))

    def note(self, model: type[Model]) -> Saving:
        """Return the statement for rows of which some may be there already, as they are."""
        columns = columns_of(model)
        values = [self.saved(column, place) for place, column in enumerate(columns)]
        # SQLite takes ON CONFLICT for a join's condition unless there is a WHERE.
        rows = Select((self._rows(),), values).where(SQL("true"))
        # As an update, so that each row counts as saved.
        update = {column: EXCLUDED[column.column_name] for column in columns}
        query = model.insert_from(rows, columns)
        return Saving(self.text(query.on_conflict(conflict_target=columns, update=update)))

    def add(self, model: type[Model], amount: Field) -> Saving:
        """Return the statement for rows whose amount is added where the key is there already."""
        columns = columns_of(model)
        values = [self.saved(column, place) for place, column in enumerate(columns)]
        rows = Select((self._rows(),), values).where(SQL("true"))  # As in `note`.
        update = {amount: amount + EXCLUDED[amount.column_name]}
        keys = list(model._meta.get_primary_keys())  # noqa: SLF001 - Peewee's own name for it
        query = model.insert_from(rows, columns)
        return Saving(self.text(query.on_conflict(conflict_target=keys, update=update)))

    def update(self, fields: Sequence[Field], *keys: Field) -> Saving:
        """Return the statement for rows of new `fields`, then of the `keys` that must be equal."""
        changes = {field: self.saved(field, place) for place, field in enumerate(fields)}
        equal = [key == self.saved(key, place) for place, key in enumerate(keys, len(fields))]
        query = keys[0].model.update(changes).from_(self._rows()).where(*equal)
        return Saving(self.text(query))

    def text(self, query: Query) -> str:
        """Return a query as a text, with a mark for each parameter."""
        text: str = self.compiler.get_sql_context().sql(query).query()[0]
        return text

    def _rows(self) -> object:
        return self.rows(parameter()).alias("saved")


def parameter() -> Value:
    """Return the mark of a parameter whose value comes later."""
    return Value(None, converter=False)


def columns_of(model: type[Model]) -> list[Field]:
    """Return a table's columns in the order of the schema."""
    columns: list[Field] = model._meta.sorted_fields  # noqa: SLF001 - Peewee's own name for them
    return columns


def json_of(rows: Sequence[Row]) -> str:
    """Return rows as one JSON text, bytes in hex.

    Nothing beyond ASCII is escaped: SQLite loses an escaped U+99999, which it takes for its own
    mark of an invalid character.
    """
    return json.dumps(rows, default=bytes.hex, ensure_ascii=False)


def card_is_in(database: Database) -> bool:
    """Return whether there is a card, also where there is no table for cards yet."""
    return database.table_exists("card") and bool(
        database.execute_sql("SELECT 1 FROM card LIMIT 1").fetchone()
    )
