"""`giftcard keys`: rings are made, rotated, listed and checked, and no secret is ever printed."""

import json
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from giftcard_server.keys import key_file
from given.calls.shop import shop_at
from given.databases.kinds import Place
from given.servers.giftcard_command import giftcard
from given.servers.running import Clock, running, settings, target_of

SHOWN: Final = ("key", "place", "fingerprint", "cards", "live cards", "people of")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A ring with one key."""
    path = tmp_path / "ring"
    key_file.make(path)
    return path


@pytest.fixture
def used(place: Place) -> Place:
    """A database with two live cards and a used one under k1, one under k2, and k3 in front."""
    for cards in (3, 1):
        with running(settings(place), Clock()) as service, shop_at(target_of(service)) as shop:
            codes = [shop.bought().code for _ in range(cards)]
            if cards == 3:
                shop.paid(codes[0])
        key_file.rotate(place.key_file)
    return place


def settings_of(place: Place, **more: str) -> dict[str, str]:
    return {**place.environment, **more}


def output_of(done: subprocess.CompletedProcess[str], ring: Path) -> str:
    """Return the whole output of a command, after a check that it holds no secret."""
    text = done.stdout + done.stderr
    assert "Traceback" not in text
    for key in key_file.read(ring).keys:
        assert key.secret.hex() not in text
        assert str(key.secret) not in text
    return text


def as_json(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def counted(answer: dict[str, Any]) -> list[tuple[object, ...]]:
    return [
        (each["key_id"], each["place"], each["cards"], each["live_cards"], each["people"])
        for each in answer["keys"]
    ]


def without(path: Path, removed: str) -> None:
    lines = path.read_text("ascii").splitlines(keepends=True)
    path.write_text("".join(line for line in lines if line.split()[0] != removed), "ascii")


def test_a_new_ring_has_one_key_that_its_owner_alone_can_read(tmp_path: Path) -> None:
    path = tmp_path / "ring"
    done = giftcard("keys", "new", str(path))
    assert (done.returncode, output_of(done, path)) == (0, f"{path}: one new key\n")
    assert len(key_file.read(path).keys) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_existing_ring_is_never_overwritten(path: Path) -> None:
    before = path.read_bytes()
    done = giftcard("keys", "new", str(path))
    assert done.returncode == 2
    assert f"there is a key file {path} already" in output_of(done, path)
    assert path.read_bytes() == before


# The options after `rotate PATH`, the output, and the ring afterwards.
ROTATIONS: Final = (
    ((), "k2 is new, and first", ["k2", "k1"]),
    (("--later",), "k2 is new, and last", ["k1", "k2"]),
    (("--to", "k1"), "k1 is first now", ["k1"]),
)


@pytest.mark.parametrize(("options", "answer", "after"), ROTATIONS)
def test_rotating_prints_what_it_has_done(
    path: Path, options: tuple[str, ...], answer: str, after: list[str]
) -> None:
    done = giftcard("keys", "rotate", str(path), *options)
    assert (done.returncode, output_of(done, path)) == (0, f"{path}: {answer}\n")
    assert [key.key_id for key in key_file.read(path).keys] == after


def test_servers_that_share_a_database_are_rotated_in_two_steps(path: Path) -> None:
    for options in (["--later"], ["--to", "k2"]):
        assert giftcard("keys", "rotate", str(path), *options).returncode == 0
    assert [key.key_id for key in key_file.read(path).keys] == ["k2", "k1"]


REFUSED: Final = (
    (("new", "nowhere/ring"), "key file nowhere/ring: No such file or directory"),
    (("rotate", "nowhere/ring"), "key file nowhere/ring: No such file or directory"),
    (("rotate", "nothing"), "key file nothing: FileNotFoundError"),
    (("rotate", "PATH", "--to", "k7"), "there is no key k7 in it"),
    (("rotate", "PATH", "--to", "k1", "--later"), "--later and --to are two steps"),
    (("list", "nothing"), "key file nothing: FileNotFoundError"),
)


@pytest.mark.parametrize(("arguments", "why"), REFUSED)
def test_what_cannot_be_done_is_refused_with_a_reason(
    path: Path, arguments: tuple[str, ...], why: str
) -> None:
    before = path.read_bytes()
    done = giftcard("keys", *(str(path) if each == "PATH" else each for each in arguments))
    assert done.returncode == 2
    assert why in output_of(done, path)
    assert path.read_bytes() == before


def test_a_list_shows_what_each_key_is_for_and_how_many_cards_it_has(used: Place) -> None:
    done = giftcard("keys", "list", "--output", "json", settings=settings_of(used))
    output_of(done, used.key_file)
    answer = as_json(done)
    assert counted(answer) == [("k3", 1, 0, 0, 0), ("k2", 2, 1, 1, 1), ("k1", 3, 3, 2, 3)]
    ring = key_file.read(used.key_file)
    assert [each["fingerprint"] for each in answer["keys"]] == list(
        map(key_file.fingerprint, ring.keys)
    )
    without(used.key_file, "k1")
    table = giftcard("keys", "list", settings=settings_of(used))
    assert table.returncode == 0
    rows = output_of(table, used.key_file).splitlines()
    assert all(column in rows[1] for column in SHOWN)
    assert any("k3" in row and "for new cards" in row for row in rows)
    assert any("k1" in row and "missing" in row for row in rows)


def test_a_list_of_a_file_needs_no_database(path: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'foreign.db'}"
    (tmp_path / "foreign.db").write_text("no database", "ascii")
    done = giftcard(
        "keys", "list", str(path), "--output", "json", settings={"GIFTCARD_DATABASE_URL": url}
    )
    assert done.returncode == 0
    assert counted(as_json(done)) == [("k1", 1, None, None, None)]
    assert "cards were not counted: refusing the database file" in as_json(done)["remarks"][0]


def nothing(_path: Path) -> None:
    pass


def no_k1(path: Path) -> None:
    without(path, "k1")


def no_k3(path: Path) -> None:
    without(path, "k3")


def another_k1(path: Path) -> None:
    other = path.with_name("other")
    key_file.make(other)
    no_k1(path)
    path.write_text(path.read_text("ascii") + other.read_text("ascii"), "ascii")


def open_to_others(path: Path) -> None:
    path.chmod(0o644)


# A change of the ring, the exit code of the check, and the refusal of a server.
CHECKS: Final = (
    (nothing, 0, ""),
    (no_k3, 0, ""),
    (no_k1, 1, "2 live cards need the key k1"),
    (another_k1, 1, "the key k1 is not the one that cards were made with"),
    (open_to_others, 1, "others than its owner may open it; use chmod 600"),
)


@pytest.mark.parametrize(("spoil", "exit_code", "why"), CHECKS)
def test_a_check_finds_what_a_server_would_refuse(
    used: Place, spoil: Callable[[Path], None], exit_code: int, why: str
) -> None:
    spoil(used.key_file)
    done = giftcard("keys", "check", "--output", "json", settings=settings_of(used))
    answer = as_json(done)
    assert (done.returncode, answer["can_start"]) == (exit_code, not why)
    assert "".join(answer["mistakes"]).endswith(why)
    assert {each["key_id"]: each["live_cards"] for each in answer["keys"]}["k1"] == 2
    if why:
        refused = giftcard("serve", settings=settings_of(used))
        assert refused.returncode == 2
        assert refused.stderr == f"giftcard cannot start:\n{answer['mistakes'][0]}\n"


def test_a_check_prints_a_table_as_well(used: Place) -> None:
    good = giftcard("keys", "check", settings=settings_of(used))
    assert output_of(good, used.key_file).endswith("\nA server can start.\n")
    no_k1(used.key_file)
    bad = giftcard("keys", "check", settings=settings_of(used))
    assert output_of(bad, used.key_file).endswith(
        "\n2 live cards need the key k1\nA server would refuse to start.\n"
    )


def test_before_the_first_start_there_is_nothing_to_check_and_nothing_is_made(
    tmp_path: Path,
) -> None:
    settings = {"GIFTCARD_DATABASE_URL": f"sqlite:///{tmp_path / 'giftcard.db'}"}
    for command in ("list", "check"):
        done = giftcard("keys", command, settings=settings)
        assert done.returncode == 0
        assert "there is no ring yet: a server makes one" in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_a_lost_key_file_is_a_mistake_and_none_is_made_in_its_place(used: Place) -> None:
    used.key_file.unlink()
    done = giftcard("keys", "check", "--output", "json", settings=settings_of(used))
    assert done.returncode == 1
    (mistake,) = as_json(done)["mistakes"]
    assert mistake.startswith(f"the key file {used.key_file} is missing")
    assert not used.key_file.exists()


CANNOT_LOOK: Final = (
    ({"GIFTCARD_KEYS": "k1 abcd"}, "start:\nkeys: line 1 is not an id and a secret in hex"),
    (
        {"GIFTCARD_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing"},
        "check keys:\nrefusing the database postgresql://nobody@127.0.0.1:1/nothing: it cannot",
    ),
)


@pytest.mark.parametrize(("settings", "why"), CANNOT_LOOK)
def test_a_check_that_is_not_possible_is_refused_with_a_reason(
    path: Path, settings: dict[str, str], why: str
) -> None:
    ring = {} if "GIFTCARD_KEYS" in settings else {"GIFTCARD_KEY_FILE": str(path)}
    done = giftcard("keys", "check", settings=ring | settings)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"giftcard cannot {why}")
    assert "abcd" not in done.stderr
