"""The database's errors become errors of this project, also those that come while fetching."""

from pathlib import Path

import pytest

from giftcard_rules.commands import CatchUp
from giftcard_storage import database
from giftcard_storage.database import DatabaseUrl
from giftcard_storage.errors import StorageAwayError
from giftcard_storage.store import Store
from given.databases.stored_books import books_on
from given.made_facts import issue

CARDS = 200
PAGE_BYTES = 4096


def leaf_pages(file: bytes, root: int) -> list[int]:
    """Return the pages below the root of a small table, by SQLite's file format."""
    page = file[(root - 1) * PAGE_BYTES : root * PAGE_BYTES]
    cells = int.from_bytes(page[3:5], "big")
    offsets = [int.from_bytes(page[12 + 2 * i : 14 + 2 * i], "big") for i in range(cells)]
    return [int.from_bytes(page[offset : offset + 4], "big") for offset in offsets]


def test_damage_found_between_two_rows_raises_storage_away(tmp_path: Path) -> None:
    url = DatabaseUrl.of_file(tmp_path / "giftcard.db")
    database.migrate(url)
    connection = database.connect(url)
    books = books_on(connection)
    for _ in range(CARDS):
        books.decide(issue())
    looking = "SELECT rootpage FROM sqlite_schema WHERE name = 'card'"
    (root,) = connection.execute_sql(looking).fetchone()
    connection.close()
    file = bytearray(url.path.read_bytes())
    leaves = leaf_pages(bytes(file), root)
    for page in leaves[len(leaves) // 2 :]:
        file[(page - 1) * PAGE_BYTES : page * PAGE_BYTES] = b"\xff" * PAGE_BYTES
    url.path.write_bytes(file)

    store = Store(database.connect(url))
    with pytest.raises(StorageAwayError):
        store.load([CatchUp(card_id) for card_id in sorted(books.facts.cards)])
