"""Stores a database of the schema that is about to land, for all later code to open.

Run it once for each migration, from `tests/`:

    python -m given.databases.keep_database storage/database_0001.db

and never again after it has landed: a database made today proves nothing about old ones.
"""

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from giftcard_storage.database import DatabaseUrl, connect, migrate
from given.databases.stored_books import books_on, play_everything


def keep(path: Path) -> None:
    """Make a database in which everything happened; it must not exist yet."""
    if path.exists():
        message = f"{path} exists already"
        raise FileExistsError(message)
    url = DatabaseUrl.of_file(path)
    migrate(url)
    connection = connect(url)
    play_everything(books_on(connection))
    connection.close()
    with closing(sqlite3.connect(path)) as compacting:
        compacting.execute("PRAGMA wal_checkpoint(TRUNCATE)")


if __name__ == "__main__":
    keep(Path(sys.argv[1]))
