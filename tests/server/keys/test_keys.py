"""The text and the file of a key ring: changes lose no key, and no secret is printed."""

import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from giftcard_rules.codes import Key, KeyRing
from giftcard_server.errors import KeysRefusedError, SettingsError
from giftcard_server.keys import key_file
from giftcard_server.settings_reading import read_settings

A, B = "0a" * 32, "0B" * 40
ROTATIONS: Final = 8

TEXTS: Final = (
    (f"k1 {A}", ["k1"]),
    (f"k1\t{A}\n", ["k1"]),
    (f"# id secret\n\n  k2   {A}  \nk1 {B}\n", ["k2", "k1"]),
    (f"k2 {A},k1 {B}", ["k2", "k1"]),
    (f" k2 {A} , k1 {B}, ", ["k2", "k1"]),
    (f"# a comment, with commas\nautumn-2026 {A}\r\nk1 {B}", ["autumn-2026", "k1"]),
)


@pytest.mark.parametrize(("text", "key_ids"), TEXTS)
def test_a_ring_has_its_keys_on_lines_or_between_commas(text: str, key_ids: list[str]) -> None:
    ring = key_file.parse(text)
    assert [key.key_id for key in ring.keys] == key_ids
    assert ring.first.secret == bytes.fromhex(A)


MISTAKES: Final = (
    ("", "must hold at least one key, each id once"),
    ("# nothing", "must hold at least one key, each id once"),
    (f"k1 {A}\nk1 {B}", "must hold at least one key, each id once"),
    (f"k1 {A}\n{B}", "line 2 is not an id and a secret in hex"),
    (f"k1 {A[:-2]}", "line 1 is not an id and a secret in hex"),
    (f"k1 {A}0", "line 1 is not an id and a secret in hex"),
    (f"k1:{A}", "line 1 is not an id and a secret in hex"),
    (f"K1 {A}", "line 1 is not an id and a secret in hex"),
    (f"a-name-of-17-char {A}", "line 1 is not an id and a secret in hex"),
    (f"k1 {A} {B}", "line 1 is not an id and a secret in hex"),
    (f"k1 {A[:-1]}g", "line 1 is not an id and a secret in hex"),
)


@pytest.mark.parametrize(("text", "mistake"), MISTAKES)
def test_a_mistake_in_a_ring_is_reported_by_its_line_and_never_quoted(
    text: str, mistake: str
) -> None:
    with pytest.raises(KeysRefusedError) as caught:
        key_file.parse(text)
    assert str(caught.value) == mistake


@given(st.text() | st.text("k1 0a,\n#", max_size=200))
def test_any_text_is_a_ring_or_a_mistake(text: str) -> None:
    with suppress(KeysRefusedError):
        assert key_file.parse(text).keys


SETTINGS: Final = (
    ({"GIFTCARD_KEYS": f"k1 {A}g"}, "keys: line 1 is not an id and a secret in hex"),
    ({"GIFTCARD_KEYS": A}, "keys: line 1 is not an id and a secret in hex"),
    ({"GIFTCARD_KEYS": ""}, "keys: must hold at least one key, each id once"),
    (
        {"GIFTCARD_KEYS": f"k1 {A}", "GIFTCARD_KEY_FILE": "ring"},
        "keys and key_file are two rings: set only one of them",
    ),
)


@pytest.mark.parametrize(("environment", "mistake"), SETTINGS)
def test_a_mistake_in_a_setting_is_reported_without_its_value(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], mistake: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        read_settings()
    assert str(caught.value) == mistake
    assert caught.value.__context__ is None


def test_settings_with_a_ring_in_them_do_not_print_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIFTCARD_KEYS", f"k2 {A},k1 {B}")
    found = read_settings()
    assert found.keys is not None
    assert found.keys.get("k1") is not None
    shown = f"{found!r} {found} {found.keys.first}"
    assert "k2" in shown
    assert A not in shown
    assert str(bytes.fromhex(A)) not in shown


