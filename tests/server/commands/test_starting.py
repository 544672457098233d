"""Refusals to start: each has a clear message and an exit code, and changes nothing."""

import shutil
import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from conftest import StartServer
from giftcard_server.errors import StartRefusedError
from giftcard_server.keys import key_file
from giftcard_server.service import Service
from giftcard_storage.engines.sqlite_file import APPLICATION_ID
from giftcard_storage.errors import DatabaseRefusedError
from given.calls.shop import shop_at
from given.servers.running import Clock, running, settings, target_of
from given.servers.server_process import ServerNotReady, ServerProcess

FIRST_SCHEMA: Final = Path(__file__).parents[2] / "storage" / "database_0001.db"


def bought_a_card(folder: Path) -> None:
    """Make a database with a live card."""
    with running(settings(folder), Clock()) as service, shop_at(target_of(service)) as shop:
        shop.bought()


def nothing_but_text(path: Path) -> None:
    path.write_text("this is not a database" * 100, encoding="ascii")


def another_program(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE note (text TEXT)")


def a_newer_version(path: Path) -> None:
    bought_a_card(path.parent)
    with closing(sqlite3.connect(path)) as connection, connection:
        (table,) = connection.execute(
            "SELECT name FROM sqlite_schema WHERE name LIKE '%migration%' AND type = 'table'"
        ).fetchone()
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        row = dict(
            zip(columns, connection.execute(f"SELECT * FROM {table}").fetchone(), strict=True)  # noqa: S608 - our own table
        )
        row["name"] = "9999_from_the_future"
        row.pop("id", None)
        marks = ", ".join("?" for _ in row)
        connection.execute(
            f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})",  # noqa: S608 - likewise
            tuple(row.values()),
        )
        connection.execute("INSERT INTO schema_fence VALUES (?)", (row["name"],))


def damaged(path: Path) -> None:
    bought_a_card(path.parent)
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2 :] = bytes(len(whole) - len(whole) // 2)
    path.write_bytes(whole)


def cut_short(path: Path) -> None:
    bought_a_card(path.parent)
    path.write_bytes(path.read_bytes()[:5000])


DATABASES: Final = (
    (nothing_but_text, "it is not a SQLite database, or it is damaged"),
    (another_program, "it belongs to another program"),
    (a_newer_version, "it was made by a newer version of giftcard"),
    (damaged, "it is damaged"),
    (cut_short, "it is damaged"),
)


@pytest.mark.parametrize(("make", "why"), DATABASES)
def test_a_foreign_or_damaged_database_is_refused_and_unchanged(
    tmp_path: Path, make: Callable[[Path], None], why: str
) -> None:
    path = tmp_path / "giftcard.db"
    make(path)
    before = path.read_bytes()
    with pytest.raises(DatabaseRefusedError) as caught:
        Service(settings(tmp_path))
    assert str(caught.value).startswith(f"refusing the database file {path}: {why}")
    assert path.read_bytes() == before


@pytest.mark.one_database  # The other kind: test_migrating.py.
def test_a_server_with_a_refused_database_ends_and_names_the_file(
    start_server: StartServer, tmp_path: Path
) -> None:
    nothing_but_text(tmp_path / "giftcard.db")
    with pytest.raises(ServerNotReady, match=r"ended with exit code [1-9]") as caught:
        start_server(folder=tmp_path)
    assert f"the database file {tmp_path / 'giftcard.db'}: it is not" in str(caught.value)
    assert "Traceback" not in str(caught.value)


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatabaseRefusedError, match=r"its folder .*/nowhere does not exist"):
        Service(settings(tmp_path / "nowhere"))


def no_file(path: Path) -> None:
    path.unlink()


def open_to_others(path: Path) -> None:
    path.chmod(0o640)


def no_secret(path: Path) -> None:
    path.write_text("k1\n", encoding="ascii")


def too_short(path: Path) -> None:
    path.write_text("k1 0123456789abcdef\n", encoding="ascii")


def nothing_in_it(path: Path) -> None:
    path.write_text("# no keys\n", encoding="ascii")


def one_id_twice(path: Path) -> None:
    path.write_text(path.read_text(encoding="ascii") * 2, encoding="ascii")


def no_text(path: Path) -> None:
    path.write_bytes(b"\xff\xfe\x00")


def another_ring(path: Path) -> None:
    path.unlink()
    key_file.make(path)
    path.write_text(path.read_text(encoding="ascii").replace("k1", "k9"), encoding="ascii")


def another_secret_of_the_same_name(path: Path) -> None:
    path.unlink()
    key_file.make(path)


