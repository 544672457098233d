"""Whole copies of an embedded database, made while servers write, and put in its place again."""

from __future__ import annotations

import os
import shutil
from contextlib import closing
from typing import TYPE_CHECKING, Final

from giftcard_storage.audit import audit
from giftcard_storage.engines.sqlite_file import open_file, refused, require_ours
from giftcard_storage.errors import translated
from giftcard_storage.transactions import reading

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from giftcard_storage.audit import Difference

OWNER_ALONE: Final = 0o600
# What SQLite keeps beside a file while it is in use.
_BESIDE: Final = ("-wal", "-shm", "-journal")


def copy_whole(source: Path, target: Path) -> None:
    """Copy a database as it is at one moment, without holding up anybody who writes.

    The copy is durable when this returns. It holds no page that was freed. Raises
    `DatabaseRefusedError` where the target exists, or where a file cannot be written.
    """
    require_ours(source)
    if target.exists():
        raise refused(target, "it exists, and a backup replaces nothing")
    aside = target.with_name(f"{target.name}.{os.getpid()}.new")
    try:
        aside.touch(mode=OWNER_ALONE, exist_ok=False)
        with closing(open_file(source)) as database, translated():
            database.execute_sql("VACUUM INTO ?", (str(aside),))
        with closing(open_file(aside)) as copy:  # The mode of its log is not copied.
            copy.execute_sql("PRAGMA journal_mode = WAL")
        _make_durable(aside)
        target.hardlink_to(aside)  # Unlike a rename, it never replaces another file.
        _make_durable(target.parent)
    except OSError as error:
        raise refused(target, f"it cannot be written ({error.strerror})") from error
    finally:
        aside.unlink(missing_ok=True)


def differences_in(path: Path) -> list[Difference]:
    """Check every page and every invariant of a copy that nobody else uses.

    Raises `DatabaseRefusedError` where it is damaged, not ours or newer than this code.
    """
    require_ours(path)
    with closing(open_file(path)) as database, reading(database):
        return audit(database)


def copied_beside(backup: Path, place: Path) -> Path:
    """Copy a backup beside the place of the database, where it can be prepared; return the copy.

    Raises `DatabaseRefusedError` where it cannot be written.
    """
    aside = place.with_name(f"{place.name}.{os.getpid()}.restored")
    try:
        shutil.copyfile(backup, aside)
        aside.chmod(OWNER_ALONE)
    except OSError as error:
        raise refused(aside, f"it cannot be written ({error.strerror})") from error
    return aside


def put_in_place(prepared: Path, place: Path, set_aside: Path) -> None:
    """Move a database to its place, and the one that is there, if any, to `set_aside`.

    Nobody may have either of them open. Raises `DatabaseRefusedError` where a file cannot be moved.
    """
    try:
        _make_durable(prepared)
        for file in _files_of(place):
            file.rename(set_aside.with_name(set_aside.name + file.name.removeprefix(place.name)))
        prepared.rename(place)
        _make_durable(place.parent)
    except OSError as error:
        raise refused(place, f"it cannot be written ({error.strerror})") from error


def remove(path: Path) -> None:
    """Remove a database that nobody uses, with what SQLite keeps beside it."""
    for file in _files_of(path):
        file.unlink(missing_ok=True)


def _files_of(path: Path) -> Iterator[Path]:
    """Yield the files of a database that are there, its log before itself."""
    for name in (*(path.name + end for end in _BESIDE), path.name):
        file = path.with_name(name)
        if file.exists():
            yield file


def _make_durable(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
