"""A disk of a few megabytes, which a test may fill, or make read-only."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

_MOUNT: Final = shutil.which("mount") or "mount"
_UNMOUNT: Final = shutil.which("umount") or "umount"


class SmallDisk:
    """A file system in memory, mounted at `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filling = folder / "filling"

    def fill(self) -> None:
        """Leave no room at all."""
        with self._filling.open("wb") as file:
            disk = os.statvfs(self.folder)
            file.write(bytes(disk.f_bavail * disk.f_frsize))

    def clear(self) -> None:
        """Give the room back."""
        self._filling.unlink()

    def make_read_only(self) -> None:
        """Let nothing be written any more; no file may be open for writing."""
        subprocess.run([_MOUNT, "-o", "remount,ro", self.folder], check=True)


@contextmanager
def small_disk(folder: Path, megabytes: int = 8) -> Iterator[SmallDisk]:
    """Mount a small disk at a new folder; skip where that is not allowed."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    folder.mkdir()
    options = ("-t", "tmpfs", "-o", f"size={megabytes}m", "giftcard-test", str(folder))
    mounted = subprocess.run([_MOUNT, *options], capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.strip()}")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run([_UNMOUNT, "--lazy", folder], check=True)
