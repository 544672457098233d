"""The erasure journal: a file outside of the database, so that erasures outlive a restore (R32).

Each erasure is a line of JSON, which is on the disk before the erasure is committed:

    {"receipt_id": "...", "erased_at": "2026-11-30T08:00:00+00:00", "actor": "<digest>",
     "erased": [["<card id>", "PURCHASER", "", "<data key id>"]]}

Nothing of it tells who a person was. A line of an erasure that was not committed after all does no
harm: somebody had asked for it.
"""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from giftcard_rules.decisions import PersonRole
from giftcard_rules.person_acts import Slot
from giftcard_storage.errors import JournalError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

# So much is read at a time to find where the last whole line ends.
_BLOCK_BYTES: Final = 4096


class TornJournalError(ValueError):
    """A line of a journal is no erasure. Names the line's number, and quotes nothing of it."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """A line of the journal; `erased` has the data keys that went, with whom they were of."""

    receipt_id: str
    erased_at: str
    actor: str
    erased: tuple[tuple[Slot, str], ...]

    @property
    def line(self) -> str:
        """The line, without its end."""
        return json.dumps(
            {
                "receipt_id": self.receipt_id,
                "erased_at": self.erased_at,
                "actor": self.actor,
                "erased": [
                    [slot.card_id, slot.role.value, slot.authorization_id, data_key_id]
                    for slot, data_key_id in self.erased
                ],
            }
        )


@dataclass(frozen=True, slots=True)
class ErasureJournal:
    """A journal in a file, which several processes may write."""

    path: Path

    def append(self, erasures: Sequence[Erasure]) -> None:
        """Add lines, and wait until they are on the disk. Raises `JournalError`.

        A last line that is torn, by a crash or a full disk, is removed first: its erasure was not
        committed, and the next line would go on in it.
        """
        text = "".join(f"{erasure.line}\n" for erasure in erasures).encode()
        try:
            file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_EX)  # Another process may be about to write.
                whole = _remove_torn_line(file)
                if os.write(file, text) != len(text):
                    os.ftruncate(file, whole)
                    message = "the disk is full"
                    raise JournalError(message)
                os.fsync(file)
            finally:
                os.close(file)
            # Each time: whoever made the file may have crashed before its name was on the disk.
            _flush_folder(self.path)
        except OSError as error:
            message = f"the erasure journal cannot be written ({type(error).__name__})"
            raise JournalError(message) from error

    def why_not_writable(self) -> str:
        """Return why no line could be added now, or one is damaged; empty where all is well.

        It changes nothing, unlike `append`, which makes the file.
        """
        folder = self.path.absolute().parent
        if not self.path.exists():
            if os.access(folder, os.W_OK | os.X_OK):
                return ""
            return "no file can be made in its folder" if folder.is_dir() else "its folder is gone"
        try:
            os.close(os.open(self.path, os.O_RDWR | os.O_APPEND))
            for _ in erasures_in(self.path):
                pass
        except OSError as error:
            return f"it cannot be written ({type(error).__name__})"
        except TornJournalError as error:
            return str(error)
        return "" if os.statvfs(folder).f_bavail else "the disk is full"


def _remove_torn_line(file: int) -> int:
    """Cut a file off behind its last whole line; return how many bytes it has then."""
    size = os.fstat(file).st_size
    end, tail = size, b""
    while end and b"\n" not in tail:
        start = max(0, end - _BLOCK_BYTES)
        tail, end = os.pread(file, end - start, start), start
    whole = end + tail.rfind(b"\n") + 1
    if whole < size:
        os.ftruncate(file, whole)
    return whole


def erasures_in(path: Path) -> Iterator[Erasure]:
    """Yield the erasures of a journal, oldest first.

    A last line without its end was cut off before its erasure was committed, and is left out.
    Raises OSError, and `TornJournalError` for any other line that is no erasure.
    """
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.endswith("\n"):
                return
            try:
                yield _erasure_of(json.loads(line))
            except (KeyError, TypeError, ValueError) as error:
                message = f"line {number} is no erasure"
                raise TornJournalError(message) from error


def _erasure_of(read: dict[str, object]) -> Erasure:
    erased = read["erased"]
    if not isinstance(erased, list):
        raise TypeError
    return Erasure(
        str(read["receipt_id"]),
        str(read["erased_at"]),
        str(read["actor"]),
        tuple(
            (Slot(str(card_id), PersonRole(role), str(authorization_id)), str(data_key_id))
            for card_id, role, authorization_id, data_key_id in erased
        ),
    )


def _flush_folder(path: Path) -> None:
    """Have the name of a new file outlive a crash."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
