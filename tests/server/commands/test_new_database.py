"""A database that is empty although its key ring is old looks like a wrong mount: refused."""

import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from giftcard_server.errors import StartRefusedError
from giftcard_server.keys import key_file
from giftcard_server.service import Service
from giftcard_storage import database
from giftcard_storage.engines import sqlite_file
from given.calls.shop import shop_at
from given.databases.kinds import Place
from given.servers.giftcard_command import SCRIPT, giftcard
from given.servers.limited import (
    SERVER,
    as_another_user,
    folder_of_another_user,
    needs_another_user,
)
from given.servers.running import Clock, running, settings, target_of
from given.servers.server_process import ServerNotReady, ServerProcess
from given.servers.small_disk import small_disk

DAY_SECONDS: Final = 24 * 3600
HOW_TO: Final = "giftcard serve --new-database"


def age(ring: Path, days: float) -> None:
    """Let a ring be so old."""
    at = time.time() - days * DAY_SECONDS
    os.utime(ring, (at, at))


def an_empty_file(path: Path, ring: Path) -> None:
    key_file.make(ring)
    path.touch()


def an_old_ring_alone(_path: Path, ring: Path) -> None:
    key_file.make(ring)
    age(ring, 3)


def a_young_ring_alone(_path: Path, ring: Path) -> None:
    key_file.make(ring)
    age(ring, 0.5)


def an_empty_file_alone(path: Path, _ring: Path) -> None:
    path.touch()


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("what", "why"),
    [
        (an_empty_file, "giftcard.db is empty, and there is a key ring for its cards"),
        (an_old_ring_alone, "there is no database file .*giftcard.db, and the key ring .* since"),
        (a_young_ring_alone, None),
        (an_empty_file_alone, None),
    ],
)
def test_what_looks_like_a_wrong_mount_is_refused(
    tmp_path: Path, what: Callable[[Path, Path], None], why: str | None
) -> None:
    path = tmp_path / "giftcard.db"
    what(path, path.with_name("giftcard.db.keys"))
    before = sorted((each.name, each.stat().st_size) for each in tmp_path.iterdir())
    if why is not None:
        with pytest.raises(StartRefusedError, match=why) as caught:
            Service(settings(tmp_path))
        assert HOW_TO in str(caught.value)
        assert sorted((each.name, each.stat().st_size) for each in tmp_path.iterdir()) == before
    meant = settings(tmp_path, new_database=why is not None)
    with running(meant, Clock()) as service, shop_at(target_of(service)) as shop:
        assert shop.bought().code


def test_a_database_without_cards_that_is_younger_than_its_ring_is_refused(place: Place) -> None:
    if not place.key_file.exists():
        key_file.make(place.key_file)
    database.migrate(place.database_url)
    with running(settings(place), Clock()):
        """It is as young as its ring."""
    age(place.key_file, 3)
    with pytest.raises(StartRefusedError, match=r"was made on .* and has no cards") as caught:
        Service(settings(place))
    assert HOW_TO in str(caught.value)
    told = settings(place, new_database=True)
    with running(told, Clock()) as service, shop_at(target_of(service)) as shop:
        assert shop.bought().code
    with running(settings(place), Clock()):
        """It has a card, made under that ring."""


@pytest.mark.one_database
def test_serve_says_what_it_found_and_takes_an_option_that_accepts_it(tmp_path: Path) -> None:
    ring = tmp_path / "keys"
    key_file.make(ring)
    age(ring, 3)
    told = {"GIFTCARD_KEY_FILE": str(ring)}
    with pytest.raises(ServerNotReady, match=f"exit code 2 (?s:.*){HOW_TO}"):
        ServerProcess(tmp_path / "server", settings=told).start()
    command = (str(SCRIPT), "serve", "--new-database")
    with ServerProcess(tmp_path / "server", settings=told, command=command) as server:
        assert server.terminate() == 0


@pytest.mark.one_database
def test_a_file_that_is_being_made_is_never_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "giftcard.db"
    sizes = []

    def looking(open_file: Callable[[Path], object]) -> Callable[[Path], object]:
        def opened(made: Path) -> object:
            sizes.append(path.stat().st_size if path.exists() else None)
            return open_file(made)

        return opened

    monkeypatch.setattr(sqlite_file, "open_file", looking(sqlite_file.open_file))
    sqlite_file.make_file(path)
    assert sizes == [None]
    assert path.stat().st_size > 0
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


READ_ONLY: Final = re.compile(
    r"refusing the database file \S+/giftcard\.db: its folder \S+ is read-only for this user"
)


@pytest.mark.one_database
def test_a_read_only_file_system_is_told_as_such(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        with (
            running(settings(disk.folder), Clock()) as service,
            shop_at(target_of(service)) as shop,
        ):
            shop.bought()
        disk.make_read_only()
        url = f"sqlite:///{disk.folder}/giftcard.db"
        for command in (("serve",), ("audit",)):
            ended = giftcard(*command, settings={"GIFTCARD_DATABASE_URL": url})
            assert ended.returncode == 2
            assert READ_ONLY.search(ended.stderr), ended.stderr


@pytest.mark.one_database
@needs_another_user
def test_a_folder_of_somebody_else_is_told_as_such(tmp_path: Path) -> None:
    with folder_of_another_user() as folder:
        theirs = tmp_path / "theirs"
        with running(settings(folder), Clock()):
            """Root has made the files, and the folder is root's from now on."""
        os.chown(folder, 0, 0)
        folder.chmod(0o755)
        told = {"GIFTCARD_DATABASE_URL": f"sqlite:///{folder}/giftcard.db"}
        command = as_another_user(*SERVER, processes=2000)
        server = ServerProcess(theirs, settings=told, command=command)
        theirs.parent.chmod(0o755)
        with pytest.raises(ServerNotReady) as caught:
            server.start()
        assert READ_ONLY.search(str(caught.value)), caught.value
