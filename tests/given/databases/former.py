"""Databases of each kind as migration 0001 left them, with people in clear text."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import psycopg
from playhouse.migrations import Runner
from psycopg import sql

from giftcard_storage.database import DatabaseUrl, connect
from giftcard_storage.engines import POSTGRESQL
from giftcard_storage.versions import MIGRATIONS
from given.databases.kinds import Kind
from given.databases.postgresql_process import PostgresqlProcess

FORMER: Final = Path(__file__).parents[2] / "storage" / "database_0001.db"
TABLES: Final = ("card", "authorization", "posting", "purchase", "request", "person")
BOOLEANS: Final = {"card": 5, "request": 3}


def former_file(folder: Path) -> DatabaseUrl:
    """Return a copy of the former file."""
    url = DatabaseUrl.of_file(folder / "former.db")
    url.path.write_bytes(FORMER.read_bytes())
    return url


def former_database(kind: Kind, folder: Path, postgresql: PostgresqlProcess) -> DatabaseUrl:
    """Return a database of a kind with everything that is in the former file."""
    if kind is Kind.SQLITE:
        return former_file(folder)
    url = DatabaseUrl.parse(postgresql.new_database(migrated=False))
    with closing(connect(url)) as connection:
        Runner(connection, directory=str(MIGRATIONS)).up("0001_cards")
    for table in TABLES:
        insert(url, table, rows_of(table))
    return url


def rows_of(table: str) -> list[list[Any]]:
    """Return the rows of a table in the former file, as PostgreSQL takes them."""
    with closing(sqlite3.connect(f"file:{FORMER}?mode=ro&immutable=1", uri=True)) as former:
        rows = [list(row) for row in former.execute(f'SELECT * FROM "{table}"')]  # noqa: S608 - made of our own texts
    for row in rows:
        if table in BOOLEANS:
            row[BOOLEANS[table]] = bool(row[BOOLEANS[table]])
    return rows


def insert(url: DatabaseUrl, table: str, rows: list[list[Any]]) -> None:
    """Insert rows."""
    places = ["%s" if url.engine is POSTGRESQL else "?"] * len(rows[0])
    text = f'INSERT INTO "{table}" VALUES ({", ".join(places)})'  # noqa: S608 - made of our own texts
    if url.engine is POSTGRESQL:
        with psycopg.connect(url.location) as server:
            server.cursor().executemany(sql.SQL(text), rows)
        return
    with closing(sqlite3.connect(url.path)) as file:
        file.executemany(text, rows)
        file.commit()
