"""An empty database file with our tables, as a copy: to migrate one takes far longer than a test.

Tests of migrations, and of servers that make their file, begin without one.
"""

import tempfile
from functools import cache
from pathlib import Path

from giftcard_storage.database import DatabaseUrl, migrate


@cache
def _migrated() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "giftcard.db")
        migrate(DatabaseUrl.of_file(path))
        return path.read_bytes()


def make_migrated(path: Path) -> None:
    """Make the file as `giftcard migrate` does, unless there is one."""
    if not path.exists():
        path.touch(0o600)
        path.write_bytes(_migrated())
