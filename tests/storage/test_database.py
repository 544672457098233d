"""Opening a database file: ours is opened, and any other file is left as it is."""

import random
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from giftcard_storage.database import DatabaseUrl, connect, migrate, require_schema
from giftcard_storage.errors import DatabaseRefusedError
from given.databases.stored_books import books_on, play_everything

PAGE_BYTES = 4096
HEADER_BYTES = 100


def fill(url: DatabaseUrl) -> None:
    """Make a sound database of a few dozen pages, all of it in the one file."""
    migrate(url)
    connection = connect(url)
    books = books_on(connection)
    play_everything(books)
    for _ in range(60):
        books.bought(recipient=None)
    connection.close()


def dump(url: DatabaseUrl) -> list[str]:
    """Return everything in a database, as statements, by a library that is not ours."""
    with closing(sqlite3.connect(url.path)) as looking:
        return list(looking.iterdump())


def overwrite(path: Path, start: int, new: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(start)
        file.write(new)


def refused(url: DatabaseUrl, open_it: Callable[[DatabaseUrl], object] = migrate) -> str:
    """Return why a file is refused; check that the text names it and that it is unchanged."""
    before = url.path.read_bytes() if url.path.is_file() else None
    with pytest.raises(DatabaseRefusedError) as error:
        open_it(url)
    assert str(url.path) in str(error.value)
    assert (url.path.read_bytes() if url.path.is_file() else None) == before
    return str(error.value)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("sqlite:///giftcard.db", "giftcard.db"),
        ("sqlite:///data/giftcard.db", "data/giftcard.db"),
        ("sqlite:////var/lib/giftcard.db", "/var/lib/giftcard.db"),
        ("sqlite:///with%20space.db", "with space.db"),
    ],
)
def test_a_url_names_a_file(text: str, path: str) -> None:
    assert DatabaseUrl.parse(text).path == Path(path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "giftcard.db",
        "/var/lib/giftcard.db",
        "sqlite://",
        "sqlite:///",
        "sqlite://giftcard.db",
        "sqlite://host/giftcard.db",
        "sqlite:///giftcard.db?mode=memory",
        "sqlite:///giftcard.db#part",
        "mysql://host/giftcard",
    ],
)
def test_any_other_text_is_no_url_of_a_database(text: str) -> None:
    with pytest.raises(ValueError, match="sqlite:///"):
        DatabaseUrl.parse(text)


def test_a_missing_file_is_made_and_only_its_owner_can_read_it(url: DatabaseUrl) -> None:
    migrate(url)
    assert stat.S_IMODE(url.path.stat().st_mode) == 0o600
    require_schema(url)


def test_an_empty_file_is_filled(url: DatabaseUrl) -> None:
    url.path.touch()
    migrate(url)
    require_schema(url)


def test_migrating_again_keeps_everything(url: DatabaseUrl) -> None:
    fill(url)
    before = dump(url)
    migrate(url)
    migrate(url)
    assert dump(url) == before


def test_a_name_with_special_characters_of_urls_is_found(tmp_path: Path) -> None:
    url = DatabaseUrl.of_file(tmp_path / "50% off? #1 œuvre.db")
    fill(url)
    migrate(url)
    assert url.path.exists()


def test_a_commit_before_a_crash_is_there_afterwards(url: DatabaseUrl, tmp_path: Path) -> None:
    migrate(url)
    connection = connect(url)
    card = books_on(connection).bought()
    # The files as a crash leaves them: the card is in the log alone.
    crashed = DatabaseUrl.of_file(tmp_path / "crashed.db")
    for suffix in ("", "-wal"):
        Path(f"{crashed.path}{suffix}").write_bytes(Path(f"{url.path}{suffix}").read_bytes())
    connection.close()

    assert card.card_id.encode() not in crashed.path.read_bytes()
    migrate(crashed)
    connection = connect(crashed)
    assert connection.execute_sql("SELECT card_id FROM card").fetchall() == [(card.card_id,)]
    connection.close()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"#!/bin/sh\necho hello\n", id="a script"),
        pytest.param(b"Liste des cartes cadeaux\n", id="a text"),
        pytest.param(bytes(range(256)) * 48, id="garbage"),
        pytest.param(b"\0" * PAGE_BYTES, id="zeros"),
        pytest.param(b"SQLite format 3\0", id="only the first bytes of a database"),
        pytest.param(b"S", id="one letter"),
    ],
)
def test_a_file_that_is_no_database_is_refused(url: DatabaseUrl, content: bytes) -> None:
    url.path.write_bytes(content)
    refused(url)
    refused(url, require_schema)


