"""The key ring as a text: one key a line, the first for new cards.

    # id  secret
    k1    9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08

The text is in a file or in a setting, where a comma may stand for the end of a line. A ring and
a request id are enough to derive the card's code, so a ring is as secret as the money on all cards.
"""

from __future__ import annotations

import contextlib
import fcntl
import hmac
import os
import re
import secrets
from typing import TYPE_CHECKING, Final

from giftcard_rules.codes import Key, KeyRing
from giftcard_server.errors import KeysRefusedError
from giftcard_server.keys import whole_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

SECRET_BYTES: Final = 32
FINGERPRINT_BYTES: Final = 6
_LINE: Final = re.compile(r"(?P<key_id>[a-z0-9-]{1,16})\s+(?P<secret>(?:[0-9a-fA-F]{2}){32,})")
_OF_OUR_OWN_MAKING: Final = re.compile(r"k(?P<number>[0-9]{1,14})")
_OTHERS: Final = 0o077


def parse(text: str) -> KeyRing:
    """Read a ring. Raises `KeysRefusedError`."""
    keys = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip().startswith("#"):
            continue
        for entry in filter(None, map(str.strip, line.split(","))):
            match = _LINE.fullmatch(entry)
            if match is None:
                message = f"line {number} is not an id and a secret in hex"
                raise KeysRefusedError(message)
            keys.append(Key(match["key_id"], bytes.fromhex(match["secret"])))
    if not keys or len({key.key_id for key in keys}) != len(keys):
        message = "must hold at least one key, each id once"
        raise KeysRefusedError(message)
    return KeyRing(tuple(keys))


def ring_of_setting(value: object) -> object:
    """Parse the value of a setting if it is text, and return any other value as it is."""
    return parse(value) if isinstance(value, str) else value


def read(path: Path) -> KeyRing:
    """Read the ring in a file. Raises `KeysRefusedError`."""
    return _read(path)[1]


def _read(path: Path) -> tuple[str, KeyRing]:
    try:
        text = path.read_text(encoding="ascii")
        mode = path.stat().st_mode
    except (OSError, UnicodeDecodeError) as error:
        message = f"key file {path}: {type(error).__name__}"
        # Without its cause, which quotes the bytes that it could not decode.
        raise KeysRefusedError(message) from None
    if mode & _OTHERS:
        message = f"key file {path}: others than its owner may open it; use chmod 600"
        raise KeysRefusedError(message)
    try:
        return text, parse(text)
    except KeysRefusedError as error:
        message = f"key file {path}: {error}"
        raise KeysRefusedError(message) from None


def make(path: Path) -> None:
    """Make a file with one new key, which its owner alone may open. Raises OSError.

    An existing file stays as it is, also one that another process makes at the same time.
    """
    text = _text_of([_new("k1")])
    whole_files.create(path, text.encode(), whole_files.OWNER_ALONE)


def rotate(path: Path) -> KeyRing:
    """Put a new key in front of the ring in a file, and return the changed ring.

    Raises `KeysRefusedError` and OSError, after which the file is as it was. This and every other
    function that changes a file waits for changes by other processes to finish.
    """
    return _change(path, lambda old: [_new(_next_id(old)), *old.keys])


def add_last(path: Path) -> KeyRing:
    """Put a new key behind all others, so that every server knows it before new cards use it."""
    return _change(path, lambda old: [*old.keys, _new(_next_id(old))])


def put_first(path: Path, key_id: str) -> KeyRing:
    """Make a key of the ring the first one, which new cards use."""

    def put(old: KeyRing) -> list[Key]:
        first = old.get(key_id)
        if first is None:
            message = f"key file {path}: there is no key {key_id} in it"
            raise KeysRefusedError(message)
        return [first, *(key for key in old.keys if key is not first)]

    return _change(path, put)


def fingerprint(key: Key) -> str:
    """Return 12 hex digits that distinguish keys with equal ids and reveal nothing of a secret."""
    # The input of every other derivation begins with a length, so that none equals this text.
    digest = hmac.digest(key.secret, b"the fingerprint of a key of giftcard.v1", "sha256")
    return digest[:FINGERPRINT_BYTES].hex()


def _change(path: Path, changed: Callable[[KeyRing], list[Key]]) -> KeyRing:
    with _locked(path.resolve().parent):
        text, ring = _read(path)
        keys = changed(ring)
        comments = [line for line in text.splitlines() if line.strip().startswith("#")]
        content = "\n".join([*comments, _text_of(keys)])
        whole_files.replace(path, content.encode(), whole_files.OWNER_ALONE)
    return KeyRing(tuple(keys))


def _next_id(ring: KeyRing) -> str:
    """Return k3 after k2, also where k1 was removed, since cards may still name it."""
    matches = (_OF_OUR_OWN_MAKING.fullmatch(key.key_id) for key in ring.keys)
    return f"k{1 + max((int(match['number']) for match in matches if match), default=0)}"


def _new(key_id: str) -> Key:
    return Key(key_id, secrets.token_bytes(SECRET_BYTES))


def _text_of(keys: Iterable[Key]) -> str:
    return "".join(f"{key.key_id} {key.secret.hex()}\n" for key in keys)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold an exclusive lock on the folder; the file itself is replaced, so it cannot be locked."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
