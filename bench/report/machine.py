"""Facts of the machine, and a check that both databases are durable during the run."""

from __future__ import annotations

import os
import platform
import statistics
import time
from importlib.metadata import version
from pathlib import Path
from typing import Final

import psycopg

from giftcard_storage import database
from giftcard_storage.database import DatabaseUrl
from loads.http2_load import VoidRunError
from loads.servers import World
from results import EMBEDDED, POSTGRESQL

FSYNCS: Final = 50
PAGE: Final = bytes(4096)
_PRAGMAS: Final = {"journal_mode": "wal", "synchronous": 2}
_FULL: Final = "journal_mode=WAL synchronous=FULL"
_SHOWN: Final = (
    "fsync", "synchronous_commit", "full_page_writes", "wal_sync_method", "shared_buffers",
    "max_wal_size",
)  # fmt: skip
_ON: Final = frozenset(_SHOWN[:3])


def facts(world: World) -> dict[str, str]:
    """Return the facts of the machine; raise VoidRunError if a database could lose a commit."""
    with world.place(EMBEDDED) as embedded, world.place(POSTGRESQL) as postgresql:
        sqlite_version, sqlite = _sqlite(DatabaseUrl.parse(embedded.url))
        postgresql_version, settings = _postgresql(postgresql.url)
    return {
        "embedded": sqlite,
        "PostgreSQL": settings,
        "fsync of 4 KiB": f"{_fsync_seconds(world.folder) * 1000:.2f} ms, median of {FSYNCS}",
        "machine": f"{os.cpu_count()} cores, {_processor()}, {platform.system()}",
        "load before": ", ".join(f"{load:.1f}" for load in os.getloadavg()),
        "versions": f"Python {platform.python_version()}, gRPC {version('grpcio')},"
        f" SQLite {sqlite_version}, PostgreSQL {postgresql_version}",
        "measured": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
    }


def _sqlite(url: DatabaseUrl) -> tuple[str, str]:
    """Check a connection like the server's: SQLite's settings are per connection."""
    opened = database.connect(url)
    for pragma, durable in _PRAGMAS.items():
        (value,) = opened.execute_sql(f"PRAGMA {pragma}").fetchone()
        if value != durable:
            message = f"the embedded database has {pragma}={value}"
            raise VoidRunError(message)
    (sqlite_version,) = opened.execute_sql("SELECT sqlite_version()").fetchone()
    opened.close()
    return str(sqlite_version), _FULL


def _postgresql(url: str) -> tuple[str, str]:
    settings = {}
    with psycopg.connect(url) as connection:
        for name in ("server_version", *_SHOWN):
            row = connection.execute("SELECT current_setting(%s)", (name,)).fetchone()
            assert row is not None
            settings[name] = str(row[0])
    postgresql_version = settings.pop("server_version")
    if any(settings[name] != "on" for name in _ON):
        message = f"PostgreSQL is not durable: {settings}"
        raise VoidRunError(message)
    return postgresql_version, " ".join(f"{name}={value}" for name, value in settings.items())


def _fsync_seconds(folder: Path) -> float:
    """Return the median time to write a page durably: the minimum for every lone commit."""
    taken = []
    with (folder / "fsync").open("wb", buffering=0) as file:
        for _ in range(FSYNCS):
            began = time.perf_counter()
            file.write(PAGE)
            os.fsync(file.fileno())
            taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:  # Only Linux has this file.
        return platform.machine()
    return text.partition("model name\t: ")[2].partition("\n")[0] or platform.machine()