def ids(ring: KeyRing) -> list[str]:
    return [key.key_id for key in ring.keys]


def put_first(key_id: str) -> Callable[[Path], KeyRing]:
    return partial(key_file.put_first, key_id=key_id)


# The keys in a file, a change, and the keys afterwards; `*` is a new key.
CHANGES: Final = (
    ("k1", key_file.rotate, ["k2*", "k1"]),
    ("k9 k1", key_file.rotate, ["k10*", "k9", "k1"]),
    ("k2", key_file.rotate, ["k3*", "k2"]),
    ("autumn-2026", key_file.rotate, ["k1*", "autumn-2026"]),
    ("k2 k1", key_file.add_last, ["k2", "k1", "k3*"]),
    ("k2 k1 k3", put_first("k3"), ["k3", "k2", "k1"]),
    ("k2 k1", put_first("k2"), ["k2", "k1"]),
)


@pytest.mark.parametrize(("before", "change", "after"), CHANGES)
def test_a_change_keeps_every_key_and_every_comment(
    tmp_path: Path, before: str, change: Callable[[Path], KeyRing], after: list[str]
) -> None:
    path = tmp_path / "ring"
    secrets = {key_id: bytes([number]) * 32 for number, key_id in enumerate(before.split())}
    lines = [f"{key_id} {secret.hex()}" for key_id, secret in secrets.items()]
    path.write_text("\n".join([lines[0], "# of last year", *lines[1:]]), "ascii")
    path.chmod(0o400)
    returned = change(path)
    ring = key_file.read(path)
    assert ids(ring) == ids(returned) == [key_id.rstrip("*") for key_id in after]
    for key in ring.keys:
        assert (key.secret == secrets.get(key.key_id)) == (f"{key.key_id}*" not in after)
    assert path.read_text("ascii").startswith("# of last year\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_key_cannot_be_put_first(tmp_path: Path) -> None:
    path = tmp_path / "ring"
    key_file.make(path)
    before = path.read_bytes()
    with pytest.raises(KeysRefusedError, match="there is no key k7 in it"):
        key_file.put_first(path, "k7")
    assert path.read_bytes() == before


def test_a_link_to_a_ring_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "mounted").mkdir()
    there, link = tmp_path / "mounted" / "ring", tmp_path / "ring"
    key_file.make(there)
    link.symlink_to(there)
    key_file.rotate(link)
    assert link.is_symlink()
    assert ids(key_file.read(there)) == ["k2", "k1"]


def test_rotations_at_the_same_time_lose_no_key(tmp_path: Path) -> None:
    path = tmp_path / "ring"
    key_file.make(path)
    with ThreadPoolExecutor(4) as threads:
        returned = list(threads.map(key_file.rotate, [path] * ROTATIONS))
    final = key_file.read(path)
    assert ids(final) == [f"k{number}" for number in range(1 + ROTATIONS, 0, -1)]
    secrets = {key.key_id: key.secret for key in final.keys}
    assert {ring.first.key_id: ring.first.secret for ring in returned}.items() <= secrets.items()


def test_a_reader_never_sees_a_part_of_a_ring(tmp_path: Path) -> None:
    path = tmp_path / "ring"
    key_file.make(path)
    with ThreadPoolExecutor(1) as threads:
        rotating = [threads.submit(key_file.rotate, path) for _ in range(ROTATIONS)]
        while not all(each.done() for each in rotating):
            assert "k1" in ids(key_file.read(path))


def test_a_fingerprint_distinguishes_keys_and_never_changes() -> None:
    secret = bytes(range(32))
    assert key_file.fingerprint(Key("k1", secret)) == key_file.fingerprint(Key("k2", secret))
    assert key_file.fingerprint(Key("k1", secret)) == "7371ba2dc1f0"
    assert key_file.fingerprint(Key("k1", bytes(32))) != key_file.fingerprint(Key("k1", secret))
