"""The key ring at rest: a file with one key a line, the first for new cards.

    # id  secret
    k1    9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08

Whoever has this file and a request id can derive the card's code: it is as secret as the
money on all cards.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from typing import TYPE_CHECKING, Final

from giftcard_rules.codes import Key, KeyRing

if TYPE_CHECKING:
    from pathlib import Path

SECRET_BYTES: Final = 32
_LINE: Final = re.compile(r"(?P<key_id>[a-z0-9-]{1,16})\s+(?P<secret>[0-9a-fA-F]{64,})")
_OTHERS: Final = 0o077


class KeysRefusedError(Exception):
    """The key file cannot be used. Names the file and the line, never a secret."""


def read(path: Path) -> KeyRing:
    """Read a ring. Raises `KeysRefusedError`."""
    try:
        text = path.read_text(encoding="ascii")
        mode = path.stat().st_mode
    except (OSError, UnicodeDecodeError) as error:
        message = f"key file {path}: {type(error).__name__}"
        raise KeysRefusedError(message) from error
    if mode & _OTHERS:
        message = f"key file {path}: others than its owner may open it; use chmod 600"
        raise KeysRefusedError(message)
    keys = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            message = f"key file {path}: line {number} is not an id and a secret in hex"
            raise KeysRefusedError(message)
        keys.append(Key(match["key_id"], bytes.fromhex(match["secret"])))
    if not keys or len({key.key_id for key in keys}) != len(keys):
        message = f"key file {path}: must hold at least one key, each id once"
        raise KeysRefusedError(message)
    return KeyRing(tuple(keys))


def make(path: Path) -> None:
    """Make a ring with one new key, readable by its owner alone, whole or not at all.

    A ring that another server makes meanwhile stays as it is.
    """
    line = f"k1 {secrets.token_hex(SECRET_BYTES)}\n"
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        # A link, unlike a rename, never takes the place of a ring that came in between.
        with contextlib.suppress(FileExistsError):
            os.link(fresh, path)
    finally:
        fresh.unlink()
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