def test_a_folder_is_refused(url: DatabaseUrl) -> None:
    url.path.mkdir()
    refused(url)
    assert list(url.path.iterdir()) == []


def test_a_file_in_a_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    url = DatabaseUrl.of_file(tmp_path / "no such folder" / "giftcard.db")
    assert "does not exist" in refused(url)
    assert not url.path.parent.exists()


def test_a_missing_file_has_no_schema(url: DatabaseUrl) -> None:
    assert "no such file" in refused(url, require_schema)
    assert not url.path.exists()


def test_the_database_of_another_program_is_refused(url: DatabaseUrl) -> None:
    with closing(sqlite3.connect(url.path)) as other, other:
        other.execute("CREATE TABLE card (card_id TEXT PRIMARY KEY)")
        other.execute("INSERT INTO card VALUES ('another program''s')")
    assert "belongs to another program" in refused(url)
    assert list(url.path.parent.iterdir()) == [url.path]


def test_a_database_of_a_newer_version_is_refused(url: DatabaseUrl) -> None:
    fill(url)
    connection = connect(url)
    connection.execute_sql(
        "INSERT INTO schema_migration (name, applied) VALUES ('0099_later', '2027-01-01')"
    )
    connection.execute_sql("INSERT INTO schema_fence VALUES ('0099_later')")
    connection.close()
    for why in (refused(url), refused(url, require_schema)):
        assert "newer version" in why
        assert "0099_later" in why


def test_a_database_that_lacks_a_migration_is_refused_until_it_is_migrated(
    url: DatabaseUrl,
) -> None:
    migrate(url)
    connection = connect(url)
    connection.execute_sql("DELETE FROM schema_migration")
    connection.close()
    assert "0001_cards" in refused(url, require_schema)


@pytest.mark.parametrize("keep", [0.5, 0.9, 0.99], ids=lambda keep: f"{keep:.0%} of it")
def test_a_truncated_file_is_refused(url: DatabaseUrl, keep: float) -> None:
    fill(url)
    content = url.path.read_bytes()
    url.path.write_bytes(content[: int(len(content) * keep)])
    assert "damaged" in refused(url)
    assert "damaged" in refused(url, require_schema)


def test_a_file_whose_beginning_is_damaged_is_refused(url: DatabaseUrl) -> None:
    fill(url)
    overwrite(url.path, 0, b"\xff" * HEADER_BYTES)
    assert "damaged" in refused(url)


def pages_of(url: DatabaseUrl, table: str) -> list[int]:
    """Return the pages of a table or an index."""
    with closing(sqlite3.connect(f"{url.path.as_uri()}?mode=ro", uri=True)) as looking:
        found = looking.execute("SELECT pageno FROM dbstat WHERE name = ?", (table,)).fetchall()
    return [page for (page,) in found]


@pytest.mark.parametrize("table", ["card", "posting", "request", "person", "schema_migration"])
@pytest.mark.parametrize("damage", [b"\0", b"\xff", b"\x5a"], ids=["zeros", "ones", "letters"])
def test_a_file_with_a_damaged_page_is_refused(url: DatabaseUrl, table: str, damage: bytes) -> None:
    fill(url)
    for page in pages_of(url, table)[-1:]:
        # The rows and the head of the page stay as they were: only the offsets are gone.
        overwrite(url.path, (page - 1) * PAGE_BYTES + 8, damage * (PAGE_BYTES - 16))
    assert "damaged" in refused(url)
    assert "damaged" in refused(url, require_schema)


def test_a_file_with_any_damage_is_opened_or_refused(url: DatabaseUrl) -> None:
    fill(url)
    sound = url.path.read_bytes()
    chance = random.Random(20261122)  # noqa: S311 - the same damage in every run
    refusals = 0
    for _ in range(200):  # About a third of them are refused.
        length = chance.choice([1, 8, 64, 512, PAGE_BYTES])
        start = chance.randrange(len(sound) - length)
        damage = chance.choice([bytes(length), b"\xff" * length, chance.randbytes(length)])
        url.path.write_bytes(sound[:start] + damage + sound[start + length :])
        damaged = url.path.read_bytes()
        try:
            migrate(url)
        except DatabaseRefusedError:
            refusals += 1
            assert url.path.read_bytes() == damaged
        for left in ("-wal", "-shm"):
            Path(f"{url.path}{left}").unlink(missing_ok=True)
    assert refusals > 50
