"""Files that appear whole or not at all, and are durable once they appear."""

from __future__ import annotations

import contextlib
import os
import secrets
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OWNER_ALONE: Final = 0o600
FOR_ALL_TO_READ: Final = 0o644


def create(path: Path, content: bytes, mode: int) -> None:
    """Write a file where there is none. Raises OSError; an existing file stays as it is."""
    with _written_aside(path, content, mode) as aside:
        os.link(aside, path)  # Unlike a rename, it never replaces another file.


def replace(path: Path, content: bytes, mode: int) -> None:
    """Write a file, in the place of an existing one. Raises OSError.

    The owner stays the same, also where root writes; a symbolic link still leads to the file.
    """
    path = path.resolve()
    with _written_aside(path, content, mode) as aside:
        with contextlib.suppress(FileNotFoundError):
            os.chown(aside, path.stat().st_uid, -1)
        aside.rename(path)


@contextlib.contextmanager
def _written_aside(path: Path, content: bytes, mode: int) -> Iterator[Path]:
    """Write a file beside `path`; once the block has moved it there, make the folder durable."""
    aside = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield aside
    finally:
        aside.unlink(missing_ok=True)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