KEY_FILES: Final = (
    (no_file, r"the key file .*/giftcard\.db\.keys is missing"),
    (open_to_others, r"key file .*/giftcard\.db\.keys: others than its owner may open it"),
    (no_secret, r"key file .*: line 1 is not an id and a secret in hex"),
    (too_short, r"key file .*: line 1 is not an id and a secret in hex"),
    (nothing_in_it, r"key file .*: must hold at least one key, each id once"),
    (one_id_twice, r"key file .*: must hold at least one key, each id once"),
    (no_text, r"key file .*: UnicodeDecodeError"),
    (another_ring, r"1 live cards need the key k1"),
    (another_secret_of_the_same_name, "the key k1 is not the one that cards were made with"),
)


@pytest.mark.parametrize(("spoil", "why"), KEY_FILES)
def test_keys_that_do_not_fit_the_cards_are_refused(
    tmp_path: Path, spoil: Callable[[Path], None], why: str
) -> None:
    bought_a_card(tmp_path)
    path = tmp_path / "giftcard.db.keys"
    secret = path.read_text(encoding="ascii").split()[1]
    spoil(path)
    was_there = path.exists()
    with pytest.raises(StartRefusedError, match=why) as caught:
        Service(settings(tmp_path))
    assert secret not in str(caught.value)
    assert path.exists() == was_there


def kept_from_the_first_schema(path: Path) -> None:
    shutil.copy(FIRST_SCHEMA, path)


# A database without a key file: what starts on it, before it is brought to today's schema.
WITHOUT_KEYS: Final = (
    *DATABASES[:2],
    (kept_from_the_first_schema, r"the key file .*/giftcard\.db\.keys is missing"),
)


@pytest.mark.parametrize(("make", "why"), WITHOUT_KEYS)
def test_no_key_file_is_made_beside_a_foreign_database_or_one_with_cards(
    tmp_path: Path, make: Callable[[Path], None], why: str
) -> None:
    path = tmp_path / "giftcard.db"
    make(path)
    before = path.read_bytes()
    with pytest.raises((StartRefusedError, DatabaseRefusedError), match=why):
        Service(settings(tmp_path))
    assert path.read_bytes() == before
    assert not (tmp_path / "giftcard.db.keys").exists()


def test_a_key_file_is_made_beside_a_database_that_was_left_unfinished(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "giftcard.db")) as connection:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    bought_a_card(tmp_path)


def test_a_key_file_that_a_setting_names_is_never_made(tmp_path: Path) -> None:
    named = tmp_path / "named.keys"
    with pytest.raises(StartRefusedError, match=f"there is no key file {named}"):
        Service(settings(tmp_path, key_file=named))
    assert not named.exists()


def test_a_new_database_gets_a_key_file_for_its_owner_alone(tmp_path: Path) -> None:
    bought_a_card(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} >= {"giftcard.db", "giftcard.db.keys"}
    for name in ("giftcard.db", "giftcard.db.keys"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600


def test_a_database_without_cards_gets_a_new_key_file(tmp_path: Path) -> None:
    with running(settings(tmp_path), Clock()):
        pass
    (tmp_path / "giftcard.db.keys").unlink()
    bought_a_card(tmp_path)


@pytest.mark.one_database
@pytest.mark.parametrize("name", ["grpc_listen", "http_listen"])
def test_a_second_server_on_the_same_port_is_refused(
    live_server: ServerProcess, tmp_path: Path, name: str
) -> None:
    taken = {
        "grpc_listen": live_server.target,
        "http_listen": live_server.http_url.removeprefix("http://"),
    }[name]
    with pytest.raises(StartRefusedError) as caught:
        Service(settings(tmp_path, **{name: taken}))
    assert str(caught.value).startswith("cannot listen on ")
    assert taken in str(caught.value)
    assert str(caught.value).endswith(": is another server running there?")
    with shop_at(live_server.target) as shop:
        assert shop.bought().code


def is_there(host: str) -> bool:
    """Return whether this machine has an address; not every container has IPv6."""
    try:
        socket.create_server((host, 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


NO_IPV6: Final = pytest.mark.skipif(not is_there("::1"), reason="there is no IPv6 here")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", pytest.param("[::1]", marks=NO_IPV6)])
def test_a_server_listens_on_any_kind_of_loopback_address(tmp_path: Path, host: str) -> None:
    on_host = settings(tmp_path, grpc_listen=f"{host}:0", http_listen=f"{host}:0")
    with running(on_host, Clock()) as service, shop_at(f"{host}:{service.grpc_port}") as shop:
        assert shop.bought().code
        assert f"http {host}:" in service.listening
