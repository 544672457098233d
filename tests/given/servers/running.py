"""The service in this process, with its real gRPC server and database, and a clock of the test."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from giftcard_server.service import Service
from giftcard_server.settings import Settings
from giftcard_storage import database, event_schema, schema
from giftcard_storage.database import DatabaseUrl
from giftcard_storage.delivery_schema import MailPosition
from giftcard_storage.walks.tables import AuditWalk
from given.databases.kinds import Place
from given.servers.way import WAY

# A Monday at noon, far from every edge of a day, a month and a year.
NOON = datetime(2026, 9, 14, 10, 0, tzinfo=UTC)

Dump = dict[str, list[tuple[object, ...]]]


class Clock:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        """Return the time."""
        return self.now

    def wait(self, duration: timedelta) -> None:
        """Let time pass."""
        self.now += duration


def settings(where: Path | Place, **changes: Any) -> Settings:
    """Return settings for a service in this process; in a folder it has its own SQLite file."""
    place = Place.in_file(where) if isinstance(where, Path) else where
    defaults: dict[str, Any] = {
        **place.settings,
        **WAY,
        "grpc_listen": "127.0.0.1:0",
        "http_listen": "127.0.0.1:0",
        "drain_pause_seconds": 0,
        "mail": "none",
        # Only commands book what time has done, never the housekeeping.
        "housekeeping_seconds": 3600,
        # Tests try more wrong codes than people do.
        "attempts_per_key": 1000,
        "attempts_per_caller": 100_000,
        "attempts_in_all": 100_000,
        # Their refusals are not delayed.
        "attempt_floor_seconds": 0,
        "attempt_floor_tripped_seconds": 0,
    }
    return Settings(**(defaults | changes))


# They change with time alone: who holds a lease, and how far audit and mail have come.
_CHANGES_BY_ITSELF: Final = (event_schema.EventLease, AuditWalk, MailPosition)
# Built once, since tests look at everything before and after thousands of calls.
_EVERYTHING: Final = {
    table._meta.table_name: table.select().sql()[0]
    for table in schema.TABLES
    if table not in _CHANGES_BY_ITSELF
}


@contextmanager
def running(settings: Settings, clock: Clock) -> Iterator[Service]:
    """Run a service, and drain it when the block is over."""
    service = Service(settings, now=clock)
    service.start()
    try:
        yield service
    finally:
        service.drain()


def target_of(service: Service) -> str:
    """Return the address of its gRPC."""
    return f"127.0.0.1:{service.grpc_port}"


def dump(url: DatabaseUrl) -> Dump:
    """Return every row of every table, and events without the positions that they get later."""
    connection = database.connect(url)
    try:
        held: Dump = {
            name: sorted(connection.execute_sql(text).fetchall(), key=repr)
            for name, text in _EVERYTHING.items()
        }
    finally:
        connection.close()
    told = [row[1:] for row in held.pop("event")] + held.pop("new_event")
    return held | {"event": sorted(set(told), key=repr)}


@contextmanager
def writing_elsewhere(url: DatabaseUrl) -> Iterator[None]:
    """Block every other writer, like a long transaction of another program."""
    connection = database.connect(url)
    try:
        with connection.atomic():
            if not url.engine.has_one_writer:
                connection.execute_sql("LOCK TABLE card, request IN EXCLUSIVE MODE")
            yield
    finally:
        connection.close()


def block(url: DatabaseUrl, card_id: str) -> None:
    """Block a card, as Customer Service will (R37)."""
    connection = database.connect(url)
    try:
        query = schema.Card.update(blocked=True).where(schema.Card.card_id == card_id)
        assert query.execute(connection) == 1
    finally:
        connection.close()
